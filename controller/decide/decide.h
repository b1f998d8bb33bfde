/* decide(state, command) -> events, or a refusal.
 *
 * Pure: it reads the tables and the placement index, takes time and author as arguments, and writes nothing. Each
 * entity has a file here with a handler for each command; the linker gathers the handlers. A command that changes
 * nothing, such as a repeated report, succeeds without events. */
#ifndef AQ_CONTROLLER_DECIDE_DECIDE_H
#define AQ_CONTROLLER_DECIDE_DECIDE_H

#include "controller/place/index.h"
#include "controller/state/counters.h"
#include "controller/state/indexes.h"
#include "controller/state/state.h"
#include "schema/model/access.h"
#include "schema/model/command.h"
#include "schema/model/entity.h"
#include "schema/model/event.h"
#include "schema/model/key.h"

enum { DECIDE_EVENTS_MAX = 65536, DECIDE_ID_SIZE = 65 };

struct aq_user;

struct decide_event {
    const struct aq_event_type *type;
    const void *data; /* the struct of type->record, in the arena */
};

struct decide {
    /* Set by the caller. */
    struct state_txn *txn;
    const struct place_index *index;
    struct aq_arena *arena; /* for the events */
    uint64_t time_ms;
    struct aq_caller caller; /* the author */

    const struct aq_permission *permission; /* what the command takes; NULL: an internal one. Set by decide_command() */

    /* Set by the handler. */
    struct decide_event *events;
    size_t count, capacity;
    char id[DECIDE_ID_SIZE]; /* key of the row that was created or changed, as users see it */
    const char *warnings;    /* one line each, in the arena; NULL: none */
};

/* Decides one command. On success decide->events are its events; it fails with the reason of the refusal. */
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

/* What follows from an event, whatever command led to it: called for each event of a decision after its handler. The
 * tables show the state before the decision. */
typedef void decide_follow_fn(struct decide *decide, const void *event);
struct decide_follower {
    const struct aq_event_type *type;
    decide_follow_fn *follow;
};
#define FOLLOW(row, fn)                                                                                                \
    static const struct decide_follower fn##_follower = {&row, fn};                                                    \
    static const struct decide_follower *const fn##_row __attribute__((used, section("aq_follow"))) = &fn##_follower

/* Adds an event. Copies its struct; what that points to must be in the arena, or outlive the batch. */
void decide_emit(struct decide *decide, const struct aq_event_type *type, const void *data);
/* What the author should know of a command that is not refused. One line, without a line break. */
void decide_warn(struct decide *decide, const char *format, ...) AQ_PRINTF(2, 3);
void decide_id_number(struct decide *decide, uint64_t id);
void decide_id_name(struct decide *decide, const char *name);

/* Finds a row by its key. Fails with AQ_E_NOT_FOUND. */
int decide_find_number(const struct decide *decide, const struct aq_entity *entity, uint64_t id, void *object,
                       struct aq_error *error) AQ_MUST_CHECK;
int decide_find_name(const struct decide *decide, const struct aq_entity *entity, const char *name, void *object,
                     struct aq_error *error) AQ_MUST_CHECK;

/* Finds a row by what people call it (controller/state/references.h). */
int decide_find_text(const struct decide *decide, const struct aq_entity *entity, const char *text, void *object,
                     struct aq_error *error) AQ_MUST_CHECK;

/* ---- rules that several entities share; `what` is the subject of the message ---------------------------- */

/* Unless the author may give the command to a row of this owner and project (as in aq_access_allows()), fails as if
 * there were no such row: who may not read it does not learn of it by a write either. */
int decide_check_owner(const struct decide *decide, uint64_t owner_number, const char *project,
                       const struct aq_entity *entity, struct aq_key key, struct aq_error *error) AQ_MUST_CHECK;
/* The project of a new row: fails with AQ_E_FORBIDDEN unless the author has the permission in it, and with AQ_E_INVALID
 * if there is no such project, or none that the author sees. */
int decide_check_project(const struct decide *decide, const struct aq_permission *permission, const char *project,
                         struct aq_error *error) AQ_MUST_CHECK;
/* Where a new row belongs that names no project: the only one in which the author has the permission of the command.
 * NULL: it has the permission in the cluster, or in several projects. */
const char *decide_only_project(const struct decide *decide);
/* Nobody gives more than they have: fails with AQ_E_FORBIDDEN when the author lacks something that is permitted by
 * `rights`, which are `what`: "the role labeller". */
int decide_check_covered(const struct decide *decide, const struct aq_rights *rights, const char *what,
                         struct aq_error *error) AQ_MUST_CHECK;
/* The same for what is given in one project, and for all that a caller may do. */
int decide_check_covered_in(const struct decide *decide, const char *project, const struct aq_rights *rights,
                            const char *what, struct aq_error *error) AQ_MUST_CHECK;
int decide_check_covered_caller(const struct decide *decide, const struct aq_caller *given, const char *what,
                                struct aq_error *error) AQ_MUST_CHECK;
/* What a user may do, seen from others: rows of its own are other rows for them. */
struct aq_caller decide_as_another(const struct decide *decide, const struct aq_caller *user);
/* May the caller change this user? Only who may all that the user's roles give, or would take its place. */
int decide_check_user(const struct decide *decide, const struct aq_user *user, struct aq_error *error) AQ_MUST_CHECK;
/* When the token that the author showed expires. 0: never, or none was shown. */
uint64_t decide_token_end(const struct decide *decide);
/* Who asks with a token that expires gives nobody what does not: what a thief makes of a stolen one must not outlive
 * its end. Fails if the author's token expires; the second one only if there is more after than before. */
int decide_check_lasting(const struct decide *decide, const char *what, struct aq_error *error) AQ_MUST_CHECK;
int decide_check_lasting_more(const struct decide *decide, const struct aq_rights *before,
                              const struct aq_rights *after, const char *what, struct aq_error *error) AQ_MUST_CHECK;
/* Fails with AQ_E_INVALID if a new row's name is one of `reserved`, which ends with NULL, or reads as a number. */
int decide_check_name(const char *name, const char *const *reserved, struct aq_error *error) AQ_MUST_CHECK;
/* Fails with AQ_E_STATE if there are open applications. */
int decide_check_unused(const char *what, uint64_t open, struct aq_error *error) AQ_MUST_CHECK;

#endif
