#include "controller/state/cache.h"

#include <string.h>

enum { BUCKETS = 4096 };

struct row_cache {
    struct aq_arena arena;
    struct cached_row *first, **last;
    struct cached_row *buckets[BUCKETS];
};

struct row_cache *row_cache_new(void)
{
    struct row_cache *cache = aq_calloc(1, sizeof *cache);
    cache->last = &cache->first;
    return cache;
}

void row_cache_forget(struct row_cache *cache)
{
    aq_arena_reset(&cache->arena);
    memset(cache->buckets, 0, sizeof cache->buckets);
    cache->first = NULL;
    cache->last = &cache->first;
}

void row_cache_free(struct row_cache *cache)
{
    if (cache == NULL)
        return;
    aq_arena_free(&cache->arena);
    free(cache);
}

/* FNV-1a, 64 bits. */
static struct cached_row **bucket_of(struct row_cache *cache, const struct aq_entity *entity,
                                     const struct state_key *key)
{
    uint64_t hash = 0xcbf29ce484222325 ^ entity->rank;
    for (size_t i = 0; i < key->length; i++)
        hash = (hash ^ key->bytes[i]) * 0x100000001b3;
    return &cache->buckets[(hash ^ hash >> 32) % BUCKETS];
}

struct cached_row *row_cache_find(struct row_cache *cache, const struct aq_entity *entity, const struct state_key *key)
{
    struct cached_row *row = *bucket_of(cache, entity, key);
    while (row != NULL &&
           (row->entity != entity || row->length != key->length || memcmp(row->key, key->bytes, key->length) != 0))
        row = row->next;
    return row;
}

struct cached_row *row_cache_add(struct row_cache *cache, const struct aq_entity *entity, const struct state_key *key)
{
    struct cached_row **bucket = bucket_of(cache, entity, key);
    struct cached_row *row = aq_arena_alloc(&cache->arena, sizeof *row + key->length);
    row->entity = entity;
    row->length = (uint16_t)key->length;
    memcpy(row->key, key->bytes, key->length);
    row->next = *bucket;
    *bucket = row;
    *cache->last = row;
    cache->last = &row->later;
    return row;
}

struct aq_arena *row_cache_arena(struct row_cache *cache)
{
    return &cache->arena;
}

struct cached_row *row_cache_first(struct row_cache *cache)
{
    return cache->first;
}
