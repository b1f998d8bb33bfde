#include "tools/aq/cell.h"

#include "schema/codec/json.h"
#include "schema/codec/text.h"
#include "schema/codec/word.h"
#include "schema/model/application.h"
#include "schema/model/node.h"
#include "schema/model/resource.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void cli_age(uint64_t ms, struct aq_buffer *out)
{
    uint64_t seconds = ms / 1000;
    if (seconds < 120)
        aq_buffer_format(out, "%" PRIu64 "s", seconds);
    else if (seconds < 120 * 60)
        aq_buffer_format(out, "%" PRIu64 "m", seconds / 60);
    else if (seconds < 48 * 3600)
        aq_buffer_format(out, "%" PRIu64 "h", seconds / 3600);
    else
        aq_buffer_format(out, "%" PRIu64 "d", seconds / 86400);
}

/* A time as its age, or as what is left until then. False: it is not a time. */
static bool time_cell(const struct aq_field *field, const char *text, uint64_t now_ms, struct aq_buffer *out)
{
    struct aq_error unused;
    uint64_t at_ms;
    if (aq_number_from_text(field, text, "time", &at_ms, &unused) != 0)
        return false;
    if (at_ms > now_ms + 1000)
        aq_buffer_text(out, "in ");
    cli_age(at_ms > now_ms ? at_ms - now_ms : now_ms - at_ms, out);
    return true;
}

static void json_cell(const json_t *value, struct aq_buffer *out)
{
    aq_json_write(value, 0, false, out);
}

/* Zero, empty, or "0MiB": not worth showing in a cell. */
static bool is_nothing(const json_t *value)
{
    const char *text = json_string_value(value);
    if (text != NULL)
        return text[0] == '\0' || strcmp(text, "0MiB") == 0;
    return json_is_null(value) || (json_is_number(value) && json_number_value(value) == 0) ||
           (json_is_array(value) && json_array_size(value) == 0);
}

static void record_cell(const struct aq_record *record, const json_t *object, uint64_t now_ms, struct aq_buffer *out)
{
    size_t start = out->length;
    for (size_t i = 0; i < record->count; i++) {
        const struct aq_field *field = &record->fields[i];
        const json_t *value = json_object_get(object, field->name);
        if (value == NULL || is_nothing(value))
            continue;
        aq_buffer_format(out, "%s%s=", out->length > start ? " " : "", field->name);
        cli_cell(field, value, now_ms, out);
    }
    if (out->length == start)
        aq_buffer_char(out, '-');
}

static bool texts_cell(const json_t *list, struct aq_buffer *out)
{
    size_t index;
    json_t *item;
    json_array_foreach ((json_t *)list, index, item)
        if (!json_is_string(item))
            return false;
    json_array_foreach ((json_t *)list, index, item)
        aq_buffer_format(out, "%s%s", index > 0 ? "," : "", json_string_value(item));
    return true;
}

/* A command, as a shell would read it. */
static void arguments_cell(const json_t *list, struct aq_buffer *out)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_list texts = {aq_arena_alloc(&arena, json_array_size(list) * sizeof(char *)), 0};
    size_t index;
    json_t *item;
    json_array_foreach ((json_t *)list, index, item)
        AQ_TEXT_ITEM(texts, texts.count++) = json_is_string(item) ? json_string_value(item) : "?";
    aq_arguments_to_text(&texts, out);
}

void cli_cell(const struct aq_field *field, const json_t *value, uint64_t now_ms, struct aq_buffer *out)
{
    const char *text = json_string_value(value);
    if (value == NULL || json_is_null(value) || (text != NULL && text[0] == '\0') ||
        (json_is_array(value) && json_array_size(value) == 0)) {
        aq_buffer_char(out, '-');
    } else if (text != NULL) {
        if (field == NULL || field->type != AQ_TYPE_TIME || !time_cell(field, text, now_ms, out))
            aq_buffer_text(out, text);
    } else if (field != NULL && field->type == AQ_TYPE_DURATION && json_is_integer(value) &&
               json_integer_value(value) >= 0) {
        aq_number_to_text(field, (uint64_t)json_integer_value(value), out);
    } else if (field != NULL && field->type == AQ_TYPE_RECORD && json_is_object(value)) {
        record_cell(field->record, value, now_ms, out);
    } else if (field != NULL && (field->rules & AQ_ARGUMENTS) && json_is_array(value)) {
        arguments_cell(value, out);
    } else if (!json_is_array(value) || !texts_cell(value, out)) {
        json_cell(value, out);
    }
}

enum cli_colour cli_cell_colour(const struct aq_field *field, const json_t *value)
{
    static const struct {
        const struct aq_words *words;
        int value;
        enum cli_colour colour;
    } rows[] = {
        {&aq_application_status_words, AQ_NEW, CLI_YELLOW},
        {&aq_application_status_words, AQ_ELECTED, CLI_YELLOW},
        {&aq_application_status_words, AQ_ALLOCATED, CLI_GREEN},
        {&aq_application_status_words, AQ_DEALLOCATE, CLI_YELLOW},
        {&aq_application_status_words, AQ_DEALLOCATED, CLI_FAINT},
        {&aq_application_status_words, AQ_RECALLED, CLI_FAINT},
        {&aq_application_status_words, AQ_ERRORED, CLI_RED},
        {&aq_resource_status_words, AQ_RESOURCE_RUNNING, CLI_GREEN},
        {&aq_resource_status_words, AQ_RESOURCE_ASSIGNED, CLI_YELLOW},
        {&aq_resource_status_words, AQ_RESOURCE_STOPPING, CLI_YELLOW},
        {&aq_health_words, AQ_HEALTH_NONE, CLI_FAINT},
        {&aq_health_words, AQ_HEALTHY, CLI_GREEN},
        {&aq_health_words, AQ_UNHEALTHY, CLI_RED},
        {&aq_node_status_words, AQ_NODE_ACTIVE, CLI_GREEN},
        {&aq_node_status_words, AQ_NODE_LOST, CLI_RED},
    };
    if (field == NULL || field->type != AQ_TYPE_ENUM || !json_is_string(value))
        return CLI_PLAIN;
    int word = aq_words_find(field->words, json_string_value(value));
    for (size_t i = 0; i < AQ_LENGTH(rows); i++)
        if (rows[i].words == field->words && rows[i].value == word)
            return rows[i].colour;
    return CLI_PLAIN;
}

void cli_row_key(const struct aq_record *record, const json_t *row, struct aq_buffer *out)
{
    for (size_t i = 0; i < record->count; i++) {
        const struct aq_field *field = &record->fields[i];
        const json_t *value = json_object_get(row, field->name);
        if (!(field->rules & AQ_KEY))
            continue;
        if (json_is_string(value))
            aq_buffer_text(out, json_string_value(value));
        else if (json_is_integer(value))
            aq_buffer_format(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return;
    }
}

bool cli_row_pair(const struct aq_entity *entity, const json_t *row, struct aq_buffer *out)
{
    const json_t *one = entity->pair[0] != NULL ? json_object_get(row, entity->pair[0]) : NULL;
    const json_t *other = entity->pair[1] != NULL ? json_object_get(row, entity->pair[1]) : NULL;
    if (!json_is_string(one) || !json_is_string(other))
        return false;
    aq_buffer_format(out, "%s:%s", json_string_value(one), json_string_value(other));
    return true;
}
