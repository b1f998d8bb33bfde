/* The tables: the state of the cluster after one entry of its log.
 *
 * An LMDB environment below <data>/state/, and only a cache of the log: when it is in doubt, it is thrown away and
 * rebuilt. One process writes, from its writer thread only; any number of threads and processes read, each in a
 * snapshot of its own, which neither blocks nor is blocked. A reader ends its snapshot before it waits for anything.
 *
 * Rows are packed records. Each entity has a table named by its plural; beside them are the indexes of indexes.h. A
 * rebuild makes a new directory (a generation), which the link <data>/state/current then names; readers move to it
 * within 20 ms, at their next snapshot.
 *
 * A transaction latches the first error of the store: from then on reads find nothing, writes do nothing, and
 * state_failed() tells. So project, which cannot fail, need not check; its caller must. */
#ifndef AQ_CONTROLLER_STATE_STATE_H
#define AQ_CONTROLLER_STATE_STATE_H

#include "controller/state/keys.h"
#include "schema/model/entity.h"

#include <stdbool.h>
#include <stdint.h>

struct state;     /* open tables; threads may share it */
struct state_txn; /* a snapshot or the write transaction; used by one thread at a time */

enum state_mode {
    STATE_READ,  /* any process: aq-fs, tests */
    STATE_WRITE, /* the controller: reads and writes */
};

/* `directory` is the controller's data directory. STATE_WRITE creates empty tables if there are none; they may
 * become `map_bytes` large, which takes as many addresses from the start. STATE_READ ignores `map_bytes`; it fails with
 * AQ_E_BUSY or AQ_E_CORRUPT until the controller has checked or rebuilt tables that may be damaged (lmdb/marks.h). */
int state_open(struct state **state, const char *directory, enum state_mode mode, uint64_t map_bytes,
               struct aq_error *error) AQ_MUST_CHECK;
void state_close(struct state *state); /* NULL is fine */

/* ---- rebuilding: at the controller's start, and for proofs ---------------------------------------------- */

enum { STATE_LAYOUT = 14 }; /* raised when the meaning of an index changes */

/* Creates empty tables in a new directory that has no readers yet. */
int state_open_fresh(struct state **state, const char *directory, uint64_t map_bytes,
                     struct aq_error *error) AQ_MUST_CHECK;
/* Makes these tables the current ones, and removes older ones. */
int state_publish(struct state *state, struct aq_error *error) AQ_MUST_CHECK;
/* Closes and removes tables that were never published. */
void state_discard(struct state *state);

/* Whether the current tables can be opened: not if the machine stopped while they were open, for they are written
 * without sync, and not if a page is damaged. False: `why` says so. `boot` is that of lmdb_boot_id(). */
bool state_is_intact(const char *directory, const char *boot, struct aq_error *why);
/* Whether these tables have the layout of this program. False: `why` says so. */
bool state_has_layout(struct state *state, struct aq_error *why);
/* Checks all pages of tables that are in use. */
int state_check_pages(struct state *state, struct aq_error *error) AQ_MUST_CHECK;
/* Marks that the tables are in use from now on, which includes their layout; or closed, with everything on disk. */
int state_mark_open(struct state *state, const char *boot, struct aq_error *error) AQ_MUST_CHECK;
int state_mark_layout(struct state *state, struct aq_error *error) AQ_MUST_CHECK;
int state_mark_closed(struct state *state, struct aq_error *error) AQ_MUST_CHECK;

/* BLAKE2b over every row of every table, in order. */
int state_digest(struct state_txn *txn, unsigned char digest[32], uint64_t *rows, struct aq_error *error) AQ_MUST_CHECK;

/* ---- transactions ------------------------------------------------------------------------------------- */

int state_read(struct state *state, struct state_txn **txn, struct aq_error *error) AQ_MUST_CHECK;
int state_write(struct state *state, struct state_txn **txn, struct aq_error *error) AQ_MUST_CHECK;
/* A transaction inside a write transaction, which is not used meanwhile. Its end undoes or keeps what it wrote. When it
 * cannot begin, the outer one has failed. */
int state_nested(struct state_txn *outer, struct state_txn **txn, struct aq_error *error) AQ_MUST_CHECK;
void state_end(struct state_txn *txn); /* ends a snapshot, or undoes what was written; NULL is fine */
/* Ends the transaction, whether it succeeds or not. */
int state_commit(struct state_txn *txn, struct aq_error *error) AQ_MUST_CHECK;
/* Writes changed rows now instead of at the end, to find out whether there is room for them (state_failed()). */
void state_flush(struct state_txn *txn);
/* Whether a commit is sure to have the room that it takes itself: called before the contents of the transaction become
 * final elsewhere, in the log. Fails with AQ_E_NO_SPACE. */
int state_check_room(struct state_txn *txn, struct aq_error *error) AQ_MUST_CHECK;
bool state_failed(const struct state_txn *txn, struct aq_error *error); /* true: `error` is the first failure */

/* The seq of the last event that the transaction shows; 0: none. */
uint64_t state_seq(struct state_txn *txn);

/* Identifies a snapshot within this process: equal ones show the same rows. */
struct state_version {
    uint64_t generation, change;
};
struct state_version state_version(const struct state_txn *txn);

/* ---- rows --------------------------------------------------------------------------------------------- */

/* Unpacks the row into `object` (entity->record->size bytes), with what it points to in `arena`. False: no such row. */
bool state_find(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key, void *object,
                struct aq_arena *arena);
/* Appends the row, packed. False: no such row. */
bool state_pack(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key,
                struct aq_buffer *out);
bool state_exists(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key);
void state_store(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key,
                 const void *object);
