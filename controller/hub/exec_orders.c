#include "controller/hub/exec_orders.h"

#include <string.h>

enum { WORK_BYTES_MAX = 512 << 10 /* of input in one delivery */ };

struct hub_session *execs_find(const struct hub_execs *execs, uint64_t number)
{
    struct hub_session *session = execs->first;
    while (session != NULL && session->number != number)
        session = session->next;
    return session;
}

struct hub_agent *execs_agent(const struct hub_execs *execs, const struct hub_session *session)
{
    return agents_find(&execs->base->agents, session->node);
}

void execs_mark_ready(struct hub_execs *execs, const struct hub_session *session)
{
    struct hub_agent *agent = execs_agent(execs, session);
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
