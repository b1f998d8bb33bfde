/* For controller/log: lends its open environment to readers of events. An environment must never be opened twice in one
 * process. */
#ifndef AQ_CONTROLLER_STATE_EVENTS_SHARED_H
#define AQ_CONTROLLER_STATE_EVENTS_SHARED_H

#include "controller/state/events.h"

struct store_map;

/* `entries` is the handle of the table in log_layout.h, `last` the index of its last entry. The environment must
 * outlive the result, which events_close() releases. */
struct events *events_share(struct store_map *map, unsigned entries, uint64_t last);

#endif