/* The row itself, to change numbers in it before the next call: state_store() copies all that it points to. NULL: no
 * such row. */
void *state_edit(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key);
void state_remove(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key);
uint64_t state_count(struct state_txn *txn, const struct aq_entity *entity);

/* Calls `row` for each row after `after` (NULL: from the first), in the order of keys, until it returns false.
 * `object` and what it points to are valid during the call only. */
typedef bool state_row_fn(void *context, const struct state_key *key, const void *object);
void state_scan(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *after, state_row_fn *row,
                void *context);
/* The same backwards, from before `before` (NULL: from the last). */
void state_scan_back(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *before,
                     state_row_fn *row, void *context);

/* Packed rows (schema/codec/pack.h) in place, valid until the transaction ends. Of snapshots only. For callers that
 * show rows, or need few of their fields. */
struct state_packed {
    const void *data;
    size_t length;
    const void *key; /* in the table, or the key that was asked for */
    size_t key_length;
};
bool state_find_packed(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key,
                       struct state_packed *row);
typedef bool state_packed_fn(void *context, const struct state_packed *row);
void state_scan_packed(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *from, bool back,
                       state_packed_fn *row, void *context);
/* Appends a packed row as JSON; or unpacks those of its fields whose bits are set in `wanted` (see
 * aq_record_unpack_some()). False: the row is damaged. The transaction latches that, with table and key. */
bool state_show(struct state_txn *txn, const struct aq_entity *entity, const struct state_packed *row,
                struct aq_buffer *out);
bool state_unpack(struct state_txn *txn, const struct aq_entity *entity, const struct state_packed *row,
                  uint64_t wanted, void *object, struct aq_arena *arena);

/* Calls `visit` for each key, in order, until it returns false. Costs a fraction of a scan of rows. */
typedef bool state_key_fn(void *context, const struct state_key *key);
void state_scan_keys(struct state_txn *txn, const struct aq_entity *entity, state_key_fn *visit, void *context);

/* ---- rows of each entity ------------------------------------------------------------------------------ */

struct aq_user;
struct aq_label;
struct aq_node;
struct aq_join_token;
struct aq_token;
struct aq_application;
struct aq_resource;
struct aq_task;
struct aq_ended;
struct aq_role;
struct aq_project;
struct aq_membership;
bool state_user(struct state_txn *txn, const char *name, struct aq_user *user, struct aq_arena *arena);
bool state_project(struct state_txn *txn, const char *name, struct aq_project *project, struct aq_arena *arena);
bool state_membership(struct state_txn *txn, uint64_t id, struct aq_membership *membership, struct aq_arena *arena);
/* The number of the membership that this user has in the project. 0: none. */
uint64_t state_membership_of(struct state_txn *txn, const char *project, const char *user);
bool state_role(struct state_txn *txn, const char *name, struct aq_role *role, struct aq_arena *arena);
/* The name of the user that has this uid. False: none has it. */
bool state_user_of_uid(struct state_txn *txn, uint64_t uid, char *name, size_t size);
bool state_label(struct state_txn *txn, uint64_t id, struct aq_label *label, struct aq_arena *arena);
bool state_node(struct state_txn *txn, const char *name, struct aq_node *node, struct aq_arena *arena);
bool state_token(struct state_txn *txn, uint64_t id, struct aq_token *token, struct aq_arena *arena);
bool state_join_token(struct state_txn *txn, uint64_t id, struct aq_join_token *token, struct aq_arena *arena);
bool state_application(struct state_txn *txn, uint64_t id, struct aq_application *application, struct aq_arena *arena);
bool state_resource(struct state_txn *txn, uint64_t id, struct aq_resource *resource, struct aq_arena *arena);
bool state_task(struct state_txn *txn, uint64_t id, struct aq_task *task, struct aq_arena *arena);
/* What is kept of a resource that is gone. */
bool state_ended(struct state_txn *txn, uint64_t id, struct aq_ended *ended, struct aq_arena *arena);

/* Has the application left the tables? Then it is over. */
bool state_has_left(struct state_txn *txn, uint64_t application);
/* The error AQ_E_NOT_FOUND for a row that is not there, or that the caller may not see: "there is no label 7", or that
 * the application has left the tables. Returns -1. */
int state_fail_absent(struct state_txn *txn, const struct aq_entity *entity, const struct state_key *key,
                      struct aq_error *error);

/* The name of a node by its number, of deleted nodes too. False: there was none. */
bool state_node_name(struct state_txn *txn, uint64_t number, char *name, size_t size);
/* The name of the node that has enrolled with this public key (64 hexadecimal digits). False: the key is not admitted,
 * because no node has it, or because it was revoked or replaced. */
bool state_node_of_key(struct state_txn *txn, const char *key, char *name, size_t size);
/* Was the key revoked or replaced? Then it never works again. */
bool state_key_was_revoked(struct state_txn *txn, const char *key);
/* The id of the token with this hash, or of the one that the user calls by this name. 0: there is none. */
uint64_t state_token_of_hash(struct state_txn *txn, const char *hash);
uint64_t state_token_named(struct state_txn *txn, uint64_t user_number, const char *name);
/* The id of the join token whose secret has this hash. 0: there is none. */
uint64_t state_join_token_of_hash(struct state_txn *txn, const char *hash);
/* The ids of the resources that have an IP or hardware address, up to `most`. Several may: nodes report addresses, and
 * those of private networks need not be unique. In order, those above `after`. Returns how many. */
size_t state_resources_at(struct state_txn *txn, const char *address, uint64_t after, uint64_t *ids, size_t most);

#endif
