/* Opens the secrets of a resource, for its agent and for itself. */
#ifndef AQ_CONTROLLER_SECRETS_OPENER_H
#define AQ_CONTROLLER_SECRETS_OPENER_H

#include "controller/secrets/keyring.h"
#include "schema/base/memory.h"

struct aq_label;
struct aq_application;

/* The secrets of one definition of the label, and over them those of the application, as a list of aq_secret in
 * `arena`, which is to be wiped. Fails with AQ_E_STATE when a key is lost, or a box is damaged: the error names what
 * cannot be read. */
int secrets_open(struct keyring *keyring, const struct aq_label *label, uint64_t definition,
                 const struct aq_application *application, struct aq_list *secrets, struct aq_arena *arena,
                 struct aq_error *error) AQ_MUST_CHECK;

#endif
