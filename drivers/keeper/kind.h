/* What a keeper does differently for each kind of workload. A driver registers its kind; the keeper finds it by the
 * name in the job. All of it runs in the keeper, or in a process that the keeper forks; both have one thread, so every
 * library function may be used. */
#ifndef AQ_DRIVERS_KEEPER_KIND_H
#define AQ_DRIVERS_KEEPER_KIND_H

#include "drivers/cgroup/cgroup.h"
#include "drivers/keeper/job.h"
#include "drivers/left.h"
#include "schema/base/error.h"
#include "schema/model/registry.h"

#include <sys/types.h>

/* What the process that starts the workload gets. The descriptors belong to the keeper. */
struct keeper_start {
    struct keeper_job *job;
    const struct cgroup *group;
    int directory; /* the workload's */
    int output;    /* standard output and error of the workload */
    int errors;    /* if the workload cannot run, the reason is written here first */
    pid_t keeper;
    pid_t *init; /* set to process 1 of the workload's own process namespace, if it gets one (drivers/confine/init.h) */
};

/* A workload's main process that another process has created. */
struct keeper_found {
    pid_t pid;
    int stop_signal; /* 0: SIGTERM */
};

struct keeper_kind {
    const char *name;

    /* Called once, before any keeper is forked, for what all of them inherit. NULL: nothing. */
    void (*prepare)(void);

    /* Does what the start of a job that says `spare` takes and needs nothing of the job, in a process that will become
     * its keeper. Sets the number of process 1 if it has made one. NULL: there are no such jobs. */
    int (*ready)(pid_t *init, struct aq_error *error);

    /* Maps what the driver has encoded, so that keeper_job_unmap() unmaps it; NULL: it is something else. The
     * descriptor may be closed afterwards. */
    struct keeper_job *(*map)(int fd);

    /* Claims for the keeper what the workload holds as long as it runs. Does not wait. NULL: nothing. */
    int (*claim)(struct keeper_job *job, struct aq_error *error);

    /* Creates a process that starts the workload, and is killed when its keeper dies. Returns -1 with
     * `error`. Without find() this becomes the main process: it runs as soon as exec has closed `errors`. */
    pid_t (*start)(const struct keeper_start *start, struct aq_error *error);

    /* Called when the starting process has ended with status 0: finds the main process, which has become a child of the
     * keeper. The starting process is in a session of its own. NULL: see start(). */
    int (*find)(const struct keeper_job *job, int directory, struct keeper_found *found, struct aq_error *error);

    /* Removes what is left of the workload outside of its directory, when no process of it is left; with find() only.
     * May be called for a workload that never ran. NULL: nothing. */
    void (*clean)(const struct keeper_job *job, int directory);

    /* Says which files the workload has left, but for their size; false: none. The job is NULL without find(). NULL: it
     * leaves none. */
    bool (*left)(const struct keeper_job *job, int directory, struct driver_left *left);
};

/* Of the job; NULL: there is none. */
const struct keeper_kind *keeper_kind_of(const struct keeper_job *job);

#define KEEPER_KIND(kind) AQ_REGISTER(aq_keeper_kinds, keeper_kind, kind)

#endif
