#include "controller/hub/execs.h"

#include "controller/hub/exec_end.h"
#include "controller/hub/exec_open.h"
#include "controller/hub/exec_orders.h"
#include "controller/hub/exec_session.h"
#include "controller/state/rights.h"
#include "schema/codec/command.h"
#include "schema/codec/reload.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>

enum {
    CLIENT_MS = 15000, /* a client that has asked for nothing for so long is gone */
    ENDING_MS = 30000, /* an agent that has not ended a command after so long has nothing to say of it */
};

static void fail_ending(struct aq_error *error)
{
    aq_fail(error, AQ_E_BUSY, "the controller is stopping, which ends commands in workloads");
}

/* ---- output, to the client --------------------------------------------------------------------------------- */

static void receive(struct hub_execs *execs, struct hub_session *session, struct exec_call *call)
{
    struct aq_error error;
    if (exec_session_take_position(session, call->call.after, &error) != 0) {
        exec_call_finish(call, &error, session->number, NULL);
        return;
    }
    exec_session_tell_nothing(session, &session->receiver, session->taken);
    call->until_ms = execs->base->now.steady_ms + AQ_EXEC_WAIT_MS;
    session->receiver = call;
    exec_session_tell_receiver(session);
    execs_mark_ready(execs, session);
}

/* ---- input, from the client -------------------------------------------------------------------------------- */

static void send_input(struct hub_execs *execs, struct hub_session *session, struct exec_call *call)
{
    struct aq_error error = {0};
    if (!session->over && exec_session_take_input(session, call->call.input, &error)) {
        exec_session_tell_nothing(session, &session->sender, exec_session_in_end(session));
        call->until_ms = execs->base->now.steady_ms + AQ_EXEC_WAIT_MS;
        session->sender = call;
        return;
    }
    const struct aq_exec_output output = {
        .taken = exec_session_in_end(session), .over = session->over, .reason = session->reason};
    session->moved_ms = execs->base->now.steady_ms;
    exec_call_finish(call, &error, session->number, &output);
    execs_mark_ready(execs, session);
}

/* The agent has taken some: there is room. */
static void resume_sender(struct hub_execs *execs, struct hub_session *session)
{
    struct exec_call *call = session->sender;
    if (call == NULL || session->in.length == AQ_EXEC_WINDOW)
        return;
    session->sender = NULL;
    send_input(execs, session, call);
}

/* ---- EXEC: what the agent tells ----------------------------------------------------------------------------- */

static void take_output(struct hub_execs *execs, struct hub_session *session, const struct aq_exec_output *output)
{
    if (!exec_session_take_output(session, output, execs->base->now.steady_ms)) {
        exec_end_session(execs, session, "its node sent output that was not asked for");
        return;
    }
    if (output->over)
        exec_note_over(execs, session, output->exit_status, output->reason, true);
    exec_session_tell_receiver(session);
    resume_sender(execs, session);
    execs_mark_ready(execs, session);
}

void execs_take(struct hub_execs *execs, struct hub_agent *agent, struct hub_question *question,
                const struct aq_exec *message)
{
    struct aq_exec_gone *unknown = aq_arena_alloc(&execs->base->arena, (message->told.count + 1) * sizeof *unknown);
    struct aq_executed answer = {.unknown = {unknown, 0}};
    for (uint32_t i = 0; i < message->told.count; i++) {
        const struct aq_exec_told *told = AQ_ITEM(message->told, struct aq_exec_told, i);
        struct hub_session *session = execs_find(execs, told->session);
        const bool is_its = session != NULL && strcmp(session->node, agent->name) == 0;
        if (is_its && !session->over) {
            take_output(execs, session, &told->output);
            continue;
        }
        unknown[answer.unknown.count++].session = told->session; /* which ends it there */
        if (is_its)
            exec_let_go(execs, session);
    }
    channel_answer(question, AQ_MSG_EXECUTED, &answer);
}

/* ---- calls -------------------------------------------------------------------------------------------------- */

