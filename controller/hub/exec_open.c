#include "controller/hub/exec_open.h"

#include "controller/hub/exec_session.h"
#include "schema/codec/reload.h"
#include "schema/model/key.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

void exec_open_session(struct hub_execs *execs, struct exec_call *call)
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
    session->caller.grants = NULL; /* execs_tick() looks what it may do */
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
