#include "controller/hub/execs.h"

#include "controller/hub/exec_session.h"
#include "controller/state/rights.h"
#include "schema/base/journal.h"
#include "schema/codec/command.h"
#include "schema/codec/reload.h"
#include "schema/model/key.h"
#include "schema/model/view.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CLIENT_MS = 15000,          /* a client that has asked for nothing for so long is gone */
    ENDING_MS = 30000,          /* an agent that has not ended a command after so long has nothing to say of it */
    WORK_BYTES_MAX = 512 << 10, /* of input in one delivery */
    STATUS_KILLED = 128 + 9
};

/* The command resource_exec_end under way. */
struct exec_record {
    struct hub_item item;
    struct hub_execs *execs;
    uint64_t session;
    struct writer_request request;
    struct aq_resource_exec_end end;
    const void *records[1];
    char user[AQ_NAME_MAX + 1], reason[EXEC_REASON_SIZE];
};

/* ---- small things ---------------------------------------------------------------------------------------- */

static struct hub_session *find(const struct hub_execs *execs, uint64_t number)
{
    struct hub_session *session = execs->first;
    while (session != NULL && session->number != number)
        session = session->next;
    return session;
}

static struct hub_agent *agent_of(const struct hub_execs *execs, const struct hub_session *session)
{
    return agents_find(&execs->base->agents, session->node);
}

static void fail_ending(struct aq_error *error)
{
    aq_fail(error, AQ_E_BUSY, "the controller is stopping, which ends commands in workloads");
}

/* ---- due for the agent ----------------------------------------------------------------------------------- */

static void mark_ready(struct hub_execs *execs, const struct hub_session *session)
{
    struct hub_agent *agent = agent_of(execs, session);
    if (agent != NULL && exec_session_is_due(session))
        agents_mark_ready(&execs->base->agents, agent);
}

bool execs_are_due(const struct hub_execs *execs, const struct hub_agent *agent)
{
    if (agent->execs == 0)
        return false;
    for (const struct hub_session *session = execs->first; session != NULL; session = session->next)
        if (exec_session_is_due(session) && strcmp(session->node, agent->name) == 0)
            return true;
    return false;
}

void execs_add_due(struct hub_execs *execs, const struct hub_agent *agent, struct aq_work *work)
{
    size_t bytes = 0;
    if (!execs_are_due(execs, agent))
        return;
    work->execs.items = aq_arena_alloc(&execs->base->arena, AQ_EXEC_ORDERS_MAX * sizeof(struct aq_exec_order));
    for (struct hub_session *session = execs->first; session != NULL; session = session->next) {
        if (!exec_session_is_due(session) || strcmp(session->node, agent->name) != 0)
            continue;
        if (work->execs.count == AQ_EXEC_ORDERS_MAX || bytes >= WORK_BYTES_MAX)
            return; /* the rest is due still */
        bytes += exec_session_fill_order(session, AQ_ITEM(work->execs, struct aq_exec_order, work->execs.count++));
        session->sent_in = work->delivery;
    }
}

void execs_seen(struct hub_execs *execs, const struct hub_agent *agent, uint64_t seen)
{
    if (agent->execs == 0)
        return;
    for (struct hub_session *session = execs->first; session != NULL; session = session->next) {
        if (session->sent_in <= seen || strcmp(session->node, agent->name) != 0)
            continue;
        session->sent_in = 0;
        if (session->over)
            session->end_due = true;
        else
            exec_session_send_again(session);
    }
}

/* ---- the end ---------------------------------------------------------------------------------------------- */

static void record_done(struct hub_item *item)
{
    struct exec_record *record = (struct exec_record *)item;
    struct hub_session *session = find(record->execs, record->session);
    const struct aq_error *error = &record->request.error;
    if (session != NULL) {
        session->recording = false;
        session->recorded = !hub_error_is_temporary(error->code);
    }
    if (error->code != AQ_OK && !hub_error_is_temporary(error->code))
        aq_journal(AQ_WARN, "the end of a command in a workload was refused", "error", error->message, NULL);
    free(record);
}

