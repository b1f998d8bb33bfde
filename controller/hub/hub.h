/* The hub answers agents and file views, in turns (schema/base/turn.h). Heartbeats are kept in memory and in live/;
 * only what decisions depend on becomes a command. See schema/wire/messages.h for the messages.
 *
 * Unless it says "any thread", a function belongs to the caller that gives the turns: that is loop.h in the daemon. */
#ifndef AQ_CONTROLLER_HUB_HUB_H
#define AQ_CONTROLLER_HUB_HUB_H

#include "controller/auth/issuer.h"
#include "controller/hub/carrier.h"
#include "controller/hub/seals.h"
#include "controller/secrets/door.h"
#include "controller/settings/settings.h"
#include "controller/state/live.h"
#include "controller/state/state.h"
#include "controller/usage/usage.h"
#include "controller/write/writer.h"
#include "schema/model/resource.h"
#include "schema/wire/messages.h"

struct hub;

struct hub_options {
    const struct aq_config_controller *config;
    struct writer *writer;
    struct state *state;
    struct live *live;
    struct usage *usage;   /* NULL: what nodes and workloads use is not kept */
    struct issuer *issuer; /* of join tokens; the loop tells it where the hub is */
    struct door *door;     /* seals and opens secrets; NULL: there are none */
    struct hub_identity identity;
    struct hub_carrier *agents, *local; /* local: of file views. They become the hub's; NULL: there are none */
    /* A turn is due: something has its answer, or another thread wants something. On any thread, with a lock: nothing
     * of the hub may be called in it. */
    void (*wake)(void *context);
    void *context;
};

struct hub *hub_open(const struct hub_options *options, const struct aq_clocks *now);
/* When it is idle; or after writer_close(), which has given its requests back: they get no
 * answer then. NULL is fine. */
void hub_close(struct hub *hub);

/* Takes a turn. Returns the steady time at which the next one is due. One is also due when a carrier may have
 * something, after a commit, after a change of leadership, and after `wake`. Other turns, and late ones, do no harm. */
uint64_t hub_turn(struct hub *hub, const struct aq_clocks *now);
/* When thousands of agents send heartbeats, their messages are left to gather until the time that hub_turn() returned:
 * then a turn is not due for them. */
bool hub_gathers(const struct hub *hub);

/* From now on, turns answer nothing new: they only end what is under way. */
void hub_stop(struct hub *hub);
bool hub_is_idle(struct hub *hub); /* nothing of the hub's is with another part or thread */

/* Asks the agent of a resource's node for bytes of its log, even if the resource has ended. Of `want`, the hub sets
 * number. If it returns 0, `done` is called exactly once, in a turn, within five seconds and want->wait_ms:
 * with the answer, or with an error, and NULL, if the agent does not answer. If too many wait, it does not wait. Any
 * thread. */
typedef void hub_fetch_fn(void *context, const struct aq_error *error, const struct aq_told *told);
int hub_fetch(struct hub *hub, const struct aq_ask *want, hub_fetch_fn *done, void *context,
              struct aq_error *error) AQ_MUST_CHECK;

/* Ends the open fetches with an error, and refuses those that begin later; so with commands in workloads: the
 * controller stops. Any thread. */
void hub_end_fetches(struct hub *hub);

/* What a client of REST wants of a session, a command that runs in a workload (execs.h). What it points to is the
 * caller's until it is done. */
enum hub_exec_kind {
    HUB_EXEC_OPEN,    /* keep a place for `command`; done is told the number of the session */
    HUB_EXEC_START,   /* the command resource_exec is written: run it */
    HUB_EXEC_SEND,    /* more input; done when some of it was taken, or after AQ_EXEC_WAIT_MS */
    HUB_EXEC_RECEIVE, /* output from the position `after` on; done when there is any, or after AQ_EXEC_WAIT_MS */
    HUB_EXEC_END      /* end it */
};
struct hub_exec_call {
    enum hub_exec_kind kind;
    uint64_t resource, session;             /* OPEN: no session */
    const struct aq_caller *caller;         /* a user; but for OPEN, the one who has opened it */
    const struct aq_resource_exec *command; /* OPEN */
    const struct aq_exec_input *input;      /* SEND */
    uint64_t after;                         /* RECEIVE */
};
/* `done` is called exactly once, in a turn: with `error`, whose code is AQ_OK if there is none, the session, and what
 * there is of output and input. `output` is valid during the call. Any thread. */
typedef void hub_exec_fn(void *context, const struct aq_error *error, uint64_t session,
                         const struct aq_exec_output *output);
void hub_exec(struct hub *hub, const struct hub_exec_call *call, hub_exec_fn *done, void *context);

struct hub_figures {
    uint64_t agents;   /* alive now */
    uint64_t messages; /* received */
    uint64_t unopened; /* dropped because they were not sealed with a node's key, or came before */
    uint64_t sessions; /* commands that run in workloads for callers */
};
void hub_figures(struct hub *hub, struct hub_figures *figures); /* any thread */

#endif
