/* Memory with a visible owner: an arena for objects that live as long as one request or one batch, and a buffer for
 * bytes that grow. When the system has no memory left, the process aborts: no function here returns NULL. */
#ifndef AQ_SCHEMA_BASE_MEMORY_H
#define AQ_SCHEMA_BASE_MEMORY_H

#include "schema/base/compiler.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Like malloc() and its family, but they abort the process instead of returning NULL. Free with free(). */
void *aq_malloc(size_t size);
void *aq_calloc(size_t count, size_t size);
void *aq_realloc(void *old, size_t size);
char *aq_strdup(const char *text);

/* Makes room for one more element in a malloc'ed array of `count` elements that has room for `capacity`. All three are
 * variables. Doubles the array, so that adding n elements costs n steps:
 *     AQ_GROW(list->items, list->count, list->capacity);
 *     list->items[list->count++] = item; */
#define AQ_GROW(array, count, capacity)                                                                                \
    do {                                                                                                               \
        if ((count) == (capacity)) {                                                                                   \
            (capacity) = (capacity) > 0 ? (capacity)*2 : 16;                                                           \
            (array) = aq_realloc((array), (capacity) * sizeof *(array));                                               \
        }                                                                                                              \
    } while (0)

/* AQ_CLEANUP_MEMORY char *text = aq_strdup(...); frees it on every way out of the scope. */
#define AQ_CLEANUP_MEMORY AQ_CLEANUP(aq_cleanup_memory)
static inline void aq_cleanup_memory(void *pointer)
{
    free(*(void **)pointer);
}

/* ---- arena: allocate often, free once ----------------------------------------------------------------- */

struct aq_arena_block;

struct aq_arena {
    struct aq_arena_block *blocks; /* newest first */
    size_t used;                   /* bytes used of the newest block */
};

/* Zeroed memory is an empty arena. */
void *aq_arena_alloc(struct aq_arena *arena, size_t size);                    /* zeroed, aligned for any type */
char *aq_arena_text(struct aq_arena *arena, const char *text, size_t length); /* adds the NUL */
char *aq_arena_format(struct aq_arena *arena, const char *format, ...) AQ_PRINTF(2, 3);
void aq_arena_reset(struct aq_arena *arena); /* empties it, but keeps one block of up to 8 KiB */
void aq_arena_free(struct aq_arena *arena);  /* frees all blocks; the arena may be used again */

void aq_arena_wipe(struct aq_arena *arena); /* the same, and overwrites what was in it: a secret */

/* AQ_CLEANUP_ARENA struct aq_arena arena = {0}; frees it on every way out of the scope. */
#define AQ_CLEANUP_ARENA        AQ_CLEANUP(aq_arena_free)
#define AQ_CLEANUP_SECRET_ARENA AQ_CLEANUP(aq_arena_wipe)

/* ---- buffer: bytes that grow -------------------------------------------------------------------------- */

struct aq_buffer {
    char *data; /* `length` bytes, followed by a NUL when data is not NULL */
    size_t length;
    size_t capacity;
};

void aq_buffer_grow(struct aq_buffer *buffer, size_t more); /* makes room for `more` bytes and a NUL */

/* Inline, because every byte of an answer passes through them, and the lengths of literals are known at the call. */
static inline void aq_buffer_room(struct aq_buffer *buffer, size_t more)
{
    if (buffer->length + more + 1 > buffer->capacity)
        aq_buffer_grow(buffer, more);
}

static inline void aq_buffer_add(struct aq_buffer *buffer, const void *bytes, size_t length)
{
    aq_buffer_room(buffer, length);
    if (length > 0)
        memcpy(buffer->data + buffer->length, bytes, length);
    buffer->length += length;
    buffer->data[buffer->length] = '\0';
}

/* Takes over what the caller wrote past the end, into room it had asked for, up to `end`. */
static inline void aq_buffer_put(struct aq_buffer *buffer, char *end)
{
    buffer->length = (size_t)(end - buffer->data);
    *end = '\0';
}

static inline void aq_buffer_text(struct aq_buffer *buffer, const char *text)
{
    aq_buffer_add(buffer, text, strlen(text));
}

static inline void aq_buffer_char(struct aq_buffer *buffer, char c)
{
    aq_buffer_add(buffer, &c, 1);
}

void aq_buffer_format(struct aq_buffer *buffer, const char *format, ...) AQ_PRINTF(2, 3);
void aq_buffer_u64(struct aq_buffer *buffer, uint64_t number);
void aq_buffer_reset(struct aq_buffer *buffer); /* length 0, memory kept */
void aq_buffer_free(struct aq_buffer *buffer);
const char *aq_buffer_string(const struct aq_buffer *buffer); /* never NULL */

/* AQ_CLEANUP_BUFFER struct aq_buffer text = {0}; frees it on every way out of the scope. */
#define AQ_CLEANUP_BUFFER AQ_CLEANUP(aq_buffer_free)

#endif
