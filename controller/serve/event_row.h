/* The row that an event is about: who owns it, and to which project it belongs, as far as the event and the tables
 * tell. For readers that may see the events of some rows only. */
#ifndef AQ_CONTROLLER_SERVE_EVENT_ROW_H
#define AQ_CONTROLLER_SERVE_EVENT_ROW_H

#include "controller/state/state.h"
#include "schema/codec/entry.h"
#include "schema/model/access.h"

struct event_row {
    uint64_t owner;      /* number of the user who owns the row; 0: nobody, or that is not known (any more) */
    const char *project; /* of the row, in the arena; "": it is of all projects; NULL: of none, or that is not known */
};

/* The row may have left the tables: of an event that does not tell itself whose it was, that is not known then. Of
 * resources that are gone it is, as long as their application is there. */
struct event_row event_row_find(struct state_txn *txn, const struct aq_event *event, struct aq_arena *arena);

/* Is the event about many rows, of several owners? Then readers of some rows see a part of it. */
bool event_row_is_many(const struct aq_event_type *type);
/* The part of such an event that the caller may see, in the arena. False: there is none. */
bool event_row_narrow(struct state_txn *txn, const struct aq_caller *caller, const struct aq_event *event,
                      struct aq_event *part, struct aq_arena *arena);

#endif
