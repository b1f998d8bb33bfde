/* How much a user may write into the log: log.user_burst at once, and log.user_rate over a long time. Users with the
 * permission cluster.exceed, agents and the controller itself have no limit. The file view's writes count as those of
 * REST do. Kept in memory: a restart fills all budgets. The writer's turns. */
#ifndef AQ_CONTROLLER_WRITE_BUDGETS_H
#define AQ_CONTROLLER_WRITE_BUDGETS_H

#include "controller/settings/settings.h"
#include "controller/write/request.h"

struct budgets;

struct budgets *budgets_new(const struct aq_config_log *config);
void budgets_free(struct budgets *budgets); /* NULL is fine */

/* False: the user has written too much, and the request's error says so (AQ_E_RATE). */
bool budgets_allow(struct budgets *budgets, struct writer_request *request, uint64_t now_ms);
/* Counts what a request has written: request->log_bytes. */
void budgets_charge(struct budgets *budgets, const struct writer_request *request, uint64_t now_ms);

#endif
