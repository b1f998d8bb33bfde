/* Commands that callers run in workloads: sessions with the hub (schema/model/exec.h), run by drivers.
 *
 * The hub's orders come with deliveries, and may come again; what comes of them is told with EXEC, one message at a
 * time, and told again until the hub has it. Of input and output, AQ_EXEC_WINDOW bytes are kept at most: when there is
 * no room, nothing is read, and the command waits. Without a session, nothing is done and nothing is open. */
#ifndef AQ_AGENT_EXEC_SESSIONS_H
#define AQ_AGENT_EXEC_SESSIONS_H

#include "agent/workloads.h"

struct exec;

/* Zeroed memory, with `workloads`, is empty. */
struct exec_sessions {
    struct workloads *workloads;
    struct exec *first;
    unsigned count;
    int epoll;      /* 0: none yet */
    bool in_flight; /* a message is under way */
    uint64_t *gone; /* sessions that were dropped since the hub was last asked for work */
    size_t gone_count, gone_capacity;
};

void exec_sessions_open(struct exec_sessions *sessions, struct workloads *workloads);
void exec_sessions_close(struct exec_sessions *sessions); /* ends the commands */

void exec_sessions_take(struct exec_sessions *sessions, const struct aq_exec_order *order);
/* The hub is asked for work: what it orders from now on, it orders knowing which sessions are over. */
void exec_sessions_forget_gone(struct exec_sessions *sessions);
/* Moves what can be moved. Call it in each turn. */
void exec_sessions_turn(struct exec_sessions *sessions);
/* The hub knows nothing of them any more: ends all. */
void exec_sessions_clear(struct exec_sessions *sessions);
/* When it is readable, exec_sessions_turn() has something to do; -1: none. */
int exec_sessions_fd(const struct exec_sessions *sessions);

/* There is something to tell, and no message is under way. */
bool exec_sessions_are_due(const struct exec_sessions *sessions);
/* Composes a message, with memory from `arena`; its data is valid until the next call of another function. */
struct aq_exec exec_sessions_compose(struct exec_sessions *sessions, const char *name, uint64_t session,
                                     struct aq_arena *arena);
void exec_sessions_arrived(struct exec_sessions *sessions, const struct aq_executed *answer);
void exec_sessions_not_arrived(struct exec_sessions *sessions); /* it is told again */

/* The hub has taken a HELLO. It may have been restarted, and then answers for each session that it knows none. */
void exec_sessions_welcome(struct exec_sessions *sessions);

#endif
