/* The tables at start: opened if they can be trusted, else rebuilt from the log; then they apply all entries that the
 * log knows to be committed. */
#ifndef AQ_CONTROLLER_TABLES_H
#define AQ_CONTROLLER_TABLES_H

#include "controller/log/store.h"
#include "controller/settings/settings.h"
#include "controller/state/state.h"

/* `rebuild`: rebuilds them in any case. */
int tables_open(struct state **state, const struct aq_config_controller *config, struct log_store *store, bool rebuild,
                struct aq_error *error) AQ_MUST_CHECK;

/* Writes everything to disk, marks the tables as closed, and closes them. */
int tables_close(struct state *state, struct aq_error *error) AQ_MUST_CHECK;

#endif
