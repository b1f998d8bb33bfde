#include "schema/base/memory.h"

#include "schema/base/put.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Many arenas stay small for long, so the first block is small. Each further block is twice as large, up to the limit.
 */
enum { BLOCK_SIZE_MIN = 512, BLOCK_SIZE_MAX = 8192 };

struct aq_arena_block {
    struct aq_arena_block *next;
    size_t size;
    _Alignas(max_align_t) char bytes[];
};

static void *must(void *memory)
{
    if (memory == NULL)
        aq_broken(__FILE__, __LINE__, "out of memory");
    return memory;
}

void *aq_malloc(size_t size)
{
    return must(malloc(size ? size : 1));
}

void *aq_calloc(size_t count, size_t size)
{
    return must(calloc(count ? count : 1, size ? size : 1));
}

void *aq_realloc(void *old, size_t size)
{
    return must(realloc(old, size ? size : 1));
}

char *aq_strdup(const char *text)
{
    return must(strdup(text));
}

/* The memory is not zeroed. */
static void *arena_take(struct aq_arena *arena, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    size = (size + align - 1) / align * align;
    if (arena->blocks == NULL || arena->blocks->size - arena->used < size) {
        size_t block_size = arena->blocks == NULL ? BLOCK_SIZE_MIN : 2 * arena->blocks->size;
        if (block_size > BLOCK_SIZE_MAX)
            block_size = BLOCK_SIZE_MAX;
        if (block_size < size)
            block_size = size;
        struct aq_arena_block *block = aq_malloc(sizeof *block + block_size);
        block->next = arena->blocks;
        block->size = block_size;
        arena->blocks = block;
        arena->used = 0;
    }
    void *memory = arena->blocks->bytes + arena->used;
    arena->used += size;
    return memory;
}

void *aq_arena_alloc(struct aq_arena *arena, size_t size)
{
    return memset(arena_take(arena, size), 0, size);
}

char *aq_arena_text(struct aq_arena *arena, const char *text, size_t length)
{
    char *copy = arena_take(arena, length + 1);
    if (length > 0)
        memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *aq_arena_format(struct aq_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    aq_assert(length >= 0);
    char *text = aq_arena_alloc(arena, (size_t)length + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

void aq_arena_reset(struct aq_arena *arena)
{
    struct aq_arena_block *kept = NULL;
    while (arena->blocks != NULL) {
        struct aq_arena_block *next = arena->blocks->next;
        bool better = arena->blocks->size <= BLOCK_SIZE_MAX && (kept == NULL || arena->blocks->size > kept->size);
        free(better ? kept : arena->blocks);
        if (better)
            kept = arena->blocks;
        arena->blocks = next;
    }
    if (kept != NULL)
        kept->next = NULL;
    arena->blocks = kept;
    arena->used = 0;
}

void aq_arena_free(struct aq_arena *arena)
{
    aq_arena_reset(arena); /* all but one */
    free(arena->blocks);
    arena->blocks = NULL;
}

void aq_arena_wipe(struct aq_arena *arena)
{
    for (struct aq_arena_block *block = arena->blocks; block != NULL; block = block->next)
        explicit_bzero(block->bytes, block->size);
    aq_arena_free(arena);
}

void aq_buffer_grow(struct aq_buffer *buffer, size_t more)
{
    size_t wanted = buffer->length + more + 1;
    size_t capacity = buffer->capacity ? buffer->capacity * 2 : 256;
    while (capacity < wanted)
        capacity *= 2;
    buffer->data = aq_realloc(buffer->data, capacity);
    buffer->capacity = capacity;
}

void aq_buffer_format(struct aq_buffer *buffer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    aq_assert(length >= 0);
    aq_buffer_room(buffer, (size_t)length);
    va_start(args, format);
    vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, args);
    va_end(args);
    buffer->length += (size_t)length;
}

void aq_buffer_u64(struct aq_buffer *buffer, uint64_t number)
{
    aq_buffer_room(buffer, AQ_PUT_NUMBER_MAX);
    aq_buffer_put(buffer, aq_put_u64(buffer->data + buffer->length, number));
}

void aq_buffer_reset(struct aq_buffer *buffer)
{
    buffer->length = 0;
    if (buffer->data != NULL)
        buffer->data[0] = '\0';
}

void aq_buffer_free(struct aq_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct aq_buffer){0};
}

const char *aq_buffer_string(const struct aq_buffer *buffer)
{
    return buffer->data ? buffer->data : "";
}
