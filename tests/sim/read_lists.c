/* Lists, with filters and in pages. */
#include "schema/codec/text.h"
#include "schema/model/key.h"
#include "schema/model/label.h"
#include "tests/sim/read.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGES_MAX = 200 };

/* ---- what is asked --------------------------------------------------------------------------------- */

static void draw_words(struct read *read, struct read_filter *filter)
{
    const struct aq_words *words = filter->field->words;
    size_t length = 0;
    for (uint64_t i = sim_between(read->sim, 1, 3); i > 0; i--)
        length += (size_t)snprintf(filter->value + length, sizeof filter->value - length, "%s%s", length > 0 ? "," : "",
                                   words->words[sim_draw(read->sim, words->count)]);
}

/* A value such as one of its rows has. */
static bool draw_value(struct read *read, struct read_filter *filter)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    const struct mirror_table *table = mirror_table(read_mirror(read), read->entity);
    if (table->count == 0)
        return false;
    aq_field_to_text(filter->field, table->rows[sim_draw(read->sim, table->count)], &text);
    if (text.length == 0 || text.length >= sizeof filter->value)
        return false;
    snprintf(filter->value, sizeof filter->value, "%s", aq_buffer_string(&text));
    if (filter->field->type == AQ_TYPE_NAME && sim_happens(read->sim, 30))
        filter->value[text.length - 1] = '*';
    return true;
}

static bool is_time(const struct aq_field *field)
{
    return field->type == AQ_TYPE_TIME;
}

static void draw_since(struct read *read, struct read_filter *filter)
{
    filter->how = FILTER_SINCE;
    filter->ago_s = sim_draw(read->sim, 60);
    snprintf(filter->value, sizeof filter->value, "%" PRIu64 "s", filter->ago_s);
}

static void draw_filter(struct read *read)
{
    struct read_filter *filter = &read->filters[read->n_filters];
    const char *const *names = mirror_fields(read->entity);
    uint64_t count = 0;
    while (names[count] != NULL)
        count++;
    *filter = (struct read_filter){.field = aq_record_field(read->entity->record, names[sim_draw(read->sim, count)])};
    if (filter->field->type == AQ_TYPE_RECORD || (read->n_filters > 0 && read->filters[0].field == filter->field))
        return;
    if (sim_happens(read->sim, 25))
        filter->how = FILTER_UNLIKE;
    if (is_time(filter->field))
        draw_since(read, filter);
    else if (filter->field->type == AQ_TYPE_ENUM)
        draw_words(read, filter);
    else if (!draw_value(read, filter))
        return;
    read->n_filters++;
}

void read_draw_list(struct read *read)
{
    struct sim *sim = read->sim;
    read_draw_row(read);
    for (uint64_t i = sim_draw(sim, READ_FILTERS_MAX + 1); i > 0; i--)
        draw_filter(read);
    if (sim_happens(sim, 60))
        read->limit = sim_between(sim, 1, 7);
    if (sim_happens(sim, 30) && read->entity != &aq_entity_label)
        snprintf(read->after, sizeof read->after, "%s", read->key);
    read->reverse = sim_happens(sim, 40);
    read->goes_on = sim_happens(sim, 50);
}

/* created_at -> created_since */
static void add_filter(const struct read_filter *filter, struct aq_buffer *uri)
{
    const char *name = filter->field->name;
    if (filter->how == FILTER_SINCE)
        aq_buffer_format(uri, "%.*s_since=%s&", (int)(strlen(name) - strlen("_at")), name, filter->value);
    else
        aq_buffer_format(uri, "%s%s=%s&", name, filter->how == FILTER_UNLIKE ? "!" : "", filter->value);
}

void read_add_list_path(const struct read *read, struct aq_buffer *uri)
{
    aq_buffer_format(uri, "%s?", read->entity->name);
    for (unsigned i = 0; i < read->n_filters; i++)
        add_filter(&read->filters[i], uri);
    if (read->limit != 0)
        aq_buffer_format(uri, "limit=%" PRIu64 "&", read->limit);
    if (read->after[0] != '\0')
        aq_buffer_format(uri, "after=%s&", read->after);
    if (read->reverse)
        aq_buffer_text(uri, "reverse=true&");
}

/* ---- what must come -------------------------------------------------------------------------------- */

