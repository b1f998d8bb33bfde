/* Health checks of workloads that run: a command in the workload, a connection to a port, or a question over HTTP.
 *
 * The first check comes a second after the start, each next one an interval after the end of the one before. So many
 * failures in a row make the workload unhealthy, one success makes it healthy. Nothing here waits: commands are run by
 * the driver, sockets do not block, and the agent polls the descriptor of healths_fd(). What a check says is cut to a
 * few hundred bytes; the rest is read, slowly, and dropped. */
#ifndef AQ_AGENT_HEALTH_H
#define AQ_AGENT_HEALTH_H

#include "agent/commands.h"
#include "drivers/roster.h"
#include "drivers/schedule.h"
#include "schema/wire/messages.h"

/* `reason` is what the check that decided said. May call health_forget(). */
typedef void health_changed_fn(void *context, uint64_t resource, enum aq_health health, const char *reason);

/* Zeroed memory has no workloads, but is not open. */
struct healths {
    const struct aq_clocks *now; /* of the agent's turn */
    struct commands *commands;
    health_changed_fn *changed;
    void *context;
    struct roster roster; /* of struct health */
    struct schedule schedule;
    int epoll;          /* -1: not needed yet */
    uint64_t resume_ms; /* when to read on from commands; 0: from none */
};

void healths_open(struct healths *healths, const struct aq_clocks *now, struct commands *commands,
                  health_changed_fn *changed, void *context);
void healths_close(struct healths *healths);

/* The workload runs, at this address ("": it has none, and checks over the network fail), and is checked from now on.
 * Copies `check`. */
void health_watch(struct healths *healths, uint64_t resource, const struct opened_driver *driver, const char *ip_addr,
                  const struct aq_check *check);
void health_forget(struct healths *healths, uint64_t resource); /* harmless if it is not checked */

void healths_work(struct healths *healths);
int healths_fd(const struct healths *healths);               /* call healths_work() when it is readable; -1: none */
uint64_t healths_deadline_ms(const struct healths *healths); /* steady: call it then at the latest */

#endif
