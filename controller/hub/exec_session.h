/* A session of execs.h: input and output, as streams with positions (schema/model/exec.h), and the requests of its
 * client that wait for them. It knows nothing of agents, rights and the log. */
#ifndef AQ_CONTROLLER_HUB_EXEC_SESSION_H
#define AQ_CONTROLLER_HUB_EXEC_SESSION_H

#include "controller/hub/execs.h"

enum { EXEC_REASON_SIZE = 513 }; /* of aq_exec_output.reason, with the NUL */

/* One call of execs_call(), until its `done` is called. */
struct exec_call {
    struct hub_item item;
    struct hub_execs *execs;
    struct hub_exec_call call;
    hub_exec_fn *done;
    void *context;
    uint64_t until_ms; /* while it waits */
};

struct hub_session {
    struct hub_session *next;
    uint64_t number, resource;
    char node[HUB_NAME_SIZE];
    struct aq_caller caller;
    struct aq_resource_exec command;
    struct aq_arena arena; /* of both */

    /* Input: what the agent has not taken yet, from the position `taken` on. */
    struct aq_buffer in;
    uint64_t taken, in_sent;
    bool in_over, over_sent;
    uint64_t columns, rows;
    bool size_due;

    /* Output: what the client has not taken yet, from the position `first` on. */
    struct aq_buffer out;
    uint64_t first, allowed_sent;

    bool started, start_due, ending, end_due;
    bool over, recording, recorded; /* over: it has ended */
    bool at_agent;                  /* its agent may still have it: counted there; if it is over, the agent is told */
    uint64_t exit_status;
    char reason[EXEC_REASON_SIZE];
    uint64_t sent_in; /* the last delivery that carried something of it */
    struct exec_call *sender, *receiver;
    uint64_t client_ms, moved_ms, ending_ms;
};

/* Calls `done`, with no error and no output where they are NULL, and frees the call. */
void exec_call_finish(struct exec_call *call, const struct aq_error *error, uint64_t session,
                      const struct aq_exec_output *output);

/* ---- with the agent ---------------------------------------------------------------------------------------- */

/* Is there something that its agent must be told? */
bool exec_session_is_due(const struct hub_session *session);
/* Fills an order with that; nothing is due then, except for input that has no place in it. The order points to the
 * session. Returns the bytes of input. */
size_t exec_session_fill_order(struct hub_session *session, struct aq_exec_order *order);
/* All that it may have told is due again. The agent skips what it has. */
void exec_session_send_again(struct hub_session *session);
/* Takes what the agent has sent, and how much input it has taken. False: it has sent what was not asked for. */
bool exec_session_take_output(struct hub_session *session, const struct aq_exec_output *output,
                              uint64_t now_ms) AQ_MUST_CHECK;

/* ---- with the client --------------------------------------------------------------------------------------- */

/* The position behind the input that has come. */
uint64_t exec_session_in_end(const struct hub_session *session);
/* Takes the input that there is room for. True: there is none, and it has to wait. */
bool exec_session_take_input(struct hub_session *session, const struct aq_exec_input *input,
                             struct aq_error *error) AQ_MUST_CHECK;
/* The client has the output before `after`, which is not kept any more. */
int exec_session_take_position(struct hub_session *session, uint64_t after, struct aq_error *error) AQ_MUST_CHECK;
/* Answers the request that waits for output, if there is something to tell. */
void exec_session_tell_receiver(struct hub_session *session);
/* Answers a request that waits, if there is one, with nothing: its time is over, or another one takes its place. */
void exec_session_tell_nothing(struct hub_session *session, struct exec_call **place, uint64_t taken);

#endif
