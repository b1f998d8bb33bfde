/* Rules about secrets, which the door has sealed before (controller/secrets/door.h). */
#ifndef AQ_CONTROLLER_DECIDE_SECRETS_H
#define AQ_CONTROLLER_DECIDE_SECRETS_H

#include "controller/decide/decide.h"
#include "schema/model/application.h"
#include "schema/model/label.h"
#include "schema/model/secret.h"

/* The keys of metadata that a label makes secrets. */
int decide_check_secret_keys(const struct aq_list *secrets, struct aq_error *error) AQ_MUST_CHECK;

/* Fails when a value of the metadata is a secret by `secrets` but is not among `sealed`, or is given under another
 * spelling of its key; or when the epoch of `wrap` has ended meanwhile. */
int decide_check_sealed(const struct decide *decide, const char *metadata, const struct aq_list *secrets,
                        const struct aq_list *sealed, const struct aq_wrap *wrap, struct aq_error *error) AQ_MUST_CHECK;

/* The same for the fields of a record with the rule AQ_SEALED. Changes nothing in it. */
int decide_check_sealed_fields(const struct aq_record *record, const void *object, const struct aq_list *sealed,
                               struct aq_error *error) AQ_MUST_CHECK;

/* Fails when the key of the label's secrets is lost: nothing could be started. */
int decide_check_not_lost(const struct decide *decide, const struct aq_label *label,
                          struct aq_error *error) AQ_MUST_CHECK;

/* The epoch whose key is lost, so that secrets of the application or of its label cannot be read; NULL: they can, or
 * there are none. */
const char *decide_lost_epoch(const struct decide *decide, const struct aq_label *label,
                              const struct aq_application *application);

/* As they are stored: without what is for comparing only. */
struct aq_list decide_stored_secrets(const struct decide *decide, const struct aq_list *sealed);
/* Are the secrets of a command those that the label's latest version has? */
bool decide_same_secrets(const struct aq_list *latest, const struct aq_list *given);

#endif
