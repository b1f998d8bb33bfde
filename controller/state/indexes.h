/* What the tables hold beside the entities' rows: ways to find them, counters, and the place in the log. Kept by
 * project; read by everybody. */
#ifndef AQ_CONTROLLER_STATE_INDEXES_H
#define AQ_CONTROLLER_STATE_INDEXES_H

#include "controller/state/state.h"
#include "schema/codec/entry.h"
#include "schema/model/vote.h"

enum state_index {
    INDEX_META,          /* name -> bytes: place in the log, layout; and numbers: next ids, open applications per user
                            and label: every commit writes some of both, so they share its page */
    INDEX_LABEL_VERSION, /* label name, version -> label id */
    INDEX_NODE_NUMBER,   /* node number -> node name */
    INDEX_NODE_RESOURCE, /* node number, resource id -> */
    INDEX_WAITING,       /* id of an application that is NEW -> */
    INDEX_EXPIRY,        /* time, resource id -> */
    INDEX_ADDRESS,       /* IP or hardware address -> resource id */
    INDEX_HISTORY,       /* application id, seq -> the ballot that the event led to, or nothing: events about it */
    INDEX_OWNED,         /* user, application id -> : for lists that only show one's own */
    INDEX_KEYS,          /* user, idempotency key -> remembered answer */
    INDEX_KEY_TIMES,     /* time, user, idempotency key -> : so that old ones can go */
    INDEX_COUNT
};

/* Keys are built part by part; numbers sort by value. */
void index_key_number(struct state_key *key, uint64_t number);
void index_key_text(struct state_key *key,
                    const char *text); /* ends with a NUL, so that no name is a prefix of another */

bool index_get(struct state_txn *txn, enum state_index index, const struct state_key *key, const void **value,
               size_t *length); /* valid until the next write */
void index_put(struct state_txn *txn, enum state_index index, const struct state_key *key, const void *value,
               size_t length);
void index_remove(struct state_txn *txn, enum state_index index, const struct state_key *key);

/* Calls `row` for each key that begins with `prefix`, in order, until it returns false. */
typedef bool index_row_fn(void *context, const struct state_key *key, const void *value, size_t length);
void index_scan(struct state_txn *txn, enum state_index index, const struct state_key *prefix, index_row_fn *row,
                void *context);
/* The same, from behind `after` on (which begins with `prefix`; NULL: from the first). */
void index_scan_after(struct state_txn *txn, enum state_index index, const struct state_key *prefix,
                      const struct state_key *after, index_row_fn *row, void *context);

uint64_t index_number_at(const struct state_key *key, size_t offset); /* the number that stands there in a key */

/* Counters: 0 until set. Names are such as "next/application", "open/user/bob", "open/label/7". */
uint64_t counter_get(struct state_txn *txn, const char *name);
void counter_set(struct state_txn *txn, const char *name, uint64_t value);

/* ---- labels, nodes, addresses ---------------------------------------------------------------------------- */

uint64_t index_label(struct state_txn *txn, const char *name, uint64_t version); /* 0: none; version 0: the latest */
bool index_node_name(struct state_txn *txn, uint64_t number, char *name, size_t size);
uint64_t index_address(struct state_txn *txn, const char *address); /* resource id; 0: none */

/* ---- place in the log -------------------------------------------------------------------------------------- */

struct state_place {
    uint64_t index; /* of the raft entry that was applied last */
    uint64_t seq;
    uint64_t time_ms; /* of that entry */
    unsigned char hash[AQ_HASH_SIZE];
};

struct state_place state_place_get(struct state_txn *txn);
void state_place_set(struct state_txn *txn, const struct state_place *place);

#endif
