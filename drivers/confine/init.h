/* Process 1 of a workload's process namespace. It does nothing but wait for orphans, and with its end the kernel ends
 * all processes of the namespace. The workload's main process is not process 1, because that one ignores signals that
 * it has no handler for. Both are children of the keeper, which so learns how the main process ends. */
#ifndef AQ_DRIVERS_CONFINE_INIT_H
#define AQ_DRIVERS_CONFINE_INIT_H

#include "schema/base/error.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/* Ends when no process is left but itself, if it has got this signal. SIGKILL ends all at once. */
enum { CONFINE_INIT_LEAVE = SIGUSR1 };

struct confine_namespaces {
    bool users;   /* the caller is not root */
    bool network; /* one of its own, with nothing but a loopback interface */
};

/* Gives the calling process's later children namespaces of their own for processes, System V objects and names of the
 * host, and creates process 1. That dies with the caller, whose pidfd is `keeper`, and keeps `held` open (-1: nothing).
 * The caller is in those namespaces too, but for that of processes. Returns its number; -1 with `error`. */
pid_t confine_init_start(const struct confine_namespaces *namespaces, int keeper, int held,
                         struct aq_error *error) AQ_MUST_CHECK;

/* Whether the process of the pidfd has not ended. */
bool confine_is_alive(int pidfd);

#endif