static void record_drop(struct hub_item *item)
{
    free(item);
}

/* Tried again by execs_tick(), if the writer takes nothing now. */
static void record_end(struct hub_execs *execs, struct hub_session *session)
{
    struct aq_error ignored;
    struct exec_record *record = aq_calloc(1, sizeof *record);
    snprintf(record->user, sizeof record->user, "%s", session->caller.name);
    snprintf(record->reason, sizeof record->reason, "%s", session->reason);
    record->execs = execs;
    record->session = session->number;
    record->end = (struct aq_resource_exec_end){.id = session->resource,
                                                .session = session->number,
                                                .user = record->user,
                                                .exit_status = session->exit_status,
                                                .reason = record->reason};
    record->records[0] = &record->end;
    record->request = (struct writer_request){.command = &aq_command_resource_exec_end,
                                              .records = record->records,
                                              .count = 1,
                                              .caller = aq_caller_internal("aquarium")};
    record->item.run = record_done;
    record->item.drop = record_drop;
    session->recording = hub_submit(execs->base, &record->request, &record->item, &ignored) == 0;
    if (!session->recording)
        free(record);
}

/* Its agent does not have it, or will be told so when it asks. */
static void let_go(struct hub_execs *execs, struct hub_session *session)
{
    struct hub_agent *agent = agent_of(execs, session);
    if (session->at_agent && agent != NULL && agent->execs > 0)
        agent->execs--;
    session->at_agent = false;
}

/* What `output` says of the end is known: from the agent, or because nobody waits for its word any more. Then the
 * command may still run, for the agent of a node that was lost goes on in its session when it is back. */
static void note_over(struct hub_execs *execs, struct hub_session *session, uint64_t exit_status, const char *reason,
                      bool heard)
{
    if (session->over)
        return;
    session->over = true;
    session->exit_status = exit_status;
    if (session->reason[0] == '\0') /* else it was ended here */
        snprintf(session->reason, sizeof session->reason, "%s", reason);
    aq_assert(execs->count > 0);
    execs->count--;
    session->start_due = false;
    session->ending = session->end_due = true;
    if (heard || !session->started)
        let_go(execs, session);
    else
        mark_ready(execs, session);
    aq_buffer_free(&session->in);
    session->in_sent = session->taken;
    if (session->started)
        record_end(execs, session);
    session->recorded = session->recorded || !session->started;
    if (session->sender != NULL) {
        const struct aq_exec_output output = {.taken = session->taken, .over = true, .reason = session->reason};
        struct exec_call *sender = session->sender;
        session->sender = NULL;
        exec_call_finish(sender, NULL, session->number, &output);
    }
    exec_session_tell_receiver(session);
}

/* Lets the agent end it. */
static void end_session(struct hub_execs *execs, struct hub_session *session, const char *reason)
{
    if (session->over || session->ending)
        return;
    snprintf(session->reason, sizeof session->reason, "%s", reason);
    session->ending = session->end_due = true;
    session->ending_ms = execs->base->now.steady_ms;
    if (!session->started)
        note_over(execs, session, STATUS_KILLED, reason, true);
    else
        mark_ready(execs, session);
}

static void remove_session(struct hub_execs *execs, struct hub_session *session)
{
    struct hub_session **link = &execs->first;
    struct aq_error error;
    aq_assert(session->over);
    aq_fail(&error, AQ_E_NOT_FOUND, "the session has ended");
    if (session->sender != NULL)
        exec_call_finish(session->sender, &error, session->number, NULL);
    if (session->receiver != NULL)
        exec_call_finish(session->receiver, &error, session->number, NULL);
    while (*link != session)
        link = &(*link)->next;
    *link = session->next;
    aq_buffer_free(&session->in);
    aq_buffer_free(&session->out);
    aq_arena_free(&session->arena);
    free(session);
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
    mark_ready(execs, session);
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
    mark_ready(execs, session);
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
        end_session(execs, session, "its node sent output that was not asked for");
        return;
    }
    if (output->over)
        note_over(execs, session, output->exit_status, output->reason, true);
    exec_session_tell_receiver(session);
    resume_sender(execs, session);
    mark_ready(execs, session);
}

