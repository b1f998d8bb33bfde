#include "controller/serve/filter.h"

#include "schema/base/utf8.h"
#include "schema/codec/pack.h"
#include "schema/codec/text.h"
#include "schema/model/key.h"

#include <ctype.h>
#include <string.h>

int list_bounds_take(struct list_bounds *bounds, struct query *query, struct aq_error *error)
{
    *bounds = (struct list_bounds){.limit = LIST_LIMIT};
    bounds->after = query_take(query, "after");
    if (bounds->after != NULL && bounds->after[0] == '\0')
        bounds->after = NULL;
    if (query_take_number(query, "limit", &bounds->limit, error) != 0)
        return -1;
    return query_take_bool(query, "reverse", &bounds->reverse, error);
}

static bool has_wildcard(const char *pattern)
{
    return strpbrk(pattern, "*?") != NULL;
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

/* ---- taking ------------------------------------------------------------------------------------------------- */

static bool may_have_several(const struct aq_field *field)
{
    return field->type == AQ_TYPE_ENUM || field->type == AQ_TYPE_BOOL || field->type == AQ_TYPE_NAME ||
           field->type == AQ_TYPE_TEXTS || aq_field_is_number(field);
}

/* What JSON shows as null. */
static bool means_none(const struct aq_field *field, const char *value)
{
    bool null = strcmp(value, "null") == 0 && !aq_field_is_text(field);
    return (null || strcmp(value, "-") == 0) &&
           (field->refers != NULL || field->type == AQ_TYPE_TIME || aq_type_may_be_none(field->type));
}

/* The value in the form that aq_field_to_text() gives it. */
static int take_number(struct filter *filter, const struct aq_field *field, const char *value, const char **pattern,
                       struct aq_error *error)
{
    uint64_t number = 0;
    if (!means_none(field, value) && aq_number_from_text(field, value, field->name, &number, error) != 0)
        return -1;
    aq_buffer_reset(&filter->scratch);
    aq_number_to_text(field, number, &filter->scratch);
    *pattern = aq_arena_text(&filter->arena, aq_buffer_string(&filter->scratch), filter->scratch.length);
    return 0;
}

static int take_pattern(struct filter *filter, const struct aq_field *field, const char *value, const char **pattern,
                        struct aq_error *error)
{
    size_t length = strlen(value);
    *pattern = means_none(field, value) ? "" : value;
    if (has_wildcard(value))
        return length <= FILTER_PATTERN_MAX
                   ? 0
                   : aq_fail(error, AQ_E_INVALID, "%s has %zu bytes; with * or ? it may have at most %d", field->name,
                             length, FILTER_PATTERN_MAX);
    if (aq_field_is_number(field) || field->type == AQ_TYPE_BOOL)
        return take_number(filter, field, value, pattern, error);
    if (field->type == AQ_TYPE_NAME && length > 0 && **pattern != '\0' && !aq_name_is_good(value, length))
        return aq_fail(error, AQ_E_INVALID,
                       "%s is \"%.100s\", which is no name: names have only letters, digits, '.', '_' and '-', and * "
                       "and ? match any",
                       field->name, value); /* such as label=mac:1: it would match nothing, or everything */
    return 0;
}

static char *lower(struct filter *filter, const char *text)
{
    char *copy = aq_arena_text(&filter->arena, text, strlen(text));
    for (char *c = copy; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    return copy;
}

/* A word that does not exist would match nothing, and the mistake would pass unseen. */
static int take_words(struct filter *filter, struct filter_item *item, const char *value, struct aq_error *error)
{
    const struct aq_words *words = item->field->words;
    const char *pattern = lower(filter, value);
    bool known = false;
    aq_assert(words->count <= 64);
    for (uint32_t i = 0; i < words->count; i++) {
        const char *word = lower(filter, words->words[i]);
        if (has_wildcard(pattern) ? !wildcards_match(pattern, word, &filter->steps) : strcmp(pattern, word) != 0)
            continue;
        item->words |= UINT64_C(1) << i;
        known = true;
    }
    uint64_t unused;
    return known || has_wildcard(pattern) ? 0
                                          : aq_number_from_text(item->field, value, item->field->name, &unused, error);
}

static int take_values(struct filter *filter, struct filter_item *item, const char *given, struct aq_error *error)
{
    const struct aq_field *field = item->field;
    bool several = may_have_several(field);
    char *values = aq_arena_text(&filter->arena, given, strlen(given));
    unsigned most = 1;
    for (const char *c = given; several && *c != '\0'; c++)
        most += *c == ',';
    item->patterns = aq_arena_alloc(&filter->arena, most * sizeof *item->patterns);
    while (item->count < most) {
        const char *value = several ? strsep(&values, ",") : values, *pattern = value;
        if ((has_wildcard(value) || field->type != AQ_TYPE_ENUM) &&
            take_pattern(filter, field, value, &pattern, error) != 0)
            return -1;
        if (field->type == AQ_TYPE_ENUM && take_words(filter, item, value, error) != 0)
            return -1;
        item->patterns[item->count++] = pattern;
    }
    return 0;
}

static struct filter_item *add_item(struct filter *filter, const struct aq_field *field)
{
    struct filter_item *item = &filter->items[filter->count++]; /* a query has no more */
    *item = (struct filter_item){.field = field};
    return item;
}

static int take_field(struct filter *filter, const struct aq_field *field, struct query *query, struct aq_error *error)
{
    char name[QUERY_NAME_SIZE];
    for (enum query_filter how = QUERY_EQUAL; how < query_filter_count; how++) {
        const char *value = query_take_filter(query, field, how, name);
        if (value == NULL)
            continue;
        struct filter_item *item = add_item(filter, field);
        item->opposite = how == QUERY_UNLIKE;
        if ((how == QUERY_SINCE ? query_since(name, value, filter->now_ms, &item->since_ms, error)
                                : take_values(filter, item, value, error)) != 0)
            return -1;
    }
    return 0;
}

int filter_take(struct filter *filter, const struct aq_record *record, struct query *query, uint64_t now_ms,
                struct aq_error *error)
{
    *filter = (struct filter){.now_ms = now_ms};
    for (size_t i = 0; i < record->count; i++)
        if (!(record->fields[i].rules & AQ_SECRET) && take_field(filter, &record->fields[i], query, error) != 0)
            return -1;
    return 0;
}

uint64_t filter_fields(const struct filter *filter, const struct aq_record *record)
{
    uint64_t fields = 0;
    for (unsigned i = 0; i < filter->count; i++)
        fields |= AQ_FIELD_BIT(record, filter->items[i].field);
    return fields;
}

bool filter_takes_word(const struct filter *filter, const struct aq_field *field, uint32_t word)
{
    for (unsigned i = 0; i < filter->count; i++) {
        const struct filter_item *item = &filter->items[i];
        if (item->field == field && ((item->words >> word & 1) != 0) == item->opposite)
            return false;
    }
    return true;
}

const char *filter_only(const struct filter *filter, const struct aq_field *field)
{
    for (unsigned i = 0; i < filter->count; i++) {
        const struct filter_item *item = &filter->items[i];
        if (item->field == field && !item->opposite && item->count == 1 && !has_wildcard(item->patterns[0]))
            return item->patterns[0];
    }
    return NULL;
}

uint64_t filter_since(const struct filter *filter, const char *field)
{
    uint64_t since = 0;
    for (unsigned i = 0; i < filter->count; i++)
        if (strcmp(filter->items[i].field->name, field) == 0 && filter->items[i].since_ms > since)
            since = filter->items[i].since_ms;
    return since;
}

/* ---- matching ----------------------------------------------------------------------------------------------- */

static bool text_matches(struct filter *filter, const char *pattern, const char *text)
{
    if (has_wildcard(pattern))
        return wildcards_match(pattern, text, &filter->steps);
    filter->steps++; /* there may be thousands of patterns */
    return strcmp(pattern, text) == 0;
}

static bool item_matches(struct filter *filter, const struct filter_item *item, const char *text)
{
    for (unsigned i = 0; i < item->count; i++)
        if (text_matches(filter, item->patterns[i], text))
            return true;
    return false;
}

static bool field_matches(struct filter *filter, const struct filter_item *item, const void *row)
{
    const struct aq_field *field = item->field;
    if (item->since_ms != 0)
        return aq_field_number(field, row) >= item->since_ms;
    if (field->type == AQ_TYPE_ENUM)
        return item->words >> aq_field_number(field, row) & 1;
    if (field->type == AQ_TYPE_TEXTS) {
        const struct aq_list *list = AQ_AT_CONST(row, field);
        for (uint32_t i = 0; i < list->count; i++)
            if (item_matches(filter, item, AQ_TEXT_ITEM(*list, i)))
                return true;
        return false;
    }
    if (aq_field_is_text(field))
        return item_matches(filter, item, aq_field_text(field, row));
    aq_buffer_reset(&filter->scratch);
    aq_field_to_text(field, row, &filter->scratch);
    return item_matches(filter, item, aq_buffer_string(&filter->scratch));
}

bool filter_matches(struct filter *filter, const void *row)
{
    for (unsigned i = 0; i < filter->count; i++)
        if (field_matches(filter, &filter->items[i], row) == filter->items[i].opposite)
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
    aq_arena_free(&filter->arena);
}
