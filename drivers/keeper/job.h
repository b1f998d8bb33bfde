/* A job is all that a keeper must know to run a workload, in a memory file that is passed to another process: the agent
 * writes it, and the keeper maps it. Both are the same binary, so the layout may change at any time.
 *
 * Every kind of workload has a job of its own, whose first member is the part below: what every keeper needs. */
#ifndef AQ_DRIVERS_KEEPER_JOB_H
#define AQ_DRIVERS_KEEPER_JOB_H

#include "schema/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum { KEEPER_KIND_SIZE = 16, KEEPER_TREE_SIZE = 16 };

struct keeper_job {
    char kind[KEEPER_KIND_SIZE]; /* which keeper_kind it is for */
    bool spare;                  /* a keeper will do that was made ready before the job was known */
    uint64_t resource;
    uint64_t cpu_milli;
    uint64_t ram_mib;
    uint64_t pids;               /* 0: no limit */
    uint64_t io_read;            /* bytes of the host's disk in a second; 0: no limit */
    uint64_t io_write;           /* the same */
    uint64_t log_size;           /* size at which the log continues in a new file */
    uint64_t log_rate;           /* bytes of output that are copied in a second; 0: no limit */
    char tree[KEEPER_TREE_SIZE]; /* directory in the workload's whose files are counted; "": none */
    uint64_t tree_bytes;         /* most of it */
    uint64_t tree_files;
    uint32_t log_files; /* how many files are kept */
    uint32_t stop_grace_s;
    const char *node;
    const char *directory; /* the workload's */
    uint64_t lease_s;      /* 0: it has none */
    const char *lease;     /* path of the lease file (lease.h) */
    size_t mapped;         /* size of the mapping */
};

/* What the job of any kind has of the driver's spec, and of options that every kind has by the same names. */
#define KEEPER_JOB(kind_name, spec, options)                                                                           \
    {                                                                                                                  \
        .kind = kind_name, .resource = (spec)->resource, .cpu_milli = (spec)->cpu_milli, .ram_mib = (spec)->ram_mib,   \
        .pids = (options)->pids, .io_read = (options)->io_read, .io_write = (options)->io_write,                       \
        .log_size = (options)->log_size, .log_rate = (options)->log_rate, .log_files = (uint32_t)(options)->log_files, \
        .stop_grace_s = (uint32_t)(options)->stop_grace, .lease_s = (spec)->lease_s                                    \
    }

/* Bounds what a workload without a disk of its own has in the directory `tree`. 0: no bound. */
void keeper_job_bound(struct keeper_job *job, const char *tree, uint64_t mib, uint64_t files);

/* Returns the descriptor of a memory file with these parts one after another, or -1. A part without an address is
 * zeros. */
int keeper_job_file(const struct iovec *parts, size_t count, struct aq_error *error) AQ_MUST_CHECK;

/* Maps the file and sets `mapped`; NULL if it is shorter than `least`. The job may be changed: the file stays. */
struct keeper_job *keeper_job_map(int fd, size_t least);

/* Returns the text at *at and moves *at after it; NULL if no text ends before `end`. */
char *keeper_job_text(char **at, const char *end);

/* Unmaps the job and all that it points to. NULL is fine. */
void keeper_job_unmap(struct keeper_job *job);

#endif
