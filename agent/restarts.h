/* When a workload that has ended is started again in its place: by the policy of its label, after a wait that is
 * doubled each time, up to a limit. Nothing here waits, stores or starts; workloads.c does. */
#ifndef AQ_AGENT_RESTARTS_H
#define AQ_AGENT_RESTARTS_H

#include "schema/wire/messages.h"

#include <stdbool.h>
#include <stdint.h>

enum restart_phase {
    RESTART_NONE,   /* the driver has the workload, or it is over */
    RESTART_STORES, /* it has ended, and that must be stored */
    RESTART_WAITS,  /* until its time comes */
    RESTART_DUE,    /* it must be started */
};

/* Of one workload. Zeroed memory is the policy "never". */
struct restarts {
    enum aq_restart policy;
    uint64_t limit;                   /* 0: none */
    uint64_t wait_ms, wait_most_ms;   /* the shortest and the longest wait */
    uint64_t count;                   /* restarts so far */
    uint64_t next_wait_ms, waited_ms; /* before the next restart, and before the newest one */
    enum restart_phase phase;
    uint64_t at_ms;       /* WAITS: steady */
    bool ran;             /* it was started once: a start that fails now is no failed try of its application */
    uint64_t since_ms;    /* of this run; steady, 0: it does not run */
    bool failed;          /* its health has failed, so that it was stopped, */
    char *failed_because; /* and why */
};

void restarts_init(struct restarts *restarts, const struct aq_assignment *assignment);
void restarts_free(struct restarts *restarts);

/* An earlier run of the agent has restarted it so often, the last time after this wait. */
void restarts_adopt(struct restarts *restarts, uint64_t count, uint64_t waited_ms);
/* It runs. */
void restarts_begin(struct restarts *restarts, uint64_t now_ms);
/* It has ended. Decides whether it is started again: if so, counts that, and sets *wait_ms. `well`: with status 0. */
bool restarts_end(struct restarts *restarts, bool well, uint64_t now_ms, uint64_t *wait_ms);
/* Is it over only because of the limit? */
bool restarts_is_used_up(const struct restarts *restarts, bool well);

#endif
