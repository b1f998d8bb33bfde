/* decide(state, command) -> events, or a refusal. Pure: reads the tables and the placement index, takes time and author
 * as inputs, writes nothing. Each entity has its file here; the linker gathers the handlers, nobody keeps a list.
 *
 * A command that changes nothing (a repeated report, say) is done without events. */
#ifndef AQ_CONTROLLER_DECIDE_DECIDE_H
#define AQ_CONTROLLER_DECIDE_DECIDE_H

#include "controller/place/index.h"
#include "controller/state/counters.h"
#include "controller/state/indexes.h"
#include "controller/state/state.h"
#include "schema/model/command.h"
#include "schema/model/entity.h"
#include "schema/model/event.h"

enum { DECIDE_EVENTS_MAX = 65536, DECIDE_ID_SIZE = 65 };

struct decide_event {
    const struct aq_event_type *type;
    const void *data; /* the struct of type->record, in the arena */
};

struct decide {
    /* Filled by the caller. */
    struct state_txn *txn;
    const struct place_index *index;
    struct aq_arena *arena; /* for the events */
    uint64_t time_ms;
    const char *author;
    enum aq_role role;

    /* Filled by the handler. */
    struct decide_event *events;
    size_t count, capacity;
    char id[DECIDE_ID_SIZE]; /* key of what was made or changed, as users see it */
};

/* 0: decided, with decide->count events. -1: refused. */
int decide_command(struct decide *decide, const struct aq_command *command, const void *record,
                   struct aq_error *error) AQ_MUST_CHECK;

/* ---- for handlers --------------------------------------------------------------------------------------- */

typedef int decide_fn(struct decide *decide, const void *record, struct aq_error *error);
struct decide_handler {
    const struct aq_command *command;
    decide_fn *decide;
};
#define DECIDE(row, fn)                                                                                                \
    static const struct decide_handler fn##_handler = {&row, fn};                                                      \
    static const struct decide_handler *const fn##_row __attribute__((used, section("aq_decide"))) = &fn##_handler

/* Copies the event's struct (what it points to must be in the arena, or outlive the batch). */
void decide_emit(struct decide *decide, const struct aq_event_type *type, const void *data);
void decide_id_number(struct decide *decide, uint64_t id);
void decide_id_name(struct decide *decide, const char *name);

/* Refuses with AQ_E_FORBIDDEN unless the author is an admin or `owner`; words: "application 7". */
int decide_check_owner(const struct decide *decide, const char *owner, const char *what,
                       struct aq_error *error) AQ_MUST_CHECK;

/* Shared by the files of applications and resources: looks for a node, and emits what came of it: elected, waiting, or
 * ERROR when nothing is left to try. */
struct aq_application;
struct aq_label;
struct aq_list;
void decide_election(struct decide *decide, const struct aq_application *application, const struct aq_label *label,
                     const struct aq_list *tries);

#endif
