#include "schema/codec/ranges.h"

#include <stdlib.h>

void aq_ranges_end(struct aq_ranges *ranges)
{
    struct aq_buffer *text = &ranges->text;
    if (ranges->first == 0)
        return;
    if (text->length > 0)
        aq_buffer_char(text, ',');
    aq_buffer_u64(text, ranges->first);
    if (ranges->last != ranges->first) {
        aq_buffer_char(text, '-');
        aq_buffer_u64(text, ranges->last);
    }
    ranges->first = 0;
}

void aq_ranges_add(struct aq_ranges *ranges, uint64_t first, uint64_t last)
{
    if (ranges->first != 0 && first == ranges->last + 1) {
        ranges->last = last;
        return;
    }
    aq_ranges_end(ranges);
    ranges->first = first;
    ranges->last = last;
}

static int compare_numbers(const void *a, const void *b)
{
    const uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;
    return (one > other) - (one < other);
}

void aq_ranges_add_all(struct aq_ranges *ranges, uint64_t *numbers, size_t count)
{
    if (count > 0)
        qsort(numbers, count, sizeof *numbers, compare_numbers);
    for (size_t i = 0; i < count; i++)
        aq_ranges_add(ranges, numbers[i], numbers[i]);
}

const char *aq_ranges_text(struct aq_ranges *ranges, struct aq_arena *arena)
{
    aq_ranges_end(ranges);
    const char *text = aq_arena_text(arena, ranges->text.data, ranges->text.length);
    aq_buffer_free(&ranges->text);
    return text;
}

bool aq_ranges_each(const char *text, aq_ranges_fn *visit, void *context)
{
    while (*text != '\0') {
        char *end;
        uint64_t first = strtoull(text, &end, 10), last = first;
        if (*end == '-')
            last = strtoull(end + 1, &end, 10);
        for (uint64_t number = first; number <= last; number++)
            if (!visit(context, number))
                return false;
        text = *end == ',' ? end + 1 : end;
        if (*end != ',' && *end != '\0')
            break;
    }
    return true;
}