void execs_take(struct hub_execs *execs, struct hub_agent *agent, struct hub_question *question,
                const struct aq_exec *message)
{
    struct aq_exec_gone *unknown = aq_arena_alloc(&execs->base->arena, (message->told.count + 1) * sizeof *unknown);
    struct aq_executed answer = {.unknown = {unknown, 0}};
    for (uint32_t i = 0; i < message->told.count; i++) {
        const struct aq_exec_told *told = AQ_ITEM(message->told, struct aq_exec_told, i);
        struct hub_session *session = find(execs, told->session);
        const bool is_its = session != NULL && strcmp(session->node, agent->name) == 0;
        if (is_its && !session->over) {
            take_output(execs, session, &told->output);
            continue;
        }
        unknown[answer.unknown.count++].session = told->session; /* which ends it there */
        if (is_its)
            let_go(execs, session);
    }
    channel_answer(question, AQ_MSG_EXECUTED, &answer);
}

/* ---- opening ------------------------------------------------------------------------------------------------ */

/* The node where the resource is, or was last. */
static int find_node(struct hub_base *base, uint64_t number, char node[HUB_NAME_SIZE], struct aq_error *error)
{
    struct state_txn *txn = NULL;
    struct aq_resource resource;
    struct aq_ended ended;
    const char *name = NULL;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    if (state_read(base->state, &txn, error) != 0)
        return -1;
    if (state_resource(txn, number, &resource, &arena))
        name = resource.node;
    else if (state_ended(txn, number, &ended, &arena))
        name = ended.node;
    state_end(txn);
    if (name == NULL)
        return aq_key_not_found(&aq_entity_resource, aq_key_number(number), error);
    snprintf(node, HUB_NAME_SIZE, "%s", name);
    return 0;
}

/* Runs, or takes memory for output that its client has not taken. */
static bool is_held(const struct hub_session *session)
{
    return !session->over || session->out.length > 0;
}

static int check_limits(const struct hub_execs *execs, const struct hub_agent *agent, const struct aq_caller *caller,
                        struct aq_error *error)
{
    const struct aq_config_exec *config = &execs->base->config->hub.exec;
    const uint64_t per_user = AQ_SETTING(config->per_user), per_node = AQ_SETTING(config->per_node);
    uint64_t of_user = 0;
    for (const struct hub_session *session = execs->first; session != NULL; session = session->next)
        of_user += is_held(session) && session->caller.number == caller->number;
    if (of_user >= per_user)
        return aq_fail(error, AQ_E_LIMIT,
                       "user %s runs %" PRIu64 " commands in workloads; the limit is %" PRIu64 " (hub.exec.per_user)",
                       caller->name, of_user, per_user);
    if (agent->execs >= per_node)
        return aq_fail(error, AQ_E_BUSY,
                       "%" PRIu32 " commands run in workloads of node %s; the limit is %" PRIu64 " (hub.exec.per_node)",
                       agent->execs, agent->name, per_node);
    return 0;
}

static int check_agent(const struct hub_agent *agent, const char *node, struct aq_error *error)
{
    if (agent == NULL || agent->session == 0 || !agent->active)
        return aq_fail(error, AQ_E_BUSY, "the agent of node %s is not connected; try again", node);
    if (agent->form < AQ_FORM_EXEC)
        return aq_fail(error, AQ_E_STATE,
                       "the agent of node %s is of an earlier build, which runs no commands in "
                       "workloads: update it",
                       node);
    return 0;
}

