/* The log on disk. An append is one synced transaction: when it returns, the entries are durable. One thread at a time
 * may append; any thread may read.
 *
 * There are two kinds: an LMDB environment (log_store_open(); see controller/state/log_layout.h for its tables), and
 * the simulator's model of a disk (tests/sim/disk.h). */
#ifndef AQ_CONTROLLER_LOG_STORE_H
#define AQ_CONTROLLER_LOG_STORE_H

#include "controller/state/events.h"
#include "schema/base/error.h"

#include <stdint.h>

struct log_store_kind;

struct log_store {
    const struct log_store_kind *kind;
};

struct log_entry {
    uint64_t index, term;
    uint32_t type; /* enum raft_entry_type */
    const void *data;
    uint32_t size;
    uint64_t first_seq; /* of a batch of decisions; 0 for raft's own entries, and in logs of older versions */
};

/* Raft's state that must be durable besides the entries. */
struct log_vote {
    uint64_t term, voted_for;
};

/* LMDB's. A process opens it once. It may become `map_bytes` large, which takes as many addresses from the start. */
int log_store_open(struct log_store **store, const char *directory, uint64_t map_bytes,
                   struct aq_error *error) AQ_MUST_CHECK;
void log_store_close(struct log_store *store); /* NULL is fine */

struct log_extent {
    uint64_t first, last; /* indexes; 0, 0: the log is empty */
    uint64_t last_term;
    uint64_t commit;        /* index that was known to be committed at the last append */
    uint64_t configuration; /* index of the last entry of type RAFT_CHANGE; 0: none */
    struct log_vote vote;
};
int log_store_extent(struct log_store *store, struct log_extent *extent, struct aq_error *error) AQ_MUST_CHECK;

/* Appends successive entries, in the place of all from entries[0].index on. `vote` NULL: leaves it as it is. A failure
 * with AQ_E_BUSY or AQ_E_NO_SPACE leaves the log as it was; the former passes soon. */
int log_store_append(struct log_store *store, const struct log_entry *entries, unsigned count, uint64_t commit,
                     const struct log_vote *vote, struct aq_error *error) AQ_MUST_CHECK;

/* Calls `visit` for the entries from `first` to `last`, as far as they exist, in order, until it returns other than 0,
 * which is then returned. What the entry points to is valid during the call only. */
typedef int log_visit_fn(void *context, const struct log_entry *entry, struct aq_error *error);
int log_store_read(struct log_store *store, uint64_t first, uint64_t last, log_visit_fn *visit, void *context,
                   struct aq_error *error) AQ_MUST_CHECK;

/* Checks all pages of the file, which may be appended to meanwhile. */
int log_store_check_pages(struct log_store *store, struct aq_error *error) AQ_MUST_CHECK;

/* For readers of events. Belongs to the store. */
struct events *log_store_events(struct log_store *store);

/* Free space of the disk that the log is on, in MiB. */
uint64_t log_store_free_mib(const struct log_store *store);

/* What a kind of store brings: the functions above. */
struct log_store_kind {
    void (*close)(struct log_store *store);
    int (*extent)(struct log_store *store, struct log_extent *extent, struct aq_error *error);
    int (*append)(struct log_store *store, const struct log_entry *entries, unsigned count, uint64_t commit,
                  const struct log_vote *vote, struct aq_error *error);
    int (*read)(struct log_store *store, uint64_t first, uint64_t last, log_visit_fn *visit, void *context,
                struct aq_error *error);
    int (*check_pages)(struct log_store *store, struct aq_error *error);
    struct events *(*events)(struct log_store *store);
    uint64_t (*free_mib)(const struct log_store *store);
};

#endif
