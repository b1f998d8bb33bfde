#include "controller/serve/filter.h"

#include "schema/codec/text.h"

#include <string.h>

int list_bounds_take(struct list_bounds *bounds, struct query *query, struct aq_error *error)
{
    *bounds = (struct list_bounds){.limit = LIST_LIMIT};
    bounds->after = query_take(query, "after");
    if (bounds->after != NULL && bounds->after[0] == '\0')
        bounds->after = NULL;
    if (query_take_number(query, "limit", 1, LIST_LIMIT_MAX, &bounds->limit, error) != 0)
        return -1;
    return query_take_bool(query, "reverse", &bounds->reverse, error);
}

static bool has_wildcard(const char *pattern)
{
    return strpbrk(pattern, "*?") != NULL;
}

int filter_take(struct filter *filter, const struct aq_record *record, struct query *query, struct aq_error *error)
{
    *filter = (struct filter){0};
    for (size_t i = 0; i < record->count; i++) {
        const struct aq_field *field = &record->fields[i];
        if (field->rules & AQ_SECRET)
            continue;
        const char *pattern = query_take(query, field->name);
        if (pattern == NULL)
            continue;
        if (has_wildcard(pattern) && strlen(pattern) > FILTER_PATTERN_MAX)
            return aq_fail(error, AQ_E_INVALID, "%s has %zu bytes; with * or ? it may have at most %d", field->name,
                           strlen(pattern), FILTER_PATTERN_MAX);
        uint64_t word;
        if (field->type == AQ_TYPE_ENUM && !has_wildcard(pattern) &&
            aq_number_from_text(field, pattern, field->name, &word, error) != 0)
            return -1; /* a word that does not exist would match nothing, and the mistake would pass unseen */
        filter->fields[filter->count] = field;
        filter->patterns[filter->count++] = pattern;
    }
    return 0;
}

static const char *next_character(const char *text)
{
    do
        text++;
    while ((*text & 0xC0) == 0x80); /* continuation bytes of UTF-8 */
    return text;
}

/* After a mismatch, retries from the last star only: what earlier stars have matched need not change, since the last
 * one can match any text. */
static bool wildcards_match(const char *pattern, const char *text, uint64_t *steps)
{
    const char *star = NULL, *begun = NULL; /* the pattern after the last star, and the text that it is tried at */
    while (*text != '\0') {
        ++*steps;
        if (*pattern == '*') {
            star = ++pattern;
            begun = text;
        } else if (*pattern == '?') {
            pattern++;
            text = next_character(text);
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star;
            text = begun = next_character(begun);
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

static bool text_matches(struct filter *filter, const char *pattern, const char *text)
{
    return has_wildcard(pattern) ? wildcards_match(pattern, text, &filter->steps) : strcmp(pattern, text) == 0;
}

static bool field_matches(struct filter *filter, const struct aq_field *field, const char *pattern, const void *row)
{
    if (field->type == AQ_TYPE_TEXTS) {
        const struct aq_list *list = AQ_AT_CONST(row, field);
        for (uint32_t i = 0; i < list->count; i++)
            if (text_matches(filter, pattern, AQ_TEXT_ITEM(*list, i)))
                return true;
        return false;
    }
    if (aq_field_is_text(field))
        return text_matches(filter, pattern, aq_field_text(field, row));
    aq_buffer_reset(&filter->scratch);
    aq_field_to_text(field, row, &filter->scratch);
    return text_matches(filter, pattern, aq_buffer_string(&filter->scratch));
}

bool filter_matches(struct filter *filter, const void *row)
{
    for (unsigned i = 0; i < filter->count; i++)
        if (!field_matches(filter, filter->fields[i], filter->patterns[i], row))
            return false;
    return true;
}

bool filter_is_spent(const struct filter *filter)
{
    return filter->steps >= FILTER_STEPS_MAX;
}

void filter_free(struct filter *filter)
{
    aq_buffer_free(&filter->scratch);
}
