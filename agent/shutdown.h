/* Shutting the host down when the cluster says so: with the command that agent.yml names, and only while this agent
 * runs nothing.
 *
 * The hub sends an order with a number. The agent answers that it is ready, or why not, and then waits until the hub
 * confirms the same order: until then, the shutdown can be called off. An agent that was started since, as after the
 * shutdown, does not know the order, and so does nothing when it is confirmed. */
#ifndef AQ_AGENT_SHUTDOWN_H
#define AQ_AGENT_SHUTDOWN_H

#include "agent/host.h"
#include "schema/wire/messages.h"

#include <stdbool.h>

/* Zeroed memory has no order. */
struct shutdown {
    uint64_t order;                      /* the newest; 0: none */
    bool answered;                       /* the answer is known, */
    bool untold;                         /* and in no report yet */
    bool begun;                          /* the command was run */
    uint64_t answered_ms;                /* steady */
    char refused[AQ_ERROR_MESSAGE_SIZE]; /* why not; "": the agent is ready */
};

/* A delivery has come. Carries out a confirmed order, unless it is so late that it may have been called off since. */
void shutdown_take(struct shutdown *shutdown, const struct aq_work *work, const struct host *host,
                   const struct aq_list *command, size_t workloads, uint64_t now_ms);
/* Answers an order as soon as it can: once no workload is left. */
void shutdown_turn(struct shutdown *shutdown, const struct aq_list *command, size_t workloads, uint64_t now_ms);

#endif
