/* A look at the cluster, for one request of the kernel: who asks, and the one snapshot of the tables from which the
 * whole answer is taken.
 *
 *     struct look look;
 *     if (look_begin(&look, &sources, uid, &error) != 0) ... EIO
 *     ... look_row(&look, entity, "7") ...
 *     look_end(&look);
 *
 * Nothing waits while a look is open: requests that have to wait (writes, logs of workloads) end it first. */
#ifndef AQ_FS_TREE_LOOK_H
#define AQ_FS_TREE_LOOK_H

#include "controller/state/events.h"
#include "controller/state/live.h"
#include "controller/state/state.h"
#include "controller/state/visible.h"
#include "fs/tree/callers.h"
#include "fs/tree/node.h"

struct complaints;
struct eventfeed;
struct news;
struct outputs;

/* Where the contents of the tree come from. */
struct look_sources {
    const char *mount;               /* the path of the tree */
    uint64_t opened_ms;              /* when it was opened: milliseconds since 1970 */
    const char *project;             /* only what belongs to it is there; NULL: all projects */
    const struct callers_map *users; /* NULL: uids are those of the users' rows */
    struct state *state;
    struct live *live;
    struct events *events;
    const struct complaints *complaints; /* /errors/last */
    const struct eventfeed *feed;        /* /events */
    const struct news *news;             /* /cluster */
    struct outputs *outputs;             /* of workloads */
    struct aq_arena arena;               /* memory of the look that is open; looks are never nested */
};

struct look {
    struct look_sources *sources;
    struct state_txn *txn;
    uint64_t now_ms;        /* when it began, since 1970 */
    struct aq_arena *arena; /* emptied by look_end() */
    struct caller caller;
    /* The row that was read last; NULL: it is not there. */
    const struct aq_entity *row_entity;
    char row_key[TREE_KEY_SIZE];
    void *row;
};

int look_begin(struct look *look, struct look_sources *sources, uid_t uid, struct aq_error *error) AQ_MUST_CHECK;
void look_end(struct look *look);

/* The row whose key users write as `key`. NULL: there is none, or the caller may not see it. Valid until look_end(). */
const void *look_row(struct look *look, const struct aq_entity *entity, const char *key);

/* May the caller see this row, and does it belong to the mount's project, or to all? */
bool look_may_see(const struct look *look, const struct aq_entity *entity, const void *row);

/* Does the mount show only some rows of the entity, those of its project? */
bool look_is_narrow(const struct look *look, const struct aq_entity *entity);

/* Which rows of a table a known caller sees in its directory: those that it may list and read. */
struct visible look_listed(const struct look *look, const struct aq_entity *entity);

/* The row's owner. False: the entity has none. */
bool look_owner(const struct aq_entity *entity, const void *row, struct owner *owner);

#endif