static void start_session(struct hub_execs *execs, struct hub_session *session, struct exec_call *call)
{
    session->started = true;
    if (session->over) { /* its agent went in between; the start was written, and so is the end */
        session->recorded = false;
        exec_record_end(execs, session);
    } else {
        exec_session_send_again(session);
        execs_mark_ready(execs, session);
    }
    exec_call_finish(call, NULL, session->number, NULL);
}

static struct hub_session *find_own(const struct hub_execs *execs, const struct hub_exec_call *call,
                                    struct aq_error *error)
{
    struct hub_session *session = execs_find(execs, call->session);
    if (session != NULL && session->resource == call->resource && session->caller.number == call->caller->number)
        return session;
    aq_fail(error, AQ_E_NOT_FOUND,
            "resource %" PRIu64 " has no session %" PRIu64 " of yours: it has ended, or the controller was restarted, "
            "which ends commands in workloads",
            call->resource, call->session);
    return NULL;
}

static void run_call(struct hub_item *item)
{
    struct exec_call *call = (struct exec_call *)item;
    struct hub_execs *execs = call->execs;
    struct aq_error error;
    if (execs->ends) {
        fail_ending(&error);
        exec_call_finish(call, &error, 0, NULL);
        return;
    }
    if (call->call.kind == HUB_EXEC_OPEN) {
        exec_open_session(execs, call);
        return;
    }
    struct hub_session *session = find_own(execs, &call->call, &error);
    if (session == NULL) {
        exec_call_finish(call, &error, call->call.session, NULL);
        return;
    }
    session->client_ms = execs->base->now.steady_ms;
    switch (call->call.kind) {
    case HUB_EXEC_START:
        start_session(execs, session, call);
        break;
    case HUB_EXEC_SEND:
        send_input(execs, session, call);
        break;
    case HUB_EXEC_RECEIVE:
        receive(execs, session, call);
        break;
    default:
        exec_end_session(execs, session, "ended by its client");
        session->client_ms = 0; /* it asks no more */
        exec_call_finish(call, NULL, session->number, NULL);
    }
}

static void drop_call(struct hub_item *item)
{
    struct aq_error error;
    aq_fail(&error, AQ_E_UNKNOWN, "the controller ends");
    exec_call_finish((struct exec_call *)item, &error, 0, NULL);
}

void execs_call(struct hub_execs *execs, const struct hub_exec_call *wanted, hub_exec_fn *done, void *context)
{
    struct exec_call *call = aq_calloc(1, sizeof *call);
    *call = (struct exec_call){.item = {.home = &execs->base->mailbox, .run = run_call, .drop = drop_call},
                               .execs = execs,
                               .call = *wanted,
                               .done = done,
                               .context = context};
    mailbox_post(&call->item);
}

/* ---- time --------------------------------------------------------------------------------------------------- */

static bool may_go_on(struct hub_execs *execs, struct state_txn *txn, struct hub_session *session)
{
    struct aq_resource resource;
    struct aq_ended ended;
    struct aq_error ignored;
    const struct aq_permission *permission = aq_command_permission(&aq_command_resource_exec);
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const uint64_t time_ms = writer_time_ms(execs->base->writer, &execs->base->now);
    struct aq_caller caller = session->caller;
    if (rights_refresh(txn, &caller, time_ms, &arena, &ignored) != 0)
        return false;
    if (state_resource(txn, session->resource, &resource, &arena))
        return aq_access_allows_row(&caller, permission, &resource);
    /* Of what is not known any more, its agent knows how it ends. */
    return !state_ended(txn, session->resource, &ended, &arena) || rights_allow_ended(txn, &caller, permission, &ended);
}

static void check_rights(struct hub_execs *execs)
{
    struct state_txn *txn = NULL;
    struct aq_error ignored;
    if (state_read(execs->base->state, &txn, &ignored) != 0)
        return;
    for (struct hub_session *session = execs->first; session != NULL; session = session->next)
        if (!session->over && !session->ending && !may_go_on(execs, txn, session))
            exec_end_session(execs, session, "its caller may not run it any more");
    state_end(txn);
}

