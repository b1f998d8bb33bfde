/* Secrets of metadata: from a file, or from whoever sits at the terminal, and never from the command line, which
 * everybody on the host can read. */
#ifndef AQ_TOOLS_AQ_SECRETS_H
#define AQ_TOOLS_AQ_SECRETS_H

#include "tools/aq/options.h"

#include <jansson.h>

/* Puts the secrets of the options into the metadata of `given`. */
int cli_take_secrets(const struct cli_options *options, json_t *given, struct aq_error *error) AQ_MUST_CHECK;

/* Has the server refuse the application unless these are secrets of its label. */
void cli_name_secrets(const struct cli_options *options, json_t *application);
/* Fails if the label that is to be created would have one of them in plain text. */
int cli_check_secrets(const struct cli_options *options, const json_t *label, struct aq_error *error) AQ_MUST_CHECK;

#endif
