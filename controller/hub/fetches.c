#include "controller/hub/fetches.h"

#include "schema/model/key.h"
#include "schema/model/resource.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FETCH_MS = 4500,    /* hub_fetch() promises five seconds; the hub may notice a tick late */
    FETCHES_MAX = 1000, /* open at once; more are refused */
    TRACES = 4096,      /* resources that have ended and whose node is known */
};

struct hub_fetch {
    struct hub_item item;
    struct hub_fetches *fetches;
    struct hub_fetch *next;
    uint64_t number;
    uint64_t resource;
    size_t size; /* in bytes */
    char node[HUB_NAME_SIZE];
    uint64_t sent_in; /* the delivery that carried it; 0: none yet */
    uint64_t until_ms;
    hub_fetch_fn *done;
    void *context;
};

/* ---- beginning ----------------------------------------------------------------------------------------- */

void fetches_note_end(struct hub_fetches *fetches, uint64_t resource, const char *node)
{
    struct hub_trace *trace = &fetches->traces[resource % TRACES];
    trace->resource = resource;
    snprintf(trace->node, sizeof trace->node, "%s", node);
}

static int find_node(struct hub_fetch *fetch, struct aq_error *error)
{
    struct hub_base *base = fetch->fetches->base;
    struct state_txn *txn = NULL;
    struct aq_resource resource;
    const struct hub_trace *trace = &fetch->fetches->traces[fetch->resource % TRACES];
    aq_arena_reset(&base->arena);
    if (state_read(base->state, &txn, error) != 0)
        return -1;
    bool found = state_resource(txn, fetch->resource, &resource, &base->arena);
    state_end(txn);
    const char *node = found ? resource.node : trace->node;
    if (!found && trace->resource != fetch->resource)
        return aq_key_not_found(&aq_entity_resource, aq_key_number(fetch->resource), error);
    aq_assert(strlen(node) < sizeof fetch->node);
    memcpy(fetch->node, node, strlen(node) + 1);
    return 0;
}

static void end_fetch(struct hub_fetch *fetch, const struct aq_error *error, const void *data, size_t length)
{
    static const struct aq_error none = {0};
    fetch->done(fetch->context, error != NULL ? error : &none, data, length);
    atomic_fetch_sub(&fetch->fetches->count, 1);
    free(fetch);
}

static void begin_fetch(struct hub_item *item)
{
    struct hub_fetch *fetch = (struct hub_fetch *)item;
    struct hub_fetches *fetches = fetch->fetches;
    struct hub_base *base = fetches->base;
    struct aq_error error;
    if (find_node(fetch, &error) != 0) {
        end_fetch(fetch, &error, NULL, 0);
        return;
    }
    struct hub_agent *agent = agents_find(&base->agents, fetch->node);
    if (agent == NULL || agent->session == 0 || !agent->active) {
        aq_fail(&error, AQ_E_STATE, "the agent of node %s, where resource %" PRIu64 " ran last, is not connected",
                fetch->node, fetch->resource);
        end_fetch(fetch, &error, NULL, 0);
        return;
    }
    fetch->number = ++fetches->last_number;
    fetch->until_ms = base->now_ms + FETCH_MS;
    fetch->next = NULL;
    *fetches->end = fetch;
    fetches->end = &fetch->next;
    agent->fetches++;
    agents_mark_ready(&base->agents, agent);
}

int fetches_begin(struct hub_fetches *fetches, uint64_t resource, size_t size, hub_fetch_fn *done, void *context,
                  struct aq_error *error)
{
    const struct aq_field *bound = aq_record_field(&aq_ask_record, "size");
    if (size < bound->least || size > bound->most)
        return aq_fail(error, AQ_E_INVALID, "size is %zu bytes; must be %" PRIu64 " to %" PRIu64, size, bound->least,
                       bound->most);
    if (atomic_fetch_add(&fetches->count, 1) >= FETCHES_MAX) {
        atomic_fetch_sub(&fetches->count, 1);
        return aq_fail(error, AQ_E_BUSY, "%d logs are being fetched already; try again", FETCHES_MAX);
    }
    struct hub_fetch *fetch = aq_calloc(1, sizeof *fetch);
    fetch->item = (struct hub_item){.home = &fetches->base->mailbox, .run = begin_fetch};
    fetch->fetches = fetches;
    fetch->resource = resource;
    fetch->size = size;
    fetch->done = done;
    fetch->context = context;
    mailbox_post(&fetch->item);
    return 0;
}

/* ---- questions in deliveries --------------------------------------------------------------------------- */

void fetches_seen(struct hub_fetches *fetches, const struct hub_agent *agent, uint64_t seen)
{
    if (agent->fetches == 0)
        return;
    for (struct hub_fetch *fetch = fetches->first; fetch != NULL; fetch = fetch->next)
        if (fetch->sent_in > seen && strcmp(fetch->node, agent->name) == 0)
            fetch->sent_in = 0;
}

