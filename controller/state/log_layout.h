/* How the log lies in its LMDB environment, <data>/log/: written by controller/log, read here too.
 *
 * Table "entries": raft index (8 bytes, big end first) -> struct log_head, then the payload: for RAFT_COMMAND a packed
 * aq_entry (schema/codec/entry.h), for the others what raft made. Seqs grow with the index, so the entry that holds one
 * is found by bisection. Table "meta": "term", "vote", "commit", "configuration" -> 8 bytes each; an append of entries
 * does not touch it, for each table more costs a transaction its pages. (Older versions kept a table "seqs" as well,
 * and "commit" there alone.)
 *
 * What the disk gives back need not be what it was given: each entry carries a check over all of it, which is compared
 * whenever it is read, so that nothing damaged is served. The hash chain proves more, but only to who reads it all. */
#ifndef AQ_CONTROLLER_STATE_LOG_LAYOUT_H
#define AQ_CONTROLLER_STATE_LOG_LAYOUT_H

#include "schema/base/error.h"

#include <stddef.h>
#include <stdint.h>

#define LOG_TABLE_ENTRIES "entries"
#define LOG_TABLE_META    "meta"

struct log_head {
    uint64_t term;
    uint32_t type;      /* enum raft_entry_type: 1 is RAFT_COMMAND; on disk with flags that say what follows */
    uint32_t size;      /* bytes of payload */
    uint64_t first_seq; /* of a batch of decisions; 0 for raft's own entries */
    uint64_t commit;    /* index that was known to be committed when this was appended */
    uint64_t check;     /* log_check() */
};

/* Heads of older versions end after `size`, or lack `commit`. */
enum { LOG_TYPE_COMMAND = 1, LOG_READERS_MAX = 512, LOG_HEAD_PLAIN_SIZE = 16, LOG_HEAD_CHECKED_SIZE = 32 };
#define LOG_CHECKED UINT32_C(0x80000000) /* with first_seq and check */
#define LOG_COMMITS UINT32_C(0x40000000) /* with commit, too */

/* Over the index, the head but for its check, and the payload. Cheap beside all else that is done with an entry. Any
 * change of a single word of 8 bytes changes it. */
uint64_t log_check(uint64_t index, const struct log_head *head, const void *payload);

/* Takes apart the row of an entry; `payload` points into it, `head->type` is raft's own. -1: damaged, named with its
 * place. Entries without a check are taken as they are: older versions wrote them, and the chain proves them. */
int log_row_read(uint64_t index, const void *row, size_t length, struct log_head *head, const void **payload,
                 struct aq_error *error) AQ_MUST_CHECK;

/* The head alone, when all that is wanted is to find one's way: that it is whole nobody has proved. */
int log_head_read(uint64_t index, const void *row, size_t length, struct log_head *head, const void **payload,
                  struct aq_error *error) AQ_MUST_CHECK;

/* The number that a key or a row of 8 bytes is. -1: it is none. */
int log_number_read(const void *bytes, size_t length, uint64_t *number, struct aq_error *error) AQ_MUST_CHECK;

#endif
