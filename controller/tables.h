/* The tables at start: opened when they can be believed, made anew from the log when not, and brought up to what the
 * log is known to have committed. */
#ifndef AQ_CONTROLLER_TABLES_H
#define AQ_CONTROLLER_TABLES_H

#include "controller/log/store.h"
#include "controller/settings/settings.h"
#include "controller/state/state.h"

/* `rebuild`: make them anew in any case. */
int tables_open(struct state **state, const struct aq_config_controller *config, struct log_store *store, bool rebuild,
                struct aq_error *error) AQ_MUST_CHECK;

/* Everything on disk, and noted as closed in order. */
int tables_close(struct state *state, struct aq_error *error) AQ_MUST_CHECK;

#endif
