/* The tables: what the cluster looks like at one place in its log.
 *
 * An LMDB environment below <data>/state/, and nothing but a cache of the log: whenever it is in doubt it is thrown
 * away and made anew. One process writes (its writer thread alone); any number of processes and threads read, each
 * under a snapshot of its own, never blocked and never blocking. A reader ends its transaction before it waits for
 * anything.
 *
 * Rows are packed records. Each entity has a table named by its plural; beside them stand the indexes of indexes.h.
 * A rebuilt environment is a new directory that the link <data>/state/current then names; readers move over at
 * their next transaction, or 20 ms later.
 *
 * Errors of the store are latched in the transaction: reads find nothing, writes do nothing, and state_failed() tells.
 * So project, which may not fail, need not look; its caller must. */
#ifndef AQ_CONTROLLER_STATE_STATE_H
#define AQ_CONTROLLER_STATE_STATE_H

#include "schema/model/entity.h"

#include <stdbool.h>
#include <stdint.h>

struct state;     /* an open set of tables; safe to share between threads */
struct state_txn; /* one snapshot, or the one write transaction; one thread at a time */

enum state_mode {
    STATE_READ,  /* any process: aq-fs, tests */
    STATE_WRITE, /* the controller's own: reads and writes */
};

/* `directory` is the controller's data directory. `map_bytes`: most that the tables may grow to (STATE_WRITE; readers
 * take the writer's); their map begins smaller, and grows. STATE_WRITE makes empty tables where there are none.
 * STATE_READ: AQ_E_BUSY or AQ_E_CORRUPT while the controller has yet to find them good, or to make others (boot.h,
 * guard.h). */
int state_open(struct state **state, const char *directory, enum state_mode mode, uint64_t map_bytes,
               struct aq_error *error) AQ_MUST_CHECK;
void state_close(struct state *state); /* NULL is fine */

/* ---- making anew: the controller's start, and proofs ------------------------------------------------------ */

enum { STATE_LAYOUT = 2 }; /* raised when the meaning of an index changes */

/* Empty tables in a new directory that nobody reads yet. */
int state_open_fresh(struct state **state, const char *directory, uint64_t map_bytes,
                     struct aq_error *error) AQ_MUST_CHECK;
/* Readers move over to these tables; older ones are removed. */
int state_publish(struct state *state, struct aq_error *error) AQ_MUST_CHECK;
/* Closes tables that were never published, and removes them. */
void state_discard(struct state *state);

/* Can the tables that are there be opened at all? Not if the machine stopped while they were open (they are written
 * without sync), or if a page is damaged. False: `why` says so. `boot` identifies the machine's present start (boot.h).
 */
bool state_is_whole(const char *directory, const char *boot, struct aq_error *why);
/* Can these tables be believed? Not if their layout is another. */
bool state_is_good(struct state *state, struct aq_error *why);
/* Looks through the pages of tables that are in use. -1: one is damaged, and named. */
int state_check_pages(struct state *state, struct aq_error *error) AQ_MUST_CHECK;
/* Notes that they are in use from now on, or closed with everything on disk. */
int state_mark_open(struct state *state, const char *boot, struct aq_error *error) AQ_MUST_CHECK;
int state_mark_layout(struct state *state, struct aq_error *error) AQ_MUST_CHECK; /* which is a part of both */
int state_mark_closed(struct state *state, struct aq_error *error) AQ_MUST_CHECK;

/* BLAKE2b over every row of every table, in order: equal tables, equal digests. 32 bytes. */
int state_digest(struct state_txn *txn, unsigned char digest[32], uint64_t *rows, struct aq_error *error) AQ_MUST_CHECK;

/* ---- transactions ------------------------------------------------------------------------------------- */

int state_read(struct state *state, struct state_txn **txn, struct aq_error *error) AQ_MUST_CHECK;
int state_write(struct state *state, struct state_txn **txn, struct aq_error *error) AQ_MUST_CHECK;
/* A transaction inside a write transaction: its end undoes or keeps what was written since. The outer one rests
 * meanwhile. */
int state_nested(struct state_txn *outer, struct state_txn **txn, struct aq_error *error) AQ_MUST_CHECK;
void state_end(struct state_txn *txn); /* ends a snapshot, or undoes what was written; NULL is fine */
/* Rows are written when the transaction ends, or now: for who wants to know whether there is room (state_failed()). */
void state_flush(struct state_txn *txn);
int state_commit(struct state_txn *txn, struct aq_error *error) AQ_MUST_CHECK; /* ends it in every case */
/* A commit takes room of its own, and may fail for the lack of it. Asked before what the transaction holds becomes
 * final elsewhere; AQ_E_NO_SPACE: it must not. */
