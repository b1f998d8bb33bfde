#include "controller/hub/fetches.h"

#include "schema/model/key.h"
#include "schema/model/resource.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
    FETCH_MS = 4500,           /* hub_fetch() promises five seconds; the hub may notice a tick late */
    FETCHES_MAX = 1000,        /* open at once; more are refused, */
    FETCHES_WAITING_MAX = 750, /* and from here on they do not wait for output */
};

struct hub_fetch {
    struct hub_item item;
    struct hub_fetches *fetches;
    struct hub_fetch *next;
    struct aq_ask want;
    char node[HUB_NAME_SIZE];
    uint64_t sent_in; /* the delivery that carried it; 0: none yet */
    uint64_t until_ms;
    hub_fetch_fn *done;
    void *context;
};

/* ---- beginning ----------------------------------------------------------------------------------------- */

/* The node where the resource is, or was last. */
static int find_node(struct hub_fetch *fetch, struct aq_error *error)
{
    struct hub_base *base = fetch->fetches->base;
    struct state_txn *txn = NULL;
    struct aq_resource resource;
    struct aq_ended ended;
    const char *node = NULL;
    aq_arena_reset(&base->arena);
    if (state_read(base->state, &txn, error) != 0)
        return -1;
    if (state_resource(txn, fetch->want.resource, &resource, &base->arena))
        node = resource.node;
    else if (state_ended(txn, fetch->want.resource, &ended, &base->arena))
        node = ended.node;
    state_end(txn);
    if (node == NULL)
        return aq_key_not_found(&aq_entity_resource, aq_key_number(fetch->want.resource), error);
    aq_assert(strlen(node) < sizeof fetch->node);
    memcpy(fetch->node, node, strlen(node) + 1);
    return 0;
}

/* `told` is NULL if there is an error. */
static void end_fetch(struct hub_fetch *fetch, const struct aq_error *error, const struct aq_told *told)
{
    fetch->done(fetch->context, error, told);
    atomic_fetch_sub(&fetch->fetches->count, 1);
    free(fetch);
}

/* The caller's request has changed nothing, and the next controller can answer it. */
static void fail_ending(struct aq_error *error)
{
    aq_fail(error, AQ_E_BUSY, "the controller is stopping; try again when it is back");
}

static void begin_fetch(struct hub_item *item)
{
    struct hub_fetch *fetch = (struct hub_fetch *)item;
    struct hub_fetches *fetches = fetch->fetches;
    struct hub_base *base = fetches->base;
    struct aq_error error;
    if (atomic_load(&fetches->ends)) {
        fail_ending(&error);
        end_fetch(fetch, &error, NULL);
        return;
    }
    if (find_node(fetch, &error) != 0) {
        end_fetch(fetch, &error, NULL);
        return;
    }
    struct hub_agent *agent = agents_find(&base->agents, fetch->node);
    if (agent == NULL || !agent->known) {
        aq_fail(&error, AQ_E_NOT_FOUND, "the log of resource %" PRIu64 " is gone: node %s, where it is, was deleted",
                fetch->want.resource, fetch->node);
        end_fetch(fetch, &error, NULL);
        return;
    }
    if (agent->session == 0 || !agent->active) {
        bool soon = agent->active; /* the controller has restarted */
        aq_fail(&error, soon ? AQ_E_BUSY : AQ_E_STATE,
                "the agent of node %s, where resource %" PRIu64 " ran last, is not connected%s", fetch->node,
                fetch->want.resource, soon ? " yet; try again" : "");
        end_fetch(fetch, &error, NULL);
        return;
    }
    fetch->want.number = ++fetches->last_number;
    fetch->until_ms = base->now.steady_ms + FETCH_MS + fetch->want.wait_ms;
    fetch->next = NULL;
    *fetches->end = fetch;
    fetches->end = &fetch->next;
    agent->fetches++;
    agents_mark_ready(&base->agents, agent);
}

/* Its caller is told nevertheless. */
static void drop_fetch(struct hub_item *item)
{
    struct aq_error error;
    aq_fail(&error, AQ_E_UNKNOWN, "the controller ends");
    end_fetch((struct hub_fetch *)item, &error, NULL);
}

int fetches_begin(struct hub_fetches *fetches, const struct aq_ask *want, hub_fetch_fn *done, void *context,
                  struct aq_error *error)
{
    const struct aq_field *bound = aq_record_field(&aq_ask_record, "size");
    if (want->size < bound->least || want->size > bound->most)
        return aq_fail(error, AQ_E_INVALID, "size is %" PRIu64 " bytes; must be %" PRIu64 " to %" PRIu64, want->size,
                       bound->least, bound->most);
    unsigned open = atomic_fetch_add(&fetches->count, 1);
    if (open >= FETCHES_MAX) {
        atomic_fetch_sub(&fetches->count, 1);
        return aq_fail(error, AQ_E_BUSY, "%d logs are being fetched already; try again", FETCHES_MAX);
    }
    struct hub_fetch *fetch = aq_calloc(1, sizeof *fetch);
    fetch->item = (struct hub_item){.home = &fetches->base->mailbox, .run = begin_fetch, .drop = drop_fetch};
    fetch->fetches = fetches;
    fetch->want = *want;
    if (open >= FETCHES_WAITING_MAX)
        fetch->want.wait_ms = 0;
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
        struct aq_ask *ask = AQ_ITEM(work->asks, struct aq_ask, work->asks.count);
        *ask = fetch->want;
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

/* A question may reach the agent before the resource does: then there is no output yet. */
static bool is_yet_to_start(struct hub_base *base, uint64_t number)
{
    struct state_txn *txn = NULL;
    struct aq_resource resource;
    struct aq_error ignored;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0}; /* the base's holds the message */
    if (state_read(base->state, &txn, &ignored) != 0)
        return false;
    bool found = state_resource(txn, number, &resource, &arena);
    state_end(txn);
    return found && resource.status == AQ_RESOURCE_ASSIGNED;
}

