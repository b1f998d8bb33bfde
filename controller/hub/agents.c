#include "controller/hub/agents.h"

#include "schema/wire/key_file.h"

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

/* Whoever enrols chooses the key, but many keys in one bucket would need as many join tokens. */
static struct hub_agent **key_bucket(const struct agents *agents, const unsigned char key[AQ_NOISE_KEY_SIZE])
{
    uint32_t hash;
    memcpy(&hash, key, sizeof hash);
    return &agents->key_buckets[hash & (agents->bucket_count - 1)];
}

static void link_key(struct agents *agents, struct hub_agent *agent)
{
    struct hub_agent **bucket = key_bucket(agents, agent->key);
    agent->next_of_key = *bucket;
    *bucket = agent;
}

static void unlink_key(struct agents *agents, struct hub_agent *agent)
{
    if (!agent->has_key)
        return;
    struct hub_agent **link = key_bucket(agents, agent->key);
    while (*link != agent)
        link = &(*link)->next_of_key;
    *link = agent->next_of_key;
    agent->has_key = false;
    seals_holder_wipe(&agent->seals);
}

struct hub_agent *agents_find_by_key(const struct agents *agents, const unsigned char key[AQ_NOISE_KEY_SIZE])
{
    if (agents->count == 0)
        return NULL;
    struct hub_agent *agent = *key_bucket(agents, key);
    while (agent != NULL && memcmp(agent->key, key, AQ_NOISE_KEY_SIZE) != 0)
        agent = agent->next_of_key;
    return agent;
}

void agents_set_key(struct agents *agents, struct hub_agent *agent, const char *key)
{
    unsigned char bytes[AQ_NOISE_KEY_SIZE];
    const bool good = aq_noise_key_from_text(bytes, key);
    if (good && agent->has_key && memcmp(agent->key, bytes, sizeof bytes) == 0)
        return;
    unlink_key(agents, agent);
    if (!good)
        return;
    memcpy(agent->key, bytes, sizeof bytes);
    agent->has_key = true;
    link_key(agents, agent);
}

static void grow(struct agents *agents)
{
    agents->capacity = agents->capacity > 0 ? agents->capacity * 2 : 64;
    agents->bucket_count = agents->capacity * 2;
    agents->all = aq_realloc(agents->all, agents->capacity * sizeof(struct hub_agent *));
    free(agents->buckets);
    free(agents->key_buckets);
    agents->buckets = aq_calloc(agents->bucket_count, sizeof(struct hub_agent *));
    agents->key_buckets = aq_calloc(agents->bucket_count, sizeof(struct hub_agent *));
    for (uint32_t i = 0; i < agents->count; i++) {
        link_agent(agents, agents->all[i]);
        if (agents->all[i]->has_key)
            link_key(agents, agents->all[i]);
    }
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
    aq_arena_free(&agent->options);
    pending_free(&agent->pending);
    seals_holder_wipe(&agent->seals);
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
    unlink_key(agents, agent);
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
    free(agents->key_buckets);
    *agents = (struct agents){0};
}

void agent_set_owner(struct hub_agent *agent, uint64_t instance, const char *address)
{
    agent->instance = instance;
    snprintf(agent->address, sizeof agent->address, "%s", address);
}

bool agent_renews_leases(const struct hub_agent *agent)
{
    return agent->form >= AQ_FORM_LIFE && agent->active && !agent->losing;
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