static void check_time(struct hub_execs *execs, struct hub_session *session)
{
    const uint64_t now_ms = execs->base->now.steady_ms, idle_s = AQ_SETTING(execs->base->config->hub.exec.idle);
    const struct hub_agent *agent = execs_agent(execs, session);
    if (session->receiver != NULL && now_ms >= session->receiver->until_ms)
        exec_session_tell_nothing(session, &session->receiver, session->taken);
    if (session->sender != NULL && now_ms >= session->sender->until_ms)
        exec_session_tell_nothing(session, &session->sender, exec_session_in_end(session));
    if (session->receiver != NULL || session->sender != NULL)
        session->client_ms = now_ms;
    if (session->over) {
        if (!session->recorded && !session->recording)
            exec_record_end(execs, session);
        return;
    }
    if (agent == NULL || !agent->active)
        exec_note_over(execs, session, EXEC_STATUS_KILLED, "its node was lost", false);
    else if (session->ending && now_ms - session->ending_ms > ENDING_MS)
        exec_note_over(execs, session, EXEC_STATUS_KILLED, "its node did not say how it ended", false);
    else if (now_ms - session->client_ms > CLIENT_MS)
        exec_end_session(execs, session, "its client is gone");
    else if (idle_s != 0 && now_ms - session->moved_ms > idle_s * 1000)
        exec_end_session(execs, session, "nothing came and went for too long (hub.exec.idle)");
}

void execs_tick(struct hub_execs *execs)
{
    const uint64_t now_ms = execs->base->now.steady_ms;
    if (execs->first == NULL)
        return;
    check_rights(execs);
    for (struct hub_session *session = execs->first, *next; session != NULL; session = next) {
        next = session->next;
        check_time(execs, session);
        if (session->over && session->recorded && !session->at_agent && now_ms - session->client_ms > CLIENT_MS)
            exec_remove_session(execs, session);
    }
}

/* ---- ends of others ------------------------------------------------------------------------------------------ */

void execs_drop(struct hub_execs *execs, struct hub_agent *agent, const char *why)
{
    if (agent->execs == 0)
        return;
    for (struct hub_session *session = execs->first; session != NULL; session = session->next)
        if (strcmp(session->node, agent->name) == 0) {
            exec_note_over(execs, session, EXEC_STATUS_KILLED, why, true);
            exec_let_go(execs, session);
        }
}

void execs_end(struct hub_execs *execs)
{
    struct aq_error error;
    fail_ending(&error);
    execs->ends = true;
    for (struct hub_session *session = execs->first; session != NULL; session = session->next) {
        struct exec_call *calls[] = {session->sender, session->receiver};
        session->sender = session->receiver = NULL;
        for (size_t i = 0; i < AQ_LENGTH(calls); i++)
            if (calls[i] != NULL)
                exec_call_finish(calls[i], &error, session->number, NULL);
    }
}

/* ---- open and close ------------------------------------------------------------------------------------------ */

static void run_ending(struct hub_item *item)
{
    execs_end((struct hub_execs *)item);
}

static void drop_ending(struct hub_item *item)
{
    (void)item; /* execs_close() comes */
}

void execs_end_soon(struct hub_execs *execs)
{
    if (!atomic_exchange(&execs->ends_soon, true))
        mailbox_post(&execs->ending);
}

/* The first number is a random one: an agent may still run a command of an earlier process. */
void execs_open(struct hub_execs *execs, struct hub_base *base)
{
    *execs =
        (struct hub_execs){.base = base, .ending = {.home = &base->mailbox, .run = run_ending, .drop = drop_ending}};
    randombytes_buf(&execs->last_number, sizeof execs->last_number);
    execs->last_number >>= 16; /* it stays short, and does not overflow */
}

void execs_close(struct hub_execs *execs)
{
    execs_end(execs);
    while (execs->first != NULL) {
        execs->first->over = true;
        exec_remove_session(execs, execs->first);
    }
}