static void take_answer(struct hub_fetches *fetches, const struct hub_agent *agent, const struct aq_told *told)
{
    struct hub_fetch **link = &fetches->first;
    while (*link != NULL && (*link)->want.number != told->number)
        link = &(*link)->next;
    if (*link == NULL || strcmp((*link)->node, agent->name) != 0)
        return; /* it has expired, or this is the second answer */
    struct hub_fetch *fetch = unlink_fetch(fetches, link);
    struct aq_error error = {0};
    struct aq_told answer = *told;
    if (answer.data.length > fetch->want.size)
        answer.data.length = fetch->want.size;
    if (told->error[0] != '\0' && is_yet_to_start(fetches->base, fetch->want.resource))
        answer = (struct aq_told){.number = told->number, .error = "", .extent.known = true};
    else if (told->error[0] != '\0')
        aq_fail(&error, AQ_E_NOT_FOUND, "%s", told->error);
    end_fetch(fetch, &error, error.code != AQ_OK ? NULL : &answer);
}

void fetches_take_answers(struct hub_fetches *fetches, const struct hub_agent *agent, const struct aq_list *told)
{
    for (uint32_t i = 0; i < told->count; i++)
        take_answer(fetches, agent, AQ_ITEM(*told, struct aq_told, i));
}

void fetches_expire(struct hub_fetches *fetches)
{
    struct hub_fetch **link = &fetches->first;
    while (*link != NULL) {
        struct aq_error error;
        if ((*link)->until_ms > fetches->base->now.steady_ms) {
            link = &(*link)->next;
            continue;
        }
        aq_fail(&error, AQ_E_UNKNOWN, "node %s did not answer in time", (*link)->node);
        end_fetch(unlink_fetch(fetches, link), &error, NULL);
    }
}

void fetches_end(struct hub_fetches *fetches)
{
    struct aq_error error;
    fail_ending(&error);
    while (fetches->first != NULL)
        end_fetch(unlink_fetch(fetches, &fetches->first), &error, NULL);
}

static void run_ending(struct hub_item *item)
{
    fetches_end((struct hub_fetches *)item);
}

static void drop_ending(struct hub_item *item)
{
    (void)item; /* the hub is closed, and its fetches are ended then */
}

void fetches_end_soon(struct hub_fetches *fetches)
{
    if (!atomic_exchange(&fetches->ends, true))
        mailbox_post(&fetches->ending);
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
        aq_fail(&error, AQ_E_NOT_FOUND, "the log of resource %" PRIu64 " is gone: node %s, where it is, was deleted",
                (*link)->want.resource, agent->name);
        end_fetch(unlink_fetch(fetches, link), &error, NULL);
    }
}

/* ---- FETCH --------------------------------------------------------------------------------------------- */

static void answer_view(void *context, const struct aq_error *error, const struct aq_told *told)
{
    struct hub_question *question = context;
    struct aq_fetched message = {.error = aq_error_name(error->code),
                                 .message = error->code == AQ_OK ? "" : error->message};
    if (told != NULL) {
        message.data = told->data;
        message.extent = told->extent;
    }
    channel_answer(question, AQ_MSG_FETCHED, &message);
    free(question);
}

void fetches_begin_for_view(struct hub_fetches *fetches, struct hub_question *question, const struct aq_fetch *message)
{
    struct aq_error error;
    struct hub_question *copy = aq_malloc(sizeof *copy);
    const struct aq_ask want = {
        .resource = message->resource, .size = message->size, .onward = message->onward, .after = message->after};
    *copy = *question;
    if (fetches_begin(fetches, &want, answer_view, copy, &error) != 0)
        answer_view(copy, &error, NULL);
}

/* ---- open and close ------------------------------------------------------------------------------------ */

/* The first number is a random one: an agent may still answer a question of an earlier process. */
void fetches_open(struct hub_fetches *fetches, struct hub_base *base)
{
    *fetches =
        (struct hub_fetches){.base = base, .ending = {.home = &base->mailbox, .run = run_ending, .drop = drop_ending}};
    randombytes_buf(&fetches->last_number, sizeof fetches->last_number);
    fetches->last_number >>= 1; /* it does not overflow */
    fetches->end = &fetches->first;
}
