/* The rows of entities that a write transaction has read or written, unpacked. The decisions of a batch use the same
 * rows again and again (the user, the label, the node that fills up): each row is unpacked once, and packed once, when
 * the transaction is flushed. Private to controller/state. */
#ifndef AQ_CONTROLLER_STATE_CACHE_H
#define AQ_CONTROLLER_STATE_CACHE_H

#include "controller/state/state.h"

struct row_cache;

struct cached_row {
    struct cached_row *next;  /* in its bucket */
    struct cached_row *later; /* the row that was added next */
    const struct aq_entity *entity;
    void *object; /* entity->record->size bytes, in the cache's arena with all that it points to; NULL: there is no
                     such row */
    const void *packed; /* the object as a packed row, in the arena; NULL: it has not been packed since it changed */
    size_t packed_length;
    bool dirty;  /* changed, and not in LMDB yet */
    bool stored; /* known to be in LMDB, perhaps with other contents */
    uint16_t length;
    unsigned char key[];
};

struct row_cache *row_cache_new(void);
void row_cache_free(struct row_cache *cache);  /* NULL is fine */
void row_cache_clear(struct row_cache *cache); /* removes all rows, of which none may be dirty */

struct cached_row *row_cache_find(struct row_cache *cache, const struct aq_entity *entity, const struct state_key *key);
struct cached_row *row_cache_add(struct row_cache *cache, const struct aq_entity *entity, const struct state_key *key);
struct aq_arena *row_cache_arena(struct row_cache *cache);   /* for objects */
struct cached_row *row_cache_first(struct row_cache *cache); /* the others follow by `later` */

#endif
