#include "controller/hub/core.h"

#include "schema/model/resource.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { FETCH_MS = 4500 /* below the 5 seconds that are promised, by more than a tick */ };

/* A question to an agent about a resource's log; see wire.h. */
struct hub_ask {
    struct hub_item item;
    struct hub_ask *next;
    uint64_t number;
    uint64_t resource;
    size_t size;
    char node[HUB_NAME_SIZE];
    uint64_t sent_in; /* the delivery that carried it; 0: none yet */
    uint64_t until_ms;
    hub_fetch_fn *done;
    void *context;
};

/* ---- who is asked -------------------------------------------------------------------------------------- */

static int find_node(struct hub *hub, struct hub_ask *ask, struct aq_error *error)
{
    struct state_txn *txn = NULL;
    struct aq_resource resource;
    const struct hub_trace *trace = &hub->traces[ask->resource % HUB_TRACES];
    aq_arena_reset(&hub->arena);
    if (state_read(hub->options.state, &txn, error) != 0)
        return -1;
    bool found = state_resource(txn, ask->resource, &resource, &hub->arena);
    state_end(txn);
    const char *node = found ? resource.node : trace->node;
    if (!found && trace->resource != ask->resource)
        return aq_fail(error, AQ_E_NOT_FOUND, "there is no resource %" PRIu64, ask->resource);
    aq_assert(strlen(node) < sizeof ask->node);
    memcpy(ask->node, node, strlen(node) + 1);
    return 0;
}

static void ask_finish(struct hub *hub, struct hub_ask *ask, const struct aq_error *error, const void *data,
                       size_t length)
{
    static const struct aq_error none = {0};
    ask->done(ask->context, error != NULL ? error : &none, data, length);
    atomic_fetch_sub(&hub->fetches, 1);
    free(ask);
}

static void ask_begin(struct hub *hub, struct hub_item *item)
{
    struct hub_ask *ask = (struct hub_ask *)item;
    struct aq_error error;
    if (find_node(hub, ask, &error) != 0) {
        ask_finish(hub, ask, &error, NULL, 0);
        return;
    }
    struct hub_agent *agent = agents_find(&hub->agents, ask->node);
    if (agent == NULL || agent->session == 0 || !agent->active) {
        aq_fail(&error, AQ_E_STATE, "node %s, where resource %" PRIu64 " ran last, is not there", ask->node,
                ask->resource);
        ask_finish(hub, ask, &error, NULL, 0);
        return;
    }
    ask->number = ++hub->last_ask;
    ask->until_ms = hub->now_ms + FETCH_MS;
    ask->next = NULL;
    *hub->asks_end = ask;
    hub->asks_end = &ask->next;
    agent->fetches++;
    agents_mark_ready(&hub->agents, agent);
}

int hub_fetch(struct hub *hub, uint64_t resource, size_t size, hub_fetch_fn *done, void *context,
              struct aq_error *error)
{
    const struct aq_field *bound = aq_record_field(&aq_ask_record, "size");
    if (size < bound->least || size > bound->most)
        return aq_fail(error, AQ_E_INVALID, "size is %zu bytes; must be %" PRIu64 " to %" PRIu64, size, bound->least,
                       bound->most);
    if (atomic_fetch_add(&hub->fetches, 1) >= HUB_FETCHES_MAX) {
        atomic_fetch_sub(&hub->fetches, 1);
        return aq_fail(error, AQ_E_BUSY, "%d logs are being fetched already; try again", HUB_FETCHES_MAX);
    }
    struct hub_ask *ask = aq_calloc(1, sizeof *ask);
    ask->item = (struct hub_item){.home = &hub->mailbox, .run = ask_begin};
    ask->resource = resource;
    ask->size = size;
    ask->done = done;
    ask->context = context;
    mailbox_post(&ask->item);
    return 0;
}

/* ---- with the deliveries ------------------------------------------------------------------------------- */

void hub_asks_seen(struct hub *hub, const struct hub_agent *agent, uint64_t seen)
{
    if (agent->fetches == 0)
        return;
    for (struct hub_ask *ask = hub->asks; ask != NULL; ask = ask->next)
        if (ask->sent_in > seen && strcmp(ask->node, agent->name) == 0)
            ask->sent_in = 0;
}

