/* The indexes: tables beside those of the entities, for finding rows and for counting them. project keeps them. */
#ifndef AQ_CONTROLLER_STATE_INDEXES_H
#define AQ_CONTROLLER_STATE_INDEXES_H

#include "controller/state/state.h"

/*    index                name of its table   key -> value */
#define STATE_INDEXES(I)                                                                                               \
    I(INDEX_META, "meta")                   /* name -> bytes: counters (counters.h), the applied entry (applied.h)     \
                                               and the layout. In one table, for each commit writes several of them */ \
    I(INDEX_LABEL_VERSION, "label-version") /* label name, version -> label id */                                      \
    I(INDEX_NODE_NUMBER, "node-number")     /* node number -> node name; kept when the node is deleted */              \
    I(INDEX_NODE_KEY, "node-key")           /* public key that is admitted -> name of its node */                      \
    I(INDEX_REVOKED_KEY, "revoked-key")     /* public key that is never admitted again -> name of the node it was */   \
    I(INDEX_JOIN_SECRET, "join-secret")     /* hash of a secret -> id of the join token */                             \
    I(INDEX_NODE_RESOURCE, "node-resource") /* node number, resource id -> nothing */                                  \
    I(INDEX_TENDED, "tended")               /* number of a node for which something will be due -> its name */         \
    I(INDEX_LEASED, "leased")               /* node number, id of a resource with a lease -> nothing */                \
    I(INDEX_WAITING, "waiting")             /* id of an application that is NEW -> nothing */                          \
    I(INDEX_EXPIRY, "expiry")               /* time, resource id -> nothing */                                         \
    I(INDEX_ADDRESS, "address")             /* IP or hardware address, resource id */                                  \
    I(INDEX_HISTORY, "history")             /* application id, seq of an event about it -> the event's ballot, or      \
                                               nothing */                                                              \
    I(INDEX_ENDED, "ended")                 /* id of a resource that is gone -> packed aq_ended */                     \
    I(INDEX_USER_UID, "user-uid")           /* uid of a unix user -> name of the user that it acts as */               \
    I(INDEX_OWNED, "owned")                 /* user number, application id -> nothing: for lists of one's own */       \
    I(INDEX_RESOURCE_USER, "resource-user") /* user number, resource id -> nothing: for lists of one's own */          \
    I(INDEX_TOKEN_USER, "token-user")       /* user number, token id -> name of the token */                           \
    I(INDEX_TOKEN_HASH, "token-hash")       /* hash of a token -> its id */                                            \
    I(INDEX_TOKEN_EXPIRY, "token-expiry")   /* time, token id -> nothing */                                            \
    I(INDEX_TOKEN_PROJECT, "token-project") /* project that the token acts in, token id -> nothing */                  \
    I(INDEX_MEMBERSHIP_USER, "membership-user") /* user number, membership id -> nothing: for lists of one's own */    \
    I(INDEX_MEMBERSHIP_PROJECT, "membership-project")   /* project, membership id -> nothing */                        \
    I(INDEX_APPLICATION_PROJECT, "application-project") /* project, application id -> nothing */                       \
    I(INDEX_RESOURCE_PROJECT, "resource-project")       /* project, resource id -> nothing */                          \
    I(INDEX_TASK_APPLICATION, "task-application")       /* application id, task id -> nothing */                       \
    I(INDEX_TASK_OPEN, "task-open")                     /* application id, id of a task that is not over -> nothing */ \
    I(INDEX_TASK_EXPIRY, "task-expiry")                 /* time, id of a task that is RUNNING -> nothing */            \
    I(INDEX_TASK_USER, "task-user")                     /* user number, task id -> nothing: for lists of one's own */  \
    I(INDEX_TASK_PROJECT, "task-project")               /* project, task id -> nothing */                              \
    I(INDEX_LABEL_PROJECT, "label-project")             /* project, or nothing for all; label id -> nothing */         \
    I(INDEX_OPEN, "open")                               /* id of an application that is not over -> nothing */         \
    I(INDEX_OVER, "over")                               /* time, id of an application that is over -> nothing */       \
    I(INDEX_KEYS, "keys")           /* number of its user, idempotency key -> the remembered answer */                 \
    I(INDEX_KEY_TIMES, "key-times") /* time, key in INDEX_KEYS -> nothing: for removing old ones */                    \
    I(INDEX_EPOCH_KEY, "epoch-key") /* epoch, name of an entity, id of a row whose data key it wraps -> nothing; an    \
                                       epoch alone: it has ended */

enum state_index {
#define STATE_INDEX_ID(id, table) id,
    STATE_INDEXES(STATE_INDEX_ID)
#undef STATE_INDEX_ID
        INDEX_COUNT
};

const char *index_table(enum state_index index); /* the name of its table */
/* The index of an entity's groups: <entity>-<member>. A key of it is the group's name and the member's number, the
 * value is the number of the row. */
enum state_index index_of_groups(const struct aq_entity *entity);
/* The index of an entity that is indexed by owner: its keys are number of the user, number of the row. */
enum state_index index_of_owner(const struct aq_entity *entity);
/* The index of an entity whose rows belong to projects, and are no projects themselves: its keys are name of the
 * project, number of the row. */
enum state_index index_of_project(const struct aq_entity *entity);
struct state_key index_project_key(const char *project, uint64_t number);
struct state_key index_epoch_ended(const char *epoch);      /* of INDEX_EPOCH_KEY */
struct state_key index_project_prefix(const char *project); /* what the keys of its rows begin with */

/* False: no such key. The value is valid until the next write. */
bool index_get(struct state_txn *txn, enum state_index index, const struct state_key *key, const void **value,
               size_t *length);
void index_put(struct state_txn *txn, enum state_index index, const struct state_key *key, const void *value,
               size_t length);
void index_remove(struct state_txn *txn, enum state_index index, const struct state_key *key);

/* The last key that begins with `prefix`. False: there is none. */
bool index_last(struct state_txn *txn, enum state_index index, const struct state_key *prefix, struct state_key *key,
                const void **value, size_t *length);

/* Calls `row` for each key that begins with `prefix`, in order, until it returns false. */
typedef bool index_row_fn(void *context, const struct state_key *key, const void *value, size_t length);
void index_scan(struct state_txn *txn, enum state_index index, const struct state_key *prefix, index_row_fn *row,
                void *context);
/* The same for the keys after `after`, which begins with `prefix`; NULL: from the first. */
void index_scan_after(struct state_txn *txn, enum state_index index, const struct state_key *prefix,
                      const struct state_key *after, index_row_fn *row, void *context);
/* The same backwards, for the keys before `before`; NULL: from the last. */
void index_scan_back(struct state_txn *txn, enum state_index index, const struct state_key *prefix,
                     const struct state_key *before, index_row_fn *row, void *context);
uint64_t index_count(struct state_txn *txn, enum state_index index);

#endif
