/* A model of the disk that the log is on, as a log store (controller/log/store.h).
 *
 * An append is one transaction, as LMDB's is: after a crash it is there wholly or not at all. It becomes durable when
 * the disk has finished it, some time after it was given; before that a power cut may lose it, and the end of the
 * process may, too. (That LMDB keeps this promise on a disk that loses and reorders writes is what
 * tests/torture/lostwrites.c is for.) */
#ifndef AQ_TESTS_SIM_DISK_H
#define AQ_TESTS_SIM_DISK_H

#include "controller/log/thread.h"
#include "tests/sim/sim.h"

struct disk_entry {
    struct log_entry entry;
    uint64_t commit;
};

/* Everything that one append brings. */
struct disk_write {
    struct disk_entry entries[LOG_JOB_ENTRIES_MAX];
    unsigned count;
    uint64_t commit;
    bool has_vote;
    struct log_vote vote;
};

/* Told of every entry when it is durable. */
typedef void disk_durable_fn(void *context, const struct log_entry *entry);

struct disk {
    struct log_store store;
    struct sim *sim;
    disk_durable_fn *durable;
    void *context;
    struct disk_entry *entries; /* those that are durable; their indexes count from 1 */
    size_t count, capacity;
    uint64_t commit, configuration;
    struct log_vote vote;
    struct log_job *job; /* under way; NULL: none */
    struct disk_write write;
    uint64_t done_ms; /* when the job is finished */
    uint64_t latency_ms;
    bool full;       /* no room is left, and it says so */
    bool map_full;   /* appends have no room, although the disk has */
    bool fails_once; /* the next append fails, and nobody knows whether it reached the disk */
};

void disk_open(struct disk *disk, struct sim *sim, disk_durable_fn *durable, void *context);
void disk_free(struct disk *disk);

void disk_start(struct disk *disk, struct log_job *job);
/* Finishes the job that is under way: its result is in it. */
struct log_job *disk_finish(struct disk *disk);
/* The process is gone. What was under way reaches the disk, or does not. */
void disk_drop(struct disk *disk, bool reaches);

#endif
