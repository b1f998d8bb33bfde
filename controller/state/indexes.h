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
    I(INDEX_NODE_RESOURCE, "node-resource") /* node number, resource id -> nothing */                                  \
    I(INDEX_WAITING, "waiting")             /* id of an application that is NEW -> nothing */                          \
    I(INDEX_EXPIRY, "expiry")               /* time, resource id -> nothing */                                         \
    I(INDEX_ADDRESS, "address")             /* IP or hardware address -> resource id */                                \
    I(INDEX_HISTORY, "history")             /* application id, seq of an event about it -> the event's ballot, or      \
                                               nothing */                                                              \
    I(INDEX_ENDED, "ended")                 /* id of a resource that is gone -> packed aq_ended */                     \
    I(INDEX_OWNED, "owned")                 /* user, application id -> nothing: for lists of one's own */              \
    I(INDEX_OPEN, "open")                   /* id of an application that is not over -> its user */                    \
    I(INDEX_OVER, "over")                   /* time, id of an application that is over -> nothing */                   \
    I(INDEX_KEYS, "keys")                   /* user, idempotency key -> the remembered answer */                       \
    I(INDEX_KEY_TIMES, "key-times")         /* time, user, idempotency key -> nothing: for removing old ones */

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

/* False: no such key. The value is valid until the next write. */
bool index_get(struct state_txn *txn, enum state_index index, const struct state_key *key, const void **value,
               size_t *length);
void index_put(struct state_txn *txn, enum state_index index, const struct state_key *key, const void *value,
               size_t length);
void index_remove(struct state_txn *txn, enum state_index index, const struct state_key *key);

/* The last key that begins with `prefix`, which ends in a text. False: there is none. */
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