int state_check_room(struct state_txn *txn, struct aq_error *error) AQ_MUST_CHECK;
bool state_failed(const struct state_txn *txn, struct aq_error *error); /* true: `error` has the first failure */

/* Place in the log that the snapshot shows: seq of the last event, 0 for none. */
uint64_t state_seq(struct state_txn *txn);

/* Which snapshot it is, among all that this process reads: equal ones show the same rows. */
struct state_version {
    uint64_t generation, change;
};
struct state_version state_version(const struct state_txn *txn);

/* ---- rows of entities --------------------------------------------------------------------------------- */

enum { STATE_KEY_MAX = 256 };

struct state_key {
    size_t length;
    unsigned char bytes[STATE_KEY_MAX];
};

struct state_key state_key_number(uint64_t number);
struct state_key state_key_name(const char *name); /* cut at STATE_KEY_MAX - 1 bytes: no name is that long */
/* From what a user typed: "7" or "mac". An error names the entity, the text and what would be right. */
int state_key_from_text(const struct aq_entity *entity, const char *text, struct state_key *key,
                        struct aq_error *error) AQ_MUST_CHECK;
/* The key of a decoded row, as users see it. */
void state_key_text(const struct aq_entity *entity, const void *object, char *out, size_t size);

/* Decodes the row into `object` (entity->record->size bytes), in `arena`. False: no such row. */
bool state_find(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key, void *object,
                struct aq_arena *arena);
bool state_exists(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key);
void state_store(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key,
                 const void *object);
void state_remove(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key);
uint64_t state_count(struct state_txn *txn, const struct aq_entity *entity);

/* Calls `row` for each row in order of keys, from behind `after` on (NULL: from the first), until it returns false.
 * `object` and what it points to hold only during the call. */
typedef bool state_row_fn(void *context, const struct state_key *key, const void *object);
void state_scan(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *after, state_row_fn *row,
                void *context);
/* The same backwards: from before `before` (NULL: from the last). */
void state_scan_back(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *before,
                     state_row_fn *row, void *context);

/* Rows where they lie, packed (schema/codec/pack.h), until the transaction ends; of snapshots alone. For who shows
 * them, or looks at few of their fields. */
struct state_packed {
    const void *data;
    size_t length;
    const void *key; /* where the table, or whoever asked for the row, has it */
    size_t key_length;
};
bool state_find_packed(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key,
                       struct state_packed *row);
typedef bool state_packed_fn(void *context, const struct state_packed *row);
void state_scan_packed(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *from, bool back,
                       state_packed_fn *row, void *context);
/* Appends the row as JSON; reads the fields whose bits stand in `wanted` (aq_record_unpack_some()). False: the row is
 * damaged, which is the transaction's failure from now on, and names table and key. */
bool state_show(struct state_txn *txn, const struct aq_entity *entity, const struct state_packed *row,
                struct aq_buffer *out);
bool state_unpack(struct state_txn *txn, const struct aq_entity *entity, const struct state_packed *row,
                  uint64_t wanted, void *object, struct aq_arena *arena);

/* Keys alone, in order, which costs a fraction of the rows. state_key_show() makes a key what users see. */
typedef bool state_key_fn(void *context, const struct state_key *key);
void state_scan_keys(struct state_txn *txn, const struct aq_entity *entity, state_key_fn *visit, void *context);
void state_key_show(const struct aq_entity *entity, const struct state_key *key, char *out, size_t size);

/* ---- typed short forms -------------------------------------------------------------------------------- */

struct aq_user;
struct aq_label;
struct aq_node;
struct aq_application;
struct aq_resource;
bool state_user(struct state_txn *txn, const char *name, struct aq_user *user, struct aq_arena *arena);
bool state_label(struct state_txn *txn, uint64_t id, struct aq_label *label, struct aq_arena *arena);
bool state_node(struct state_txn *txn, const char *name, struct aq_node *node, struct aq_arena *arena);
bool state_application(struct state_txn *txn, uint64_t id, struct aq_application *application, struct aq_arena *arena);
bool state_resource(struct state_txn *txn, uint64_t id, struct aq_resource *resource, struct aq_arena *arena);

#endif
