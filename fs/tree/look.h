/* A look at the cluster, for one request of the kernel: who asks, and the one snapshot of the tables that all of the
 * answer is taken from.
 *
 *     struct look look;
 *     if (look_begin(&look, view, uid, &error) != 0) ... EIO
 *     ... look_row(&look, entity, "7") ...
 *     look_end(&look);
 *
 * Nothing waits with a look open: what has to wait (writes, logs of workloads) ends it before. */
#ifndef AQ_FS_TREE_LOOK_H
#define AQ_FS_TREE_LOOK_H

#include "fs/kernel/callers.h"
#include "fs/tree/node.h"

struct fileview;

struct look {
    struct fileview *view;
    struct state_txn *txn;
    struct aq_arena *arena; /* the view's; emptied at the end */
    struct caller caller;
    /* The row that was asked for last, and whether it is there. */
    const struct aq_entity *row_entity;
    char row_key[TREE_KEY_SIZE];
    void *row;
};

int look_begin(struct look *look, struct fileview *view, uid_t uid, struct aq_error *error) AQ_MUST_CHECK;
void look_end(struct look *look);

/* The row whose key users write as `key`. NULL: there is none, or the caller may not see it. Holds until the end. */
const void *look_row(struct look *look, const struct aq_entity *entity, const char *key);

/* May the caller see this row? Rows with an owner are for him and for admins. */
bool look_may_see(const struct look *look, const struct aq_entity *entity, const void *row);

/* The name of the row's owner; NULL where the entity has none. */
const char *look_owner(const struct aq_entity *entity, const void *row);

#endif
