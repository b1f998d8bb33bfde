/* Commands that callers run in workloads: sessions between a client of REST and an agent (schema/model/exec.h).
 *
 * A session is opened, which finds the agent and keeps a place; then the command resource_exec is written, and then it
 * is started. Its orders travel in deliveries to the agent (deliveries.h), which answers with EXEC. The hub keeps what
 * is under way, AQ_EXEC_WINDOW bytes each way at most, and nothing when there is no session.
 *
 * A session ends with its command, with the right of its caller, with the session of the agent, or when its client has
 * not asked for some time. Then the agent ends the command, and resource_exec_end is written.
 *
 * Here are the calls of clients, EXEC, and what time brings. Parts: exec_open.h, exec_orders.h, exec_end.h, and one
 * session in exec_session.h. */
#ifndef AQ_CONTROLLER_HUB_EXECS_H
#define AQ_CONTROLLER_HUB_EXECS_H

#include "controller/hub/base.h"
#include "controller/hub/hub.h"

#include <stdatomic.h>

struct hub_session;

struct hub_execs {
    struct hub_item ending; /* first; posted by execs_end_soon() */
    struct hub_base *base;
    struct hub_session *first; /* open sessions, newest first */
    unsigned count;
    uint64_t last_number;
    bool ends;             /* the controller stops: nothing is answered any more */
    atomic_bool ends_soon; /* any thread */
};

void execs_open(struct hub_execs *execs, struct hub_base *base);
void execs_close(struct hub_execs *execs);

/* Does the work of hub_exec(). Any thread. */
void execs_call(struct hub_execs *execs, const struct hub_exec_call *call, hub_exec_fn *done, void *context);

/* Handles EXEC. */
void execs_take(struct hub_execs *execs, struct hub_agent *agent, struct hub_question *question,
                const struct aq_exec *message);
/* The agent has begun another session, or its node was deleted: its commands are ended, or nobody knows. */
void execs_drop(struct hub_execs *execs, struct hub_agent *agent, const char *why);
/* Ends sessions whose client is gone, or whose caller may not do this any more. */
void execs_tick(struct hub_execs *execs);
/* The controller stops: answers all that wait. */
void execs_end(struct hub_execs *execs);
/* Lets the hub's thread do that soon. Any thread. */
void execs_end_soon(struct hub_execs *execs);

#endif
