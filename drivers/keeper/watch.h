/* Keeps the files of a workload that has no disk of its own within a bound: the keeper counts what they take on the
 * host's disk, and ends the workload when that is too much.
 *
 * Counting is not cheap, so it is done when it may matter: when the disk has lost a part of what the workload may still
 * take, whoever has taken it, or has changed and not been counted for a minute. The free space is looked at every few
 * seconds, and more often the faster it shrinks. So a workload may have exceeded its bound by what it wrote since the
 * last look; what it then holds is deleted as everything is. */
#ifndef AQ_DRIVERS_KEEPER_WATCH_H
#define AQ_DRIVERS_KEEPER_WATCH_H

#include "drivers/keeper/job.h"
#include "drivers/keeper/usage.h"

#include <sys/types.h>

enum { WATCH_REASON_SIZE = 160 };

struct disk_space {
    uint64_t bytes, files;
};

struct keeper_watch {
    char tree[KEEPER_TREE_SIZE]; /* what is counted; "": nothing */
    struct usage most;
    struct usage counted;           /* the last time, */
    struct disk_space free_counted; /* and what was free then */
    struct disk_space free_looked;  /* at the last look */
    uint64_t counted_ms, looked_ms;
    uint64_t due_ms;                /* the next look */
    pid_t counter;                  /* a fork that counts many files; 0: none */
    struct usage *shared;           /* where it puts what it has found */
    char reason[WATCH_REASON_SIZE]; /* why the workload must end; "": it need not */
};

/* The workload has started, in the directory. */
void keeper_watch_begin(struct keeper_watch *watch, int directory, uint64_t now_ms);

/* Looks if it is time to. Returns after how many milliseconds to come again; -1: not at all. */
int keeper_watch_turn(struct keeper_watch *watch, int directory, uint64_t now_ms);

/* The fork has ended, well or not. */
void keeper_watch_take(struct keeper_watch *watch, bool well);

#endif
