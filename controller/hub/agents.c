#include "controller/hub/agents.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t bucket_of(const struct agents *agents, const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash & (agents->bucket_count - 1);
}

struct hub_agent *agents_find(const struct agents *agents, const char *name)
{
    if (agents->count == 0)
        return NULL;
    struct hub_agent *agent = agents->buckets[bucket_of(agents, name)];
    while (agent != NULL && strcmp(agent->name, name) != 0)
        agent = agent->next;
    return agent;
}

static void link_agent(struct agents *agents, struct hub_agent *agent)
{
    struct hub_agent **bucket = &agents->buckets[bucket_of(agents, agent->name)];
    agent->next = *bucket;
    *bucket = agent;
}

static void grow(struct agents *agents)
{
    agents->capacity = agents->capacity > 0 ? agents->capacity * 2 : 64;
    agents->bucket_count = agents->capacity * 2;
    agents->all = aq_realloc(agents->all, agents->capacity * sizeof(struct hub_agent *));
    free(agents->buckets);
    agents->buckets = aq_calloc(agents->bucket_count, sizeof(struct hub_agent *));
    for (uint32_t i = 0; i < agents->count; i++)
        link_agent(agents, agents->all[i]);
}

struct hub_agent *agents_add(struct agents *agents, const char *name)
{
    struct hub_agent *agent = agents_find(agents, name);
    if (agent != NULL || agents->count == HUB_AGENTS_MAX)
        return agent;
    if (agents->count == agents->capacity)
        grow(agents);
    agent = aq_calloc(1, sizeof *agent);
    int length = snprintf(agent->name, sizeof agent->name, "%s", name);
    aq_assert(length > 0 && (size_t)length < sizeof agent->name);
    agent->place = agents->count;
    agents->all[agents->count++] = agent;
    link_agent(agents, agent);
    return agent;
}

static void agent_free(struct hub_agent *agent)
{
    aq_buffer_free(&agent->hello);
    pending_free(&agent->pending);
    free(agent);
}

static void remove_ready(struct agents *agents, const struct hub_agent *agent)
{
    struct hub_agent **link = &agents->ready;
    while (*link != agent)
        link = &(*link)->next_ready;
    *link = agent->next_ready;
}

void agents_remove(struct agents *agents, struct hub_agent *agent)
{
    aq_assert(agent->joining == NULL && agent->rival == NULL);
    if (agent->ready)
        remove_ready(agents, agent);
    struct hub_agent **link = &agents->buckets[bucket_of(agents, agent->name)];
    while (*link != agent)
        link = &(*link)->next;
    *link = agent->next;
    agents->all[agent->place] = agents->all[--agents->count];
    agents->all[agent->place]->place = agent->place;
    agent_free(agent);
}

void agents_free(struct agents *agents)
{
    for (uint32_t i = 0; i < agents->count; i++)
        agent_free(agents->all[i]);
    free(agents->all);
    free(agents->buckets);
    *agents = (struct agents){0};
}

void agent_set_owner(struct hub_agent *agent, uint64_t instance, const char *address)
{
    agent->instance = instance;
    snprintf(agent->address, sizeof agent->address, "%s", address);
}

void agent_mark_alive(struct hub_agent *agent, uint64_t now_ms, uint64_t log_ms)
{
    agent->seen_ms = now_ms;
    agent->live.seen_at = log_ms;
    agent->beaten = true;
}

/* ---- what agents must be told -------------------------------------------------------------------------- */

void agents_mark_ready(struct agents *agents, struct hub_agent *agent)
{
    if (agent->ready || agent->poll.question.channel == NULL)
        return;
    agent->ready = true;
    agent->next_ready = agents->ready;
    agents->ready = agent;
}

struct hub_agent *agents_take_ready(struct agents *agents)
{
    struct hub_agent *agent = agents->ready;
    if (agent != NULL) {
        agents->ready = agent->next_ready;
        agent->ready = false;
    }
    return agent;
}

void agents_tell(struct agents *agents, struct hub_agent *agent, uint64_t resource)
{
    if (agent->session == 0)
        return;
    pending_add(&agent->pending, resource);
    agents_mark_ready(agents, agent);
}

void agents_tell_all(struct agents *agents, struct hub_agent *agent)
{
    if (agent->session == 0)
        return;
    pending_add_all(&agent->pending);
    agents_mark_ready(agents, agent);
}
