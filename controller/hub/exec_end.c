#include "controller/hub/exec_end.h"

#include "controller/hub/exec_orders.h"
#include "schema/base/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void record_done(struct hub_item *item)
{
    struct exec_record *record = (struct exec_record *)item;
    struct hub_session *session = execs_find(record->execs, record->session);
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

void exec_record_end(struct hub_execs *execs, struct hub_session *session)
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

void exec_let_go(struct hub_execs *execs, struct hub_session *session)
{
    struct hub_agent *agent = execs_agent(execs, session);
    if (session->at_agent && agent != NULL && agent->execs > 0)
        agent->execs--;
    session->at_agent = false;
}

void exec_note_over(struct hub_execs *execs, struct hub_session *session, uint64_t exit_status, const char *reason,
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
        exec_let_go(execs, session);
    else
        execs_mark_ready(execs, session);
    aq_buffer_free(&session->in);
    session->in_sent = session->taken;
    if (session->started)
        exec_record_end(execs, session);
    session->recorded = session->recorded || !session->started;
    if (session->sender != NULL) {
        const struct aq_exec_output output = {.taken = session->taken, .over = true, .reason = session->reason};
        struct exec_call *sender = session->sender;
        session->sender = NULL;
        exec_call_finish(sender, NULL, session->number, &output);
    }
    exec_session_tell_receiver(session);
}

void exec_end_session(struct hub_execs *execs, struct hub_session *session, const char *reason)
{
    if (session->over || session->ending)
        return;
    snprintf(session->reason, sizeof session->reason, "%s", reason);
    session->ending = session->end_due = true;
    session->ending_ms = execs->base->now.steady_ms;
    if (!session->started)
        exec_note_over(execs, session, EXEC_STATUS_KILLED, reason, true);
    else
        execs_mark_ready(execs, session);
}

void exec_remove_session(struct hub_execs *execs, struct hub_session *session)
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
