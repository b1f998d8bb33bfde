#include "controller/hub/usages.h"

#include "schema/base/journal.h"
#include "schema/codec/reload.h"

#include <stdlib.h>
#include <string.h>

enum {
    ROWS_MAX = 65536, /* that wait to be stored */
    SCAN_MS = 5000,
};

void usages_close(struct hub_usages *usages)
{
    free(usages->rows);
    usages->rows = NULL;
}

/* ---- storing ---------------------------------------------------------------------------------------------- */

static void store_rows(struct hub_usages *usages)
{
    struct aq_error error;
    if (usages->count > 0 && live_put_usages(usages->live, usages->rows, usages->count, &error) != 0)
        aq_journal(AQ_WARN, "what workloads use cannot be stored", "error", error.message, NULL);
    usages->count = 0;
}

static void put_row(struct hub_usages *usages, const struct live_usage *row)
{
    if (usages->count == ROWS_MAX)
        store_rows(usages);
    AQ_GROW(usages->rows, usages->count, usages->capacity);
    usages->rows[usages->count++] = *row;
}

/* It is stored with the rest of the heartbeat (presence.h). */
static void put_node(struct hub_agent *agent, const struct aq_usage *now)
{
#define COPY(tag, field, type, rules, help) agent->live.field = now->field;
    AQ_USAGE_FIELDS(COPY, )
#undef COPY
    agent->beaten = true;
}

/* ---- samples ---------------------------------------------------------------------------------------------- */

/* What the tables say: a number that an agent has made up, or that is another node's, is not taken. */
static bool is_of_node(const struct hub_usages *usages, uint64_t number, const char *node)
{
    struct hub_base *base = usages->base;
    struct state_txn *txn;
    struct aq_resource resource;
    struct aq_error error;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    if (state_read(base->state, &txn, &error) != 0)
        return false;
    const bool is = state_resource(txn, number, &resource, &arena) && strcmp(resource.node, node) == 0;
    state_end(txn);
    return is;
}

bool usages_is_of(struct hub_usages *usages, const struct hub_agent *agent, uint64_t resource)
{
    const struct usage_key key = {.kind = USAGE_OF_RESOURCE, .resource = resource, .node = agent->name};
    return (usages->usage != NULL && usage_has(usages->usage, &key)) || is_of_node(usages, resource, agent->name);
}

static void take_sample(struct hub_usages *usages, struct hub_agent *agent, const struct aq_sample *sample)
{
    const struct hub_base *base = usages->base;
    const struct usage_key key = {.kind = sample->resource == 0 ? USAGE_OF_NODE : USAGE_OF_RESOURCE,
                                  .resource = sample->resource,
                                  .node = agent->name};
    struct aq_usage now;
    if (key.kind == USAGE_OF_RESOURCE && !usages_is_of(usages, agent, sample->resource))
        return;
    if (usage_take(usages->usage, &key, sample, base->now.steady_ms, writer_time_ms(base->writer, &base->now), &now) !=
        USAGE_TAKEN)
        return;
    if (key.kind == USAGE_OF_NODE) {
        put_node(agent, &now);
        agent->live.cpu_all = sample->cpu_all;
        agent->live.memory_all = sample->memory_all;
    } else {
        put_row(usages, &(struct live_usage){.resource = sample->resource, .now = now});
    }
}

void usages_take(struct hub_usages *usages, struct hub_agent *agent, const struct aq_list *samples)
{
    if (usages->usage == NULL || !agent->known)
        return;
    for (uint32_t i = 0; i < samples->count; i++)
        take_sample(usages, agent, AQ_ITEM(*samples, struct aq_sample, i));
}

void usages_drop(struct hub_usages *usages, uint64_t resource)
{
    if (usages->usage == NULL)
        return;
    usage_drop(usages->usage, &(struct usage_key){.kind = USAGE_OF_RESOURCE, .resource = resource, .node = ""});
    put_row(usages, &(struct live_usage){.resource = resource, .gone = true});
}

/* ---- silence ---------------------------------------------------------------------------------------------- */

struct stale {
    struct hub_usages *usages;
    struct usage_key *keys;
    size_t count, capacity;
};

static void note_stale(void *context, const struct usage_key *key)
{
    struct stale *stale = context;
    AQ_GROW(stale->keys, stale->count, stale->capacity);
    stale->keys[stale->count] = *key;
    stale->keys[stale->count++].node = aq_strdup(key->node);
}

/* What it uses now is not known any more. The history stays as long as the row is there. */
static void drop_stale(struct hub_usages *usages, const struct usage_key *key)
{
    struct hub_agent *agent = agents_find(&usages->base->agents, key->node);
    const bool of_node = key->kind == USAGE_OF_NODE;
    if (of_node ? agent == NULL || !agent->known : !is_of_node(usages, key->resource, key->node))
        usage_drop(usages->usage, key);
    if (!of_node)
        put_row(usages, &(struct live_usage){.resource = key->resource, .gone = true});
    else if (agent != NULL)
        put_node(agent, &(struct aq_usage){0});
}

static void scan(struct hub_usages *usages)
{
    struct stale stale = {.usages = usages};
    const uint64_t now_ms = usages->base->now.steady_ms;
    usages->next_scan_ms = now_ms + SCAN_MS;
    usage_bound(usages->usage, AQ_SETTING(usages->base->config->usage.memory) << 20);
    usage_find_stale(usages->usage, now_ms, note_stale, &stale);
    for (size_t i = 0; i < stale.count; i++) {
        drop_stale(usages, &stale.keys[i]);
        free((char *)stale.keys[i].node);
    }
    free(stale.keys);
}

void usages_store(struct hub_usages *usages)
{
    if (usages->usage == NULL)
        return;
    if (usages->base->now.steady_ms >= usages->next_scan_ms)
        scan(usages);
    store_rows(usages);
}