static bool value_matches(const char *values, const char *text)
{
    for (const char *value = values; *value != '\0';) {
        size_t length = strcspn(value, ",");
        bool star = length > 0 && value[length - 1] == '*';
        if (star ? strncmp(value, text, length - 1) == 0 : strncmp(value, text, length) == 0 && text[length] == '\0')
            return true;
        value += length + (value[length] == ',');
    }
    return false;
}

/* Counted from the log's time at the answer. */
static void count_since(struct read *read)
{
    uint64_t now_ms = writer_time_ms(read->readers->controller->writer, &read->now);
    for (unsigned i = 0; i < read->n_filters; i++) {
        struct read_filter *filter = &read->filters[i];
        filter->since_ms = filter->ago_s * 1000 < now_ms ? now_ms - filter->ago_s * 1000 : 1;
    }
}

static bool filter_takes(const struct read_filter *filter, const void *row)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    if (filter->how == FILTER_SINCE)
        return aq_field_number(filter->field, row) >= filter->since_ms;
    aq_field_to_text(filter->field, row, &text);
    return value_matches(filter->value, aq_buffer_string(&text)) == (filter->how == FILTER_EQUAL);
}

/* Does the row come after this key, in the order of the list? */
static bool comes_after(const struct read *read, const void *row, const char *key)
{
    const struct aq_field *field = aq_entity_key(read->entity);
    int order;
    if (aq_entity_is_named(read->entity)) {
        order = strcmp(aq_field_text(field, row), key);
    } else {
        uint64_t number = aq_field_number(field, row), other = strtoull(key, NULL, 10);
        order = (number > other) - (number < other);
    }
    return read->reverse ? order < 0 : order > 0;
}

static bool is_listed(const struct read *read, const void *row)
{
    if (!read_may_see(read, read->entity, row) || (read->after[0] != '\0' && !comes_after(read, row, read->after)))
        return false;
    for (unsigned i = 0; i < read->n_filters; i++)
        if (!filter_takes(&read->filters[i], row))
            return false;
    return true;
}

/* The rows after `after`, in the order of the list. Returns how many. */
static size_t list_rows_of(const struct read *read, const void **rows)
{
    const struct mirror_table *table = mirror_table(read_mirror(read), read->entity);
    size_t count = 0;
    for (size_t i = 0; i < table->count; i++) {
        const void *row = table->rows[read->reverse ? table->count - 1 - i : i];
        if (is_listed(read, row))
            rows[count++] = row;
    }
    return count;
}

static void key_text(const json_t *key, char out[READ_VALUE_SIZE])
{
    if (json_is_string(key))
        snprintf(out, READ_VALUE_SIZE, "%s", json_string_value(key));
    else
        snprintf(out, READ_VALUE_SIZE, "%" PRIu64, (uint64_t)json_integer_value(key));
}

/* `next` tells where the rest begins; null: there is no more. */
static void check_next(struct read *read, const json_t *next, size_t shown, const void *const *rows, size_t count,
                       const char *body)
{
    char key[READ_VALUE_SIZE];
    if (json_is_null(next)) {
        if (shown < count)
            read_wrong(read, "a list that lacks rows", body);
        return;
    }
    key_text(next, key);
    if (shown != (read->limit != 0 ? read->limit : READ_LIMIT))
        read_wrong(read, "a page that is not full", body);
    if (comes_after(read, rows[shown - 1], key) || (shown < count && !comes_after(read, rows[shown], key)))
        read_wrong(read, "a page whose `next` is wrong", body);
    if (!read->goes_on || read->pages == PAGES_MAX)
        return;
    struct read following = *read;
    snprintf(following.after, sizeof following.after, "%s", key);
    following.pages++;
    following.min_seq = 0;
    read_ask(&following);
}

void read_check_list(struct read *read, unsigned status, const json_t *answer, const char *body)
{
    const struct mirror_table *table = mirror_table(read_mirror(read), read->entity);
    const json_t *data = json_object_get(answer, "data");
    const void **rows = aq_calloc(table->count + 1, sizeof *rows);
    count_since(read);
    size_t count = list_rows_of(read, rows), shown = json_array_size(data);
    if (status != 200)
        read_wrong(read, "the list", body);
    if (shown > count)
        read_wrong(read, "a list that has too many rows", body);
    for (size_t i = 0; i < shown; i++)
        read_check_row(read, read->entity, rows[i], json_array_get(data, i));
    check_next(read, json_object_get(answer, "next"), shown, rows, count, body);
    free(rows);
}
