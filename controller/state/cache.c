#include "controller/state/cache.h"

#include <string.h>

/* Powers of two. A batch has hundreds of rows, a round of a rebuild hundreds of thousands. */
enum { BUCKETS_LEAST = 1024, BUCKETS_TIMES = 8 };

struct row_cache {
    struct aq_arena arena;
    struct cached_row *first, **last;
    size_t count, size; /* of rows, of buckets */
    struct cached_row **buckets;
};

struct row_cache *row_cache_new(void)
{
    struct row_cache *cache = aq_calloc(1, sizeof *cache);
    cache->last = &cache->first;
    cache->size = BUCKETS_LEAST;
    cache->buckets = aq_calloc(cache->size, sizeof(struct cached_row *));
    return cache;
}

void row_cache_clear(struct row_cache *cache)
{
    aq_arena_reset(&cache->arena);
    memset(cache->buckets, 0, cache->size * sizeof(struct cached_row *));
    cache->count = 0;
    cache->first = NULL;
    cache->last = &cache->first;
}

void row_cache_free(struct row_cache *cache)
{
    if (cache == NULL)
        return;
    aq_arena_free(&cache->arena);
    free(cache->buckets);
    free(cache);
}

static struct cached_row **bucket_of(struct row_cache *cache, const struct aq_entity *entity, const unsigned char *key,
                                     size_t length)
{
    return &cache->buckets[state_key_hash(key, length, entity->rank) & (cache->size - 1)];
}

static void add_to_bucket(struct row_cache *cache, struct cached_row *row)
{
    struct cached_row **bucket = bucket_of(cache, row->entity, row->key, row->length);
    row->next = *bucket;
    *bucket = row;
}

static void grow_buckets(struct row_cache *cache)
{
    free(cache->buckets);
    cache->size *= BUCKETS_TIMES;
    cache->buckets = aq_calloc(cache->size, sizeof(struct cached_row *));
    for (struct cached_row *row = cache->first; row != NULL; row = row->later)
        add_to_bucket(cache, row);
}

struct cached_row *row_cache_find(struct row_cache *cache, const struct aq_entity *entity, const struct state_key *key)
{
    struct cached_row *row = *bucket_of(cache, entity, key->bytes, key->length);
    while (row != NULL &&
           (row->entity != entity || row->length != key->length || memcmp(row->key, key->bytes, key->length) != 0))
        row = row->next;
    return row;
}

struct cached_row *row_cache_add(struct row_cache *cache, const struct aq_entity *entity, const struct state_key *key)
{
    struct cached_row *row = aq_arena_alloc(&cache->arena, sizeof *row + key->length);
    row->entity = entity;
    row->length = (uint16_t)key->length;
    memcpy(row->key, key->bytes, key->length);
    *cache->last = row;
    cache->last = &row->later;
    if (++cache->count > cache->size)
        grow_buckets(cache);
    else
        add_to_bucket(cache, row);
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
