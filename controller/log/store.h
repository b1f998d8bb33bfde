/* The log on disk: an LMDB environment of its own (see controller/state/log_layout.h for its tables). An append is one
 * transaction with LMDB's own sync: when it returns, the entries are durable. Opened once in a process; appends from
 * one thread at a time, reads from any. */
#ifndef AQ_CONTROLLER_LOG_STORE_H
#define AQ_CONTROLLER_LOG_STORE_H

#include "controller/state/events.h"
#include "schema/base/error.h"

#include <stdint.h>

struct log_store;

struct log_entry {
    uint64_t index, term;
    uint32_t type; /* enum raft_entry_type */
    const void *data;
    uint32_t size;
    uint64_t first_seq; /* of a batch of decisions; 0 for raft's own entries, and in logs of older versions */
};

/* What must be durable beside the entries. */
struct log_vote {
    uint64_t term, voted_for;
};

/* `map_bytes`: most that the log may grow to. Its map begins small, and grows before it is full. */
int log_store_open(struct log_store **store, const char *directory, uint64_t map_bytes,
                   struct aq_error *error) AQ_MUST_CHECK;
void log_store_close(struct log_store *store); /* NULL is fine */

struct log_extent {
    uint64_t first, last; /* indexes; 0, 0: empty */
    uint64_t last_term;
    uint64_t commit;        /* known to be committed when the last append was made */
    uint64_t configuration; /* index of the last entry of type RAFT_CHANGE; 0: none */
    struct log_vote vote;
};
int log_store_extent(struct log_store *store, struct log_extent *extent, struct aq_error *error) AQ_MUST_CHECK;

/* Entries follow one another; those from entries[0].index on that are there already are replaced. `vote` NULL: as it
 * was. */
int log_store_append(struct log_store *store, const struct log_entry *entries, unsigned count, uint64_t commit,
                     const struct log_vote *vote, struct aq_error *error) AQ_MUST_CHECK;

/* Calls `visit` for the entries from `first` to `last` (as far as there are any), in order, until it returns other than
 * 0, which is then returned. What the entry points to holds only during the call. */
typedef int log_visit_fn(void *context, const struct log_entry *entry, struct aq_error *error);
int log_store_read(struct log_store *store, uint64_t first, uint64_t last, log_visit_fn *visit, void *context,
                   struct aq_error *error) AQ_MUST_CHECK;

/* Looks through the pages of the file, which may be appended to meanwhile. -1: one is damaged, and named. */
int log_store_check_pages(struct log_store *store, struct aq_error *error) AQ_MUST_CHECK;

/* For readers of events; released with the store. */
struct events *log_store_events(struct log_store *store);

/* Free space of the disk that the log is on, in MiB. */
uint64_t log_store_free_mib(const struct log_store *store);

#endif
