/* Which certificate REST shows now, according to the settings: the operator's, or the cluster's own. */
#ifndef AQ_CONTROLLER_TLS_PRESENTED_H
#define AQ_CONTROLLER_TLS_PRESENTED_H

#include "controller/settings/settings.h"
#include "controller/tls/certificate.h"

struct presented;

/* Checks the settings alone; opens nothing. */
int presented_check(const struct aq_config_tls *config, struct aq_error *error) AQ_MUST_CHECK;

/* Reads or makes the certificate. `authority` and `data` must outlive it; `now_ms` is the wall clock. */
int presented_open(struct presented **presented, const struct authority *authority, const char *data,
                   const struct aq_config_tls *config, uint64_t now_ms, struct aq_error *error) AQ_MUST_CHECK;
void presented_close(struct presented *presented); /* NULL is fine */

/* Does the same again, after a change of settings or files, and now and then: handshakes from now on use what it finds.
 * A failure leaves the previous certificate in use. Writes to the journal that it has changed, and, once a day, that it
 * is too old or will soon be. */
int presented_refresh(struct presented *presented, const struct aq_config_tls *config, uint64_t now_ms,
                      struct aq_error *error) AQ_MUST_CHECK;

/* The certificate to show; the caller releases it. Any thread. */
struct certificate *presented_take(struct presented *presented);
uint64_t presented_expires_ms(struct presented *presented);

#endif
