#include "tests/sim/judge_rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void judge_command_text(const struct aq_list *arguments, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < arguments->count && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i > 0 ? " " : "", AQ_TEXT_ITEM(*arguments, i));
}

struct judge_session *judge_session(const struct judge *judge, uint64_t session)
{
    for (size_t i = judge->n_sessions; i > 0; i--)
        if (judge->sessions[i - 1].session == session)
            return &judge->sessions[i - 1];
    return NULL;
}

/* Only its owner and admins run something in a workload; of members, judge_rights.c knows more. */
static void check_author(struct judge *judge, const struct judge_application *application, uint64_t id)
{
    judge_must(judge, strncmp(judge->author, "user-", 5) != 0 || application->user_number == judge->author_number,
               "users act on their own applications", "resource", id);
}

static void exec_started(struct judge *judge, const void *data)
{
    const struct aq_resource_exec_started *event = data;
    const struct judge_resource *resource = judge_live_resource(judge, event->id);
    judge_must(judge, judge_session(judge, event->session) == NULL, "a session is begun once", "resource", event->id);
    judge_must(judge, resource->application == event->application, "an event is about a row", "resource", event->id);
    check_author(judge, judge_open_application(judge, event->application), event->id);
    AQ_GROW(judge->sessions, judge->n_sessions, judge->sessions_room);
    struct judge_session *session = &judge->sessions[judge->n_sessions++];
    *session = (struct judge_session){.session = event->session, .resource = event->id};
    snprintf(session->name, sizeof session->name, "%s",
             event->arguments.count > 1 ? AQ_TEXT_ITEM(event->arguments, 1) : "");
}

static void exec_ended(struct judge *judge, const void *data)
{
    const struct aq_resource_exec_ended *event = data;
    struct judge_session *session = judge_session(judge, event->session);
    judge_must(judge, session != NULL && session->resource == event->id, "what ends has begun", "resource", event->id);
    judge_must(judge, !session->ended, "a session ends once", "resource", event->id);
    session->ended = true;
    session->exit_status = event->exit_status;
}

const struct judge_taker judge_execs[] = {
    {&aq_event_resource_exec_started, exec_started},
    {&aq_event_resource_exec_ended, exec_ended},
    {NULL, NULL},
};
