#include "tools/aq/columns.h"

#include "tools/aq/cell.h"

#include <ctype.h>
#include <string.h>

enum { TEXT_LEAST = 20, NAME_LEAST = 32 };

/* What is left out first, when there is no room. Keys, statuses and names stay. */
static const char *const least_important[] = {
    "number",   "ip_addr",    "hw_addr", "created_by", "address",     "drivers",     "driver",    "disk",
    "version",  "identifier", "user",    "definition", "round",       "chosen",      "available", "created_at",
    "resource", "changed_at", "slots",   "ram",        "application", "maintenance",
};

/* Beside the columns that a record declares, where there is room. */
static const char extra[] = "description";

/* 0: it stays; the largest is left out first. */
static unsigned rank_of(const char *name)
{
    for (size_t i = 0; i < AQ_LENGTH(least_important); i++)
        if (strcmp(least_important[i], name) == 0)
            return (unsigned)(AQ_LENGTH(least_important) - i);
    return 0;
}

/* How far a cell may be cut rather than leaving out columns. An entity's own name stays whole, since people copy it. */
static unsigned least_of(const struct aq_field *field)
{
    bool is_text = field->type == AQ_TYPE_TEXT || field->type == AQ_TYPE_TEXTS || field->type == AQ_TYPE_RECORD;
    return is_text ? TEXT_LEAST : field->type == AQ_TYPE_NAME && strcmp(field->name, "name") != 0 ? NAME_LEAST : 0;
}

static void add(struct cli_columns *columns, const struct aq_field *field, const char *used, const char *capacity)
{
    if (columns->count == CLI_COLUMNS_MAX)
        return;
    columns->shapes[columns->count] =
        (struct cli_table_column){.rank = field->rules & AQ_KEY ? 0 : rank_of(field->name), .least = least_of(field)};
    columns->items[columns->count++] = (struct cli_column){field, used, capacity};
}

/* What is used of a capacity: one column for each amount, instead of two for both. */
static bool add_shares(struct cli_columns *columns, const struct aq_record *record, const struct aq_field *field)
{
    const struct aq_field *used = aq_record_field(record, "used"), *capacity = aq_record_field(record, "capacity");
    if (used == NULL || capacity == NULL || used->record == NULL || used->record != capacity->record ||
        (field != used && field != capacity))
        return false;
    for (size_t i = 0; field == capacity && i < used->record->count; i++)
        add(columns, &used->record->fields[i], used->name, capacity->name);
    return true;
}

void cli_columns_of(const struct aq_record *record, bool wide, struct cli_columns *columns)
{
    *columns = (struct cli_columns){0};
    for (size_t i = 0; i < record->count; i++) {
        const struct aq_field *field = &record->fields[i];
        bool fits = field->type != AQ_TYPE_LIST && field->type != AQ_TYPE_DOCUMENT && field->type != AQ_TYPE_BYTES;
        bool shown = (field->rules & AQ_COLUMN) || (wide && fits && !(field->rules & AQ_SECRET));
        if (shown && !add_shares(columns, record, field))
            add(columns, field, NULL, NULL);
    }
    const struct aq_field *field = aq_record_field(record, extra);
    if (field == NULL || wide || (field->rules & AQ_COLUMN) || columns->count == CLI_COLUMNS_MAX)
        return;
    add(columns, field, NULL, NULL);
    struct cli_table_column *shape = &columns->shapes[columns->count - 1];
    shape->rank = AQ_LENGTH(least_important) + 1;
    shape->extra = true;
}

void cli_column_header(const struct cli_column *column, struct aq_buffer *out)
{
    size_t length = strlen(column->field->name);
    if (column->field->type == AQ_TYPE_TIME && length > 3 && strcmp(column->field->name + length - 3, "_at") == 0)
        length -= 3;
    for (size_t i = 0; i < length; i++)
        aq_buffer_char(out, (char)toupper((unsigned char)column->field->name[i]));
}

static void add_amount(const struct cli_column *column, const json_t *amounts, uint64_t now_ms, struct aq_buffer *out)
{
    const json_t *value = json_object_get(amounts, column->field->name);
    const char *text = json_string_value(value);
    if (text != NULL && strcmp(text, "0MiB") == 0)
        aq_buffer_char(out, '0');
    else
        cli_cell(column->field, value, now_ms, out);
}

void cli_column_cell(const struct cli_column *column, const json_t *row, uint64_t now_ms, struct aq_buffer *out)
{
    if (column->used == NULL) {
        cli_cell(column->field, json_object_get(row, column->field->name), now_ms, out);
        return;
    }
    add_amount(column, json_object_get(row, column->used), now_ms, out);
    aq_buffer_char(out, '/');
    add_amount(column, json_object_get(row, column->capacity), now_ms, out);
}

enum cli_colour cli_column_colour(const struct cli_column *column, const json_t *row)
{
    return column->used != NULL ? CLI_PLAIN : cli_cell_colour(column->field, json_object_get(row, column->field->name));
}
