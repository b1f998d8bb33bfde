/* Lets readers of events use the environment that controller/log has open: a process must not open it twice. */
#ifndef AQ_CONTROLLER_STATE_EVENTS_SHARED_H
#define AQ_CONTROLLER_STATE_EVENTS_SHARED_H

#include "controller/lmdb/file.h"
#include "controller/state/events.h"

/* `entries` is the handle of the table in log_layout.h, `last` the index of its last entry. `file` must outlive the
 * result, which events_close() releases. */
struct events *events_share(struct lmdb_file *file, MDB_dbi entries, uint64_t last);

#endif
