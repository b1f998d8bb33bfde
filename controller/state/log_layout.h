/* How the log is stored in its LMDB environment, <data>/log/. controller/log writes it; events_lmdb.c reads it too.
 *
 * Table "entries": raft index (8 bytes, high byte first) -> struct log_head, then the payload: a packed aq_entry
 * (schema/codec/entry.h) for RAFT_COMMAND, raft's own bytes for other types. Seqs grow with the index, so the entry
 * that holds a seq is found by bisection (log_search.h).
 *
 * Table "meta": "term", "vote", "commit", "configuration" -> struct log_number. Appending entries does not write to it,
 * for each table that a transaction writes to costs it pages. (Older versions also kept a table "seqs", and "commit"
 * only in "meta", where numbers had no checksum.)
 *
 * A disk may return other bytes than were written. Each entry and each number carries a checksum over all of it, which
 * is compared whenever it is read, so that nothing damaged is served. The hash chain proves more, but only by reading
 * the whole log. */
#ifndef AQ_CONTROLLER_STATE_LOG_LAYOUT_H
#define AQ_CONTROLLER_STATE_LOG_LAYOUT_H

#include "schema/base/error.h"

#include <stddef.h>
#include <stdint.h>

#define LOG_TABLE_ENTRIES "entries"
#define LOG_TABLE_META    "meta"
#define LOG_SIZE_SETTING  "log.map_size"

enum { LOG_TABLES_MAX = 4, LOG_TYPE_COMMAND = 1, LOG_HEAD_PLAIN_SIZE = 16, LOG_HEAD_CHECKED_SIZE = 32 };

struct log_head {
    uint64_t term;
    uint32_t type;      /* enum raft_entry_type (1 is RAFT_COMMAND); on disk with the flags below */
    uint32_t size;      /* of the payload, in bytes */
    uint64_t first_seq; /* of a batch of decisions; 0 for raft's own entries */
    uint64_t commit;    /* index that was known to be committed when the entry was appended */
    uint64_t check;     /* log_check() */
};

/* Flags in the type: heads of older versions end after `size`, or lack `commit`. */
#define LOG_CHECKED UINT32_C(0x80000000) /* has first_seq and check */
#define LOG_COMMITS UINT32_C(0x40000000) /* has commit too */

/* A row of "meta". `check` is over its name, too. */
struct log_number {
    uint64_t number, check;
};

/* What "meta" holds; 0 for what was never written. */
struct log_numbers {
    uint64_t term, vote, commit, configuration;
};

#define LOG_TERM          "term"
#define LOG_VOTE          "vote"
#define LOG_COMMIT        "commit"
#define LOG_CONFIGURATION "configuration"

struct log_number log_number_make(const char *name, uint64_t number);

/* Reads a row of "meta" into the number that it names. Fails with AQ_E_CORRUPT if the row is damaged, or its name. A
 * row without a checksum, of an older version, is taken as it is. */
int log_number_take(struct log_numbers *numbers, const void *name, size_t name_length, const void *row, size_t length,
                    struct aq_error *error) AQ_MUST_CHECK;

/* The checksum over the index, the head without `check`, and the payload. Any change of a single 8-byte word changes
 * it. Its cost is small against everything else that is done with an entry. */
uint64_t log_check(uint64_t index, const struct log_head *head, const void *payload);

/* Writes the row of an entry, sizeof(struct log_head) + head->size bytes. Of the head, its flags and its checksum are
 * filled in. */
void log_row_write(void *row, uint64_t index, const struct log_head *head, const void *payload);

/* Reads a stored entry. `payload` points into `row`; `head->type` has no flags. Fails with AQ_E_CORRUPT if the entry is
 * damaged. Entries without a checksum, of older versions, are taken as they are: the hash chain proves them. */
int log_row_read(uint64_t index, const void *row, size_t length, struct log_head *head, const void **payload,
                 struct aq_error *error) AQ_MUST_CHECK;

/* The same without comparing the checksum. */
int log_head_read(uint64_t index, const void *row, size_t length, struct log_head *head, const void **payload,
                  struct aq_error *error) AQ_MUST_CHECK;

/* Reads a key of "entries". */
int log_number_read(const void *bytes, size_t length, uint64_t *number, struct aq_error *error) AQ_MUST_CHECK;

/* The error that an entry does not continue the hash chain. Returns -1. */
int log_fail_chain(uint64_t index, uint64_t first_seq, struct aq_error *error);

#endif