bool hub_asks_wait(const struct hub *hub, const struct hub_agent *agent)
{
    if (agent->fetches == 0)
        return false;
    for (const struct hub_ask *ask = hub->asks; ask != NULL; ask = ask->next)
        if (ask->sent_in == 0 && strcmp(ask->node, agent->name) == 0)
            return true;
    return false;
}

void hub_asks_add(struct hub *hub, const struct hub_agent *agent, struct aq_work *work)
{
    if (!hub_asks_wait(hub, agent))
        return;
    work->asks.items = aq_arena_alloc(&hub->arena, agent->fetches * sizeof(struct aq_ask));
    for (struct hub_ask *ask = hub->asks; ask != NULL; ask = ask->next) {
        if (ask->sent_in != 0 || strcmp(ask->node, agent->name) != 0)
            continue;
        ask->sent_in = work->delivery;
        *AQ_ITEM(work->asks, struct aq_ask, work->asks.count) =
            (struct aq_ask){.number = ask->number, .resource = ask->resource, .size = ask->size};
        work->asks.count++;
    }
}

/* ---- answers ------------------------------------------------------------------------------------------- */

/* Takes it out of the list of open ones. */
static struct hub_ask *ask_take(struct hub *hub, struct hub_ask **link)
{
    struct hub_ask *ask = *link;
    struct hub_agent *agent = agents_find(&hub->agents, ask->node);
    *link = ask->next;
    if (ask->next == NULL)
        hub->asks_end = link;
    if (agent != NULL && agent->fetches > 0)
        agent->fetches--;
    return ask;
}

static void ask_told(struct hub *hub, const struct hub_agent *agent, const struct aq_told *told)
{
    struct hub_ask **link = &hub->asks;
    while (*link != NULL && (*link)->number != told->number)
        link = &(*link)->next;
    if (*link == NULL || strcmp((*link)->node, agent->name) != 0)
        return; /* too late, or told twice */
    struct hub_ask *ask = ask_take(hub, link);
    struct aq_error error = {0};
    if (told->error[0] != '\0')
        aq_fail(&error, AQ_E_NOT_FOUND, "%s", told->error);
    size_t length = told->data.length < ask->size ? told->data.length : ask->size;
    ask_finish(hub, ask, &error, told->data.data, told->error[0] != '\0' ? 0 : length);
}

void hub_asks_told(struct hub *hub, const struct hub_agent *agent, const struct aq_list *told)
{
    for (uint32_t i = 0; i < told->count; i++)
        ask_told(hub, agent, AQ_ITEM(*told, struct aq_told, i));
}

void hub_asks_expire(struct hub *hub, bool all)
{
    while (hub->asks != NULL && (all || hub->asks->until_ms <= hub->now_ms)) {
        struct aq_error error;
        struct hub_ask *ask = ask_take(hub, &hub->asks);
        aq_fail(&error, AQ_E_UNKNOWN, "node %s did not answer in time", ask->node);
        ask_finish(hub, ask, &error, NULL, 0);
    }
}

void hub_asks_drop(struct hub *hub, const struct hub_agent *agent)
{
    struct hub_ask **link = &hub->asks;
    while (*link != NULL) {
        struct aq_error error;
        if (strcmp((*link)->node, agent->name) != 0) {
            link = &(*link)->next;
            continue;
        }
        aq_fail(&error, AQ_E_STATE, "node %s is not there any more", agent->name);
        ask_finish(hub, ask_take(hub, link), &error, NULL, 0);
    }
}

/* ---- FETCH: from the file view --------------------------------------------------------------------------- */

static void fetched(void *context, const struct aq_error *error, const void *data, size_t length)
{
    struct hub_question *question = context;
    struct aq_fetched message = {.error = aq_error_name(error->code),
                                 .message = error->code == AQ_OK ? "" : error->message,
                                 .data = {data, length}};
    channel_answer(question, AQ_MSG_FETCHED, &message);
    free(question);
}

void hub_fetch_local(struct hub *hub, struct hub_question *question, const void *message)
{
    const struct aq_fetch *fetch = message;
    struct aq_error error;
    struct hub_question *copy = aq_malloc(sizeof *copy);
    *copy = *question;
    if (hub_fetch(hub, fetch->resource, fetch->size, fetched, copy, &error) != 0)
        fetched(copy, &error, NULL, 0);
}
