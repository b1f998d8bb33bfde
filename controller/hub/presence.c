#include "controller/hub/presence.h"

#include "controller/hub/deliveries.h"
#include "schema/base/journal.h"
#include "schema/codec/reload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SCAN_MS = 1000,     /* the longest time between two scans of all agents, */
    SCAN_LEAST_MS = 20, /* and the shortest, when an agent may be lost sooner */
    LOGS_MAX = 65536,   /* changes of logs that wait to be stored */
};

struct hub_lose {
    struct hub_item item;
    struct hub_base *base;
    struct writer_request request;
    struct aq_node_lose lose;
    const void *records[1];
    char name[HUB_NAME_SIZE];
};

/* ---- signs of life ------------------------------------------------------------------------------------- */

void presence_heard(struct hub_presence *presence, struct hub_agent *agent, const struct hub_question *question)
{
    sessions_note_alive(presence->sessions, agent, question);
    if (!agent->active && agent->joining == NULL)
        sessions_rejoin(presence->sessions, agent);
}

void presence_store_logs(struct hub_presence *presence)
{
    struct aq_error error;
    if (presence->log_count > 0 && live_put_logs(presence->live, presence->logs, presence->log_count, &error) != 0)
        aq_journal(AQ_WARN, "the sizes of logs cannot be stored", "error", error.message, NULL);
    presence->log_count = 0;
}

static void note_log(struct hub_presence *presence, const struct aq_kept *log)
{
    if (presence->log_count == LOGS_MAX)
        presence_store_logs(presence);
    AQ_GROW(presence->logs, presence->log_count, presence->log_capacity);
    presence->logs[presence->log_count++] = *log;
}

void presence_drop_log(struct hub_presence *presence, uint64_t resource)
{
    note_log(presence, &(struct aq_kept){.resource = resource});
}

void presence_close(struct hub_presence *presence)
{
    free(presence->logs);
    presence->logs = NULL;
}

static void take_options(struct hub_agent *agent, const struct aq_list *lines)
{
    aq_arena_reset(&agent->options);
    const char **copies = aq_arena_alloc(&agent->options, (lines->count + 1) * sizeof *copies);
    for (uint32_t i = 0; i < lines->count; i++)
        copies[i] = aq_arena_text(&agent->options, AQ_TEXT_ITEM(*lines, i), strlen(AQ_TEXT_ITEM(*lines, i)));
    agent->live.driver_options = (struct aq_list){copies, lines->count};
}

void presence_beat(struct hub_presence *presence, struct hub_agent *agent, struct hub_question *question,
                   const struct aq_beat *beat)
{
    const bool newest = beat->number == 0 || beat->number > agent->beats;
    presence->beats++;
    presence_heard(presence, agent, question);
    channel_answer(question, AQ_MSG_NOTED, &(struct aq_noted){.lease = agent_renews_leases(agent)});
    if (!newest)
        return;
    agent->beats = beat->number;
    agent->live.load_milli = beat->load_milli;
    agent->live.memory_available = beat->memory_available;
    agent->live.workloads = beat->workloads;
    if (beat->offers)
        take_options(agent, &beat->driver_options);
    for (uint32_t i = 0; i < beat->logs.count; i++) {
        const struct aq_kept *log = AQ_ITEM(beat->logs, struct aq_kept, i);
        if (log->end > log->first && usages_is_of(presence->usages, agent, log->resource))
            note_log(presence, log);
    }
    usages_take(presence->usages, agent, &beat->samples);
}

/* ---- silence ------------------------------------------------------------------------------------------- */

static void lose_done(struct hub_item *item)
{
    struct hub_lose *lose = (struct hub_lose *)item;
    struct hub_agent *agent = agents_find(&lose->base->agents, lose->name);
    if (agent != NULL)
        agent->losing = false; /* whether it is ACTIVE, events tell: it may be back by now */
    if (lose->request.error.code == AQ_OK)
        aq_journal(AQ_WARN, "agent lost", "node", lose->name, NULL);
    free(lose);
}