static void open_session(struct hub_execs *execs, struct exec_call *call)
{
    struct hub_base *base = execs->base;
    const struct hub_exec_call *wanted = &call->call;
    char node[HUB_NAME_SIZE];
    struct aq_error error;
    struct hub_agent *agent = NULL;
    int failed = find_node(base, wanted->resource, node, &error);
    if (failed == 0) {
        agent = agents_find(&base->agents, node);
        failed = check_agent(agent, node, &error);
    }
    if (failed != 0 || check_limits(execs, agent, wanted->caller, &error) != 0) {
        exec_call_finish(call, &error, 0, NULL);
        return;
    }
    struct hub_session *session = aq_calloc(1, sizeof *session);
    session->number = ++execs->last_number;
    session->resource = wanted->resource;
    memcpy(session->node, node, sizeof session->node);
    session->caller = *wanted->caller;
    session->caller.grants = NULL; /* may_go_on() looks what it may do */
    session->caller.grant_count = 0;
    session->caller.project = NULL;
    session->caller.name = aq_arena_text(&session->arena, wanted->caller->name, strlen(wanted->caller->name));
    session->caller.role = aq_arena_text(&session->arena, wanted->caller->role, strlen(wanted->caller->role));
    aq_record_copy(&aq_resource_exec_record, &session->command, wanted->command, &session->arena);
    session->columns = wanted->command->columns;
    session->rows = wanted->command->rows;
    session->client_ms = session->moved_ms = base->now.steady_ms;
    session->next = execs->first;
    execs->first = session;
    execs->count++;
    agent->execs++;
    session->at_agent = true;
    exec_call_finish(call, NULL, session->number, NULL);
}

static void start_session(struct hub_execs *execs, struct hub_session *session, struct exec_call *call)
{
    session->started = true;
    if (session->over) { /* its agent went in between; the start was written, and so is the end */
        session->recorded = false;
        record_end(execs, session);
    } else {
        exec_session_send_again(session);
        mark_ready(execs, session);
    }
    exec_call_finish(call, NULL, session->number, NULL);
}

/* ---- calls -------------------------------------------------------------------------------------------------- */

static struct hub_session *find_own(const struct hub_execs *execs, const struct hub_exec_call *call,
                                    struct aq_error *error)
{
    struct hub_session *session = find(execs, call->session);
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
        open_session(execs, call);
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
        end_session(execs, session, "ended by its client");
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
            end_session(execs, session, "its caller may not run it any more");
    state_end(txn);
}

static void check_time(struct hub_execs *execs, struct hub_session *session)
{
    const uint64_t now_ms = execs->base->now.steady_ms, idle_s = AQ_SETTING(execs->base->config->hub.exec.idle);
    const struct hub_agent *agent = agent_of(execs, session);
    if (session->receiver != NULL && now_ms >= session->receiver->until_ms)
        exec_session_tell_nothing(session, &session->receiver, session->taken);
    if (session->sender != NULL && now_ms >= session->sender->until_ms)
        exec_session_tell_nothing(session, &session->sender, exec_session_in_end(session));
    if (session->receiver != NULL || session->sender != NULL)
        session->client_ms = now_ms;
    if (session->over) {
        if (!session->recorded && !session->recording)
            record_end(execs, session);
        return;
    }
    if (agent == NULL || !agent->active)
        note_over(execs, session, STATUS_KILLED, "its node was lost", false);
    else if (session->ending && now_ms - session->ending_ms > ENDING_MS)
        note_over(execs, session, STATUS_KILLED, "its node did not say how it ended", false);
    else if (now_ms - session->client_ms > CLIENT_MS)
        end_session(execs, session, "its client is gone");
    else if (idle_s != 0 && now_ms - session->moved_ms > idle_s * 1000)
        end_session(execs, session, "nothing came and went for too long (hub.exec.idle)");
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
            remove_session(execs, session);
    }
}

/* ---- ends of others ------------------------------------------------------------------------------------------ */

void execs_drop(struct hub_execs *execs, struct hub_agent *agent, const char *why)
{
    if (agent->execs == 0)
        return;
    for (struct hub_session *session = execs->first; session != NULL; session = session->next)
        if (strcmp(session->node, agent->name) == 0) {
            note_over(execs, session, STATUS_KILLED, why, true);
            let_go(execs, session);
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
        remove_session(execs, execs->first);
    }
}
