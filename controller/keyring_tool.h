/* aq-controller --keyring-save and --keyring-load: a backup of the keyring, and what a restored controller gets back.
 */
#ifndef AQ_CONTROLLER_KEYRING_TOOL_H
#define AQ_CONTROLLER_KEYRING_TOOL_H

#include "controller/settings/settings.h"

struct keyring_job {
    const char *save, *load; /* file; one of them, or NULL */
    const char *passphrase;  /* file that has it, - for standard input; NULL: not given */
};

/* Appends what was done. Saving needs no lock: the controller may run. */
int keyring_tool(const struct aq_config_controller *config, const struct keyring_job *job, struct aq_buffer *report,
                 struct aq_error *error) AQ_MUST_CHECK;

#endif