bool fetches_are_due(const struct hub_fetches *fetches, const struct hub_agent *agent)
{
    if (agent->fetches == 0)
        return false;
    for (const struct hub_fetch *fetch = fetches->first; fetch != NULL; fetch = fetch->next)
        if (fetch->sent_in == 0 && strcmp(fetch->node, agent->name) == 0)
            return true;
    return false;
}

void fetches_add_due(struct hub_fetches *fetches, const struct hub_agent *agent, struct aq_work *work)
{
    if (!fetches_are_due(fetches, agent))
        return;
    work->asks.items = aq_arena_alloc(&fetches->base->arena, agent->fetches * sizeof(struct aq_ask));
    for (struct hub_fetch *fetch = fetches->first; fetch != NULL; fetch = fetch->next) {
        if (fetch->sent_in != 0 || strcmp(fetch->node, agent->name) != 0)
            continue;
        fetch->sent_in = work->delivery;
        *AQ_ITEM(work->asks, struct aq_ask, work->asks.count) =
            (struct aq_ask){.number = fetch->number, .resource = fetch->resource, .size = fetch->size};
        work->asks.count++;
    }
}

/* ---- answers ------------------------------------------------------------------------------------------- */

/* Removes the fetch from the list of open ones. */
static struct hub_fetch *unlink_fetch(struct hub_fetches *fetches, struct hub_fetch **link)
{
    struct hub_fetch *fetch = *link;
    struct hub_agent *agent = agents_find(&fetches->base->agents, fetch->node);
    *link = fetch->next;
    if (fetch->next == NULL)
        fetches->end = link;
    if (agent != NULL && agent->fetches > 0)
        agent->fetches--;
    return fetch;
}

static void take_answer(struct hub_fetches *fetches, const struct hub_agent *agent, const struct aq_told *told)
{
    struct hub_fetch **link = &fetches->first;
    while (*link != NULL && (*link)->number != told->number)
        link = &(*link)->next;
    if (*link == NULL || strcmp((*link)->node, agent->name) != 0)
        return; /* it has expired, or this is the second answer */
    struct hub_fetch *fetch = unlink_fetch(fetches, link);
    struct aq_error error = {0};
    if (told->error[0] != '\0')
        aq_fail(&error, AQ_E_NOT_FOUND, "%s", told->error);
    size_t length = told->data.length < fetch->size ? told->data.length : fetch->size;
    end_fetch(fetch, &error, told->data.data, told->error[0] != '\0' ? 0 : length);
}

void fetches_take_answers(struct hub_fetches *fetches, const struct hub_agent *agent, const struct aq_list *told)
{
    for (uint32_t i = 0; i < told->count; i++)
        take_answer(fetches, agent, AQ_ITEM(*told, struct aq_told, i));
}

void fetches_expire(struct hub_fetches *fetches, bool all)
{
    while (fetches->first != NULL && (all || fetches->first->until_ms <= fetches->base->now_ms)) {
        struct aq_error error;
        struct hub_fetch *fetch = unlink_fetch(fetches, &fetches->first);
        aq_fail(&error, AQ_E_UNKNOWN, "node %s did not answer in time", fetch->node);
        end_fetch(fetch, &error, NULL, 0);
    }
}

void fetches_drop(struct hub_fetches *fetches, const struct hub_agent *agent)
{
    struct hub_fetch **link = &fetches->first;
    while (*link != NULL) {
        struct aq_error error;
        if (strcmp((*link)->node, agent->name) != 0) {
            link = &(*link)->next;
            continue;
        }
        aq_fail(&error, AQ_E_STATE, "node %s was deleted", agent->name);
        end_fetch(unlink_fetch(fetches, link), &error, NULL, 0);
    }
}

/* ---- FETCH --------------------------------------------------------------------------------------------- */

static void answer_view(void *context, const struct aq_error *error, const void *data, size_t length)
{
    struct hub_question *question = context;
    struct aq_fetched message = {.error = aq_error_name(error->code),
                                 .message = error->code == AQ_OK ? "" : error->message,
                                 .data = {data, length}};
    channel_answer(question, AQ_MSG_FETCHED, &message);
    free(question);
}

void fetches_begin_for_view(struct hub_fetches *fetches, struct hub_question *question, const struct aq_fetch *message)
{
    struct aq_error error;
    struct hub_question *copy = aq_malloc(sizeof *copy);
    *copy = *question;
    if (fetches_begin(fetches, message->resource, message->size, answer_view, copy, &error) != 0)
        answer_view(copy, &error, NULL, 0);
}

/* ---- open and close ------------------------------------------------------------------------------------ */

void fetches_open(struct hub_fetches *fetches, struct hub_base *base)
{
    *fetches = (struct hub_fetches){.base = base, .traces = aq_calloc(TRACES, sizeof(struct hub_trace))};
    fetches->end = &fetches->first;
}

void fetches_close(struct hub_fetches *fetches)
{
    aq_assert(fetches->first == NULL);
    free(fetches->traces);
}