static void lose_drop(struct hub_item *item)
{
    free((struct hub_lose *)item);
}

static void submit_lose(struct hub_base *base, struct hub_agent *agent)
{
    struct aq_error error;
    struct hub_lose *lose = aq_calloc(1, sizeof *lose);
    memcpy(lose->name, agent->name, sizeof lose->name);
    lose->lose.name = lose->name;
    lose->records[0] = &lose->lose;
    lose->base = base;
    lose->item.run = lose_done;
    lose->item.drop = lose_drop;
    lose->request = (struct writer_request){.command = &aq_command_node_lose,
                                            .records = lose->records,
                                            .count = 1,
                                            .caller = aq_caller_internal("aquarium")};
    agent->losing = hub_submit(base, &lose->request, &lose->item, &error) == 0;
    if (!agent->losing)
        free(lose); /* the next scan tries again */
}

/* When the agent counts as lost, if nothing more is heard from it. Never while the writer has its report: the agent
 * waits for the answer and sends nothing. */
static uint64_t lost_at(const struct hub_presence *presence, const struct hub_agent *agent)
{
    uint64_t lost_after_ms = AQ_SETTING(presence->base->config->hub.lost_after) * 1000;
    uint64_t since = agent->seen_ms > presence->listens_since_ms ? agent->seen_ms : presence->listens_since_ms;
    return agent->report != NULL ? UINT64_MAX : since + lost_after_ms + 1;
}

static bool is_silent(const struct hub_presence *presence, const struct hub_agent *agent)
{
    return presence->base->now.steady_ms >= lost_at(presence, agent);
}

/* Logs the first failure, and the first success after it: a disk may stay full for days. */
static void log_stored(struct hub_presence *presence, bool stored, const struct aq_error *error)
{
    char times[24];
    if (!stored && presence->unstored++ == 0)
        aq_journal(AQ_WARN, "heartbeats cannot be stored", "error", error->message, NULL);
    if (!stored || presence->unstored == 0)
        return;
    snprintf(times, sizeof times, "%" PRIu64, presence->unstored);
    aq_journal(AQ_INFO, "heartbeats are stored again", "failed", times, NULL);
    presence->unstored = 0;
}

void presence_scan(struct hub_presence *presence)
{
    struct hub_base *base = presence->base;
    const struct agents *agents = &base->agents;
    struct aq_error error;
    uint64_t alive = 0, next_ms = base->now.steady_ms + SCAN_MS;
    size_t beaten = 0;
    const char **names = aq_arena_alloc(&base->arena, agents->count * sizeof *names);
    struct aq_node_live *rows = aq_arena_alloc(&base->arena, agents->count * sizeof *rows);
    for (uint32_t i = 0; i < agents->count; i++) {
        struct hub_agent *agent = agents->all[i];
        bool silent = is_silent(presence, agent);
        alive += agent->session != 0 && !silent;
        if (presence->leads && agent->known && agent->active && silent && !agent->losing && agent->joining == NULL)
            submit_lose(base, agent);
        else if (!silent && lost_at(presence, agent) < next_ms)
            next_ms = lost_at(presence, agent);
        deliveries_expire_poll(agent, base->now.steady_ms);
        if (agent->beaten) {
            names[beaten] = agent->name;
            rows[beaten++] = agent->live;
            agent->beaten = false;
        }
    }
    atomic_store(&presence->alive, alive);
    presence->next_scan_ms =
        next_ms > base->now.steady_ms + SCAN_LEAST_MS ? next_ms : base->now.steady_ms + SCAN_LEAST_MS;
    if (beaten > 0)
        log_stored(presence, live_put(presence->live, names, rows, beaten, &error) == 0, &error);
}

bool presence_set_leader(struct hub_presence *presence, bool leads)
{
    bool changed = leads != presence->leads;
    if (leads && changed)
        presence->listens_since_ms = presence->base->now.steady_ms;
    presence->leads = leads;
    return changed;
}

uint64_t presence_take_beats(struct hub_presence *presence)
{
    uint64_t beats = presence->beats;
    presence->beats = 0;
    return beats;
}
