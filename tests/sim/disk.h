/* A model of the disk that the log is on, as a log store (controller/log/store.h).
 *
 * It keeps rows as LMDB's log store does (controller/state/log_layout.h), and what it kept is only read through their
 * checksums. So where bits have turned, the real code must notice, and name the place. What it takes for intact is
 * compared with what was appended.
 *
 * An append is one transaction, as LMDB's is: after a crash it is there wholly or not at all. It becomes durable when
 * the disk has finished it, some time after it was given; before that a power cut may lose it, and the end of the
 * process may, too. (That LMDB keeps this promise on a disk that loses and reorders writes is tried by
 * tests/torture/lostwrites.c.) */
#ifndef AQ_TESTS_SIM_DISK_H
#define AQ_TESTS_SIM_DISK_H

#include "controller/log/thread.h"
#include "controller/state/log_layout.h"
#include "tests/sim/sim.h"

struct disk_entry {
    struct log_entry entry; /* as it was given */
    uint64_t commit;
    unsigned char *row; /* as the disk has it, once it is durable */
};

enum { DISK_NUMBERS = 4, DISK_PLACE_SIZE = 64 };

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
    struct events events; /* for readers of events */
    struct sim *sim;
    disk_durable_fn *durable;
    void *context;
    struct disk_entry *entries; /* those that are durable; their indexes count from 1 */
    size_t count, capacity;
    struct log_number numbers[DISK_NUMBERS]; /* term, vote, commit, configuration */
    struct log_number intact[DISK_NUMBERS];  /* as they were written */
    struct log_job *job;                     /* under way; NULL: none */
    struct disk_write write;
    uint64_t done_ms; /* when the job is finished */
    uint64_t latency_ms;
    bool full;       /* no room is left, and it says so */
    bool map_full;   /* appends have no room, although the disk has */
    bool fails_once; /* the next append fails, and nobody knows whether it reached the disk */

    bool turns_next; /* bits turn in the next entry as soon as it is durable */

    /* Bits have turned in one place at most. */
    char damage[DISK_PLACE_SIZE]; /* how that place is named; "": nowhere */
    uint64_t damaged_index;       /* the entry; 0: none */
};

void disk_open(struct disk *disk, struct sim *sim, disk_durable_fn *durable, void *context);
void disk_free(struct disk *disk);

/* The log has no secret in the clear. */
void disk_search(const struct disk *disk);

void disk_start(struct disk *disk, struct log_job *job);
/* Finishes the job that is under way: its result is in it. */
struct log_job *disk_finish(struct disk *disk);
/* Turns a bit or a few bytes of what is durable. */
void disk_turn_bits(struct disk *disk);
/* Everything is as it was written, out of a copy that the operator has. */
void disk_restore(struct disk *disk);
/* Does the error name the place where bits have turned? */
bool disk_is_named(const struct disk *disk, const struct aq_error *error);

/* The process is gone. What was under way reaches the disk, or does not. */
void disk_drop(struct disk *disk, bool reaches);

#endif
