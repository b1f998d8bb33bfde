/* A keeper that waits for its job. The namespaces of a workload and their process 1 need nothing of the job, and making
 * them takes a good part of a start. So the nursery, when it has nothing else to do, makes a keeper for the next job
 * like the last one. Private to the nursery. */
#ifndef AQ_DRIVERS_KEEPER_SPARE_H
#define AQ_DRIVERS_KEEPER_SPARE_H

#include "drivers/cgroup/cgroup.h"
#include "drivers/keeper/kind.h"

#include <sys/utsname.h>

struct spare {
    int socket;                         /* -1: there is none */
    const struct keeper_kind *for_kind; /* of jobs for which one is made; NULL: there were none */
    struct utsname names;               /* of the host, when it was made: it has a copy of them */
};

void spare_init(struct spare *spare);
bool spare_is_wanted(const struct spare *spare);

/* Makes one. The new process closes `unneeded`. */
void spare_make(struct spare *spare, const struct cgroup_host *host, int unneeded);

/* Gives it the job, if it is for such jobs and is ready. Returns whether it has it. */
bool spare_give(struct spare *spare, int job, int status);

/* It ends. */
void spare_drop(struct spare *spare);

#endif
