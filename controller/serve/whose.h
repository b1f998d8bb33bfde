/* Whose row an event is about, as far as the event and the tables tell: for readers that may see the events of some
 * rows only. */
#ifndef AQ_CONTROLLER_SERVE_WHOSE_H
#define AQ_CONTROLLER_SERVE_WHOSE_H

#include "controller/state/state.h"
#include "schema/codec/entry.h"

struct whose {
    uint64_t owner;      /* number of the user who owns the row; 0: nobody, or that is not known (any more) */
    const char *project; /* of the row, in the arena; "": it is of all projects; NULL: of none, or that is not known */
};

/* The row may have left the tables: of an event that does not tell itself whose it was, that is not known then. Of
 * resources that are gone it is, as long as their application is there. */
struct whose whose_row(struct state_txn *txn, const struct aq_event *event, struct aq_arena *arena);

#endif
