/* Lists of numbers as texts: "1-3,7". Thousands of consecutive numbers cost a few bytes. */
#ifndef AQ_SCHEMA_CODEC_RANGES_H
#define AQ_SCHEMA_CODEC_RANGES_H

#include "schema/base/memory.h"

#include <stdbool.h>

/* A list while it grows. All zero: empty. Release `text` when done. */
struct aq_ranges {
    struct aq_buffer text;
    uint64_t first, last; /* the open run of numbers, which is not in the text yet; 0: none */
};

/* Adds the numbers from `first`, which is more than all before, to `last`. */
void aq_ranges_add(struct aq_ranges *ranges, uint64_t first, uint64_t last);
/* Sorts the numbers, and adds them; all are more than those before. */
void aq_ranges_add_all(struct aq_ranges *ranges, uint64_t *numbers, size_t count);
/* Completes the text. */
void aq_ranges_end(struct aq_ranges *ranges);
/* Completes the text, and moves it into the arena: the list is empty again. */
const char *aq_ranges_text(struct aq_ranges *ranges, struct aq_arena *arena);

/* Calls `visit` for each number of a text, until it returns false; stops where it is not such a list. Returns false if
 * `visit` did. */
typedef bool aq_ranges_fn(void *context, uint64_t number);
bool aq_ranges_each(const char *text, aq_ranges_fn *visit, void *context);

#endif
