#include "tools/aq/show.h"

#include "schema/base/clock.h"
#include "schema/codec/json.h"
#include "schema/codec/yaml.h"
#include "tools/aq/columns.h"
#include "tools/aq/table.h"

#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 256, SHOWN_DEPTH_MAX = 4 };

bool cli_wants_data(const struct cli_flags *flags)
{
    return flags->json || flags->yaml;
}

static void print_value(const json_t *value, const struct cli_flags *flags, unsigned indent, const char *before)
{
    struct aq_buffer out = {0};
    aq_buffer_text(&out, before);
    if (flags->yaml) {
        aq_yaml_print(value, &out);
    } else {
        aq_json_write(value, indent, false, &out);
        aq_buffer_char(&out, '\n');
    }
    cli_print(aq_buffer_string(&out), out.length);
    aq_buffer_free(&out);
}

void cli_show_data(const json_t *value, const struct cli_flags *flags)
{
    print_value(value, flags, 2, "");
}

void cli_show_item(const json_t *value, const struct cli_flags *flags)
{
    print_value(value, flags, 0, flags->yaml ? "---\n" : "");
}

/* ---- tables ------------------------------------------------------------------------------------------- */

/* `row` NULL: the headers. */
static void add_row(struct cli_table *table, const struct cli_columns *columns, const json_t *row, uint64_t now_ms)
{
    struct aq_buffer text = {0};
    for (unsigned i = 0; i < columns->count; i++) {
        const struct cli_column *column = &columns->items[i];
        aq_buffer_reset(&text);
        if (row == NULL)
            cli_column_header(column, &text);
        else
            cli_column_cell(column, row, now_ms, &text);
        cli_table_add(table, aq_buffer_string(&text), text.length,
                      row == NULL ? CLI_BOLD : cli_column_colour(column, row));
    }
    aq_buffer_free(&text);
}

static void show_keys(const struct aq_record *record, const json_t *rows)
{
    struct aq_buffer out = {0};
    size_t index;
    json_t *row;
    json_array_foreach ((json_t *)rows, index, row) {
        cli_row_key(record, row, &out);
        aq_buffer_char(&out, '\n');
    }
    cli_print(aq_buffer_string(&out), out.length);
    aq_buffer_free(&out);
}

void cli_show_rows(const struct aq_record *record, const json_t *rows, const struct cli_flags *flags, bool headers)
{
    if (cli_wants_data(flags)) {
        cli_show_data(rows, flags);
        return;
    }
    if (flags->quiet) {
        show_keys(record, rows);
        return;
    }
    struct cli_table table;
    struct cli_columns columns;
    struct aq_buffer out = {0};
    uint64_t now_ms = aq_clock_wall_ms();
    size_t index;
    json_t *row;
    cli_columns_of(record, flags->wide, &columns);
    cli_table_open(&table, columns.count);
    table.shapes = columns.shapes;
    add_row(&table, &columns, NULL, now_ms);
    json_array_foreach ((json_t *)rows, index, row)
        add_row(&table, &columns, row, now_ms);
    cli_table_print(&table, headers && !flags->no_headers ? 0 : 1, flags->wide ? 0 : cli_terminal_columns(), &out);
    cli_print_raw(&out);
    cli_table_close(&table);
    aq_buffer_free(&out);
}

/* ---- one thing ---------------------------------------------------------------------------------------- */

/* A line of the sheet; a text with several lines takes several. */
static void add_line(struct cli_table *table, const char *path, const struct aq_field *field, const json_t *value)
{
    struct aq_buffer text = {0};
    uint64_t now_ms = aq_clock_wall_ms();
    bool is_time = field != NULL && field->type == AQ_TYPE_TIME && json_is_string(value);
    if (is_time) /* when, and how long ago */
        aq_buffer_format(&text, "%s (", json_string_value(value));
    cli_cell(field, value, now_ms, &text);
    if (is_time)
        aq_buffer_char(&text, ')');
    const char *line = aq_buffer_string(&text);
    for (bool first = true;; first = false) {
        size_t length = strcspn(line, "\n");
        cli_table_add(table, first ? path : "", first ? strlen(path) : 0, CLI_FAINT);
        cli_table_add(table, line, length, cli_cell_colour(field, value));
        if (line[length] == '\0' || line[length + 1] == '\0')
            break;
        line += length + 1;
    }
    aq_buffer_free(&text);
}

static void add_lines(struct cli_table *table, const struct aq_record *record, const json_t *object, const char *prefix,
                      unsigned depth);

static void add_field(struct cli_table *table, const struct aq_field *field, const json_t *value, const char *path,
                      unsigned depth)
{
    char inner[PATH_SIZE];
    size_t index;
    json_t *item;
    if (field->type == AQ_TYPE_RECORD && json_is_object(value) && depth < SHOWN_DEPTH_MAX) {
        snprintf(inner, sizeof inner, "%s.", path);
        add_lines(table, field->record, value, inner, depth + 1);
    } else if (field->type == AQ_TYPE_LIST && json_array_size(value) > 0 && depth < SHOWN_DEPTH_MAX) {
        json_array_foreach ((json_t *)value, index, item) {
            snprintf(inner, sizeof inner, "%s[%zu].", path, index);
            add_lines(table, field->record, item, inner, depth + 1);
        }
    } else {
        add_line(table, path, field, value);
    }
}

/* What heartbeats bring beside the rows of the entity; NULL: the record is no such entity's. */
static const struct aq_record *live_of(const struct aq_record *record)
{
    const struct aq_entity *entity = aq_entity_find(record->name);
    return entity != NULL && entity->record == record ? entity->live : NULL;
}

static void add_lines(struct cli_table *table, const struct aq_record *record, const json_t *object, const char *prefix,
                      unsigned depth)
{
    const struct aq_record *live = live_of(record);
    char path[PATH_SIZE];
    const char *name;
    json_t *value;
    for (size_t i = 0; i < record->count; i++) {
        const struct aq_field *field = &record->fields[i];
        value = json_object_get(object, field->name);
        if (value == NULL)
            continue; /* secret, or the server is older */
        snprintf(path, sizeof path, "%s%s", prefix, field->name);
        add_field(table, field, value, path, depth);
    }
    json_object_foreach ((json_t *)object, name, value) {
        if (aq_record_field(record, name) != NULL)
            continue;
        snprintf(path, sizeof path, "%s%.100s", prefix, name);
        if (live != NULL && strcmp(name, "live") == 0 && json_is_object(value))
            add_lines(table, live, value, "live.", depth + 1);
        else
            add_line(table, path, NULL, value);
    }
}

void cli_show_one(const struct aq_record *record, const json_t *object, const struct cli_flags *flags)
{
    struct aq_buffer out = {0};
    if (cli_wants_data(flags)) {
        cli_show_data(object, flags);
    } else if (flags->quiet) {
        cli_row_key(record, object, &out);
        aq_buffer_char(&out, '\n');
        cli_print(aq_buffer_string(&out), out.length);
    } else {
        struct cli_table table;
        cli_table_open(&table, 2);
        add_lines(&table, record, object, "", 0);
        cli_table_print(&table, 0, 0, &out);
        cli_print_raw(&out);
        cli_table_close(&table);
    }
    aq_buffer_free(&out);
}
