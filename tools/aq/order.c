#include "tools/aq/order.h"

#include "schema/codec/number.h"
#include "tools/aq/suggest.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct ordered {
    json_t *row;
    double number;
    const char *text; /* NULL: ordered by number */
    size_t place;
};

bool cli_order_is_possible(const struct aq_field *field)
{
    return !(field->rules & AQ_SECRET) && (aq_field_is_number(field) || aq_field_is_text(field)) &&
           field->type != AQ_TYPE_DOCUMENT;
}

/* Is the field called so, or is its column? */
static bool is_called(const struct aq_field *field, const char *name)
{
    const char *end = field->name + strlen(field->name) - 3;
    size_t length = strlen(name);
    bool is_time = field->type == AQ_TYPE_TIME && end > field->name && strcmp(end, "_at") == 0;
    return strcasecmp(field->name, name) == 0 ||
           (is_time && length == (size_t)(end - field->name) && strncasecmp(field->name, name, length) == 0);
}

int cli_order_field(const struct aq_entity *entity, const char *name, const struct aq_field **field,
                    struct aq_error *error)
{
    struct cli_suggest suggest = {.word = name};
    for (size_t i = 0; i < entity->record->count; i++) {
        *field = &entity->record->fields[i];
        if (cli_order_is_possible(*field) && is_called(*field, name))
            return 0;
        if (cli_order_is_possible(*field))
            cli_suggest_try(&suggest, (*field)->name);
    }
    *field = aq_record_field(entity->record, name);
    if (*field != NULL && !((*field)->rules & AQ_SECRET))
        return aq_fail(error, AQ_E_INVALID, "--sort is \"%s\", but the values of this field have no order", name);
    return aq_fail(error, AQ_E_INVALID, "--sort is \"%s\", but %s have no such field%s%s%s", name, entity->plural,
                   suggest.best ? "; did you mean " : "", suggest.best ? suggest.best : "", suggest.best ? "?" : "");
}

static struct ordered order_of(const struct aq_field *field, json_t *row, size_t place)
{
    const json_t *value = json_object_get(row, field->name);
    struct ordered ordered = {.row = row, .place = place};
    struct aq_error unused;
    uint64_t number;
    if (json_is_number(value))
        ordered.number = json_number_value(value);
    else if (json_is_boolean(value))
        ordered.number = json_is_true(value);
    else if (json_is_string(value) && !aq_field_is_text(field) &&
             aq_number_from_text(field, json_string_value(value), field->name, &number, &unused) == 0)
        ordered.number = (double)number;
    else if (json_is_string(value))
        ordered.text = json_string_value(value);
    else
        ordered.number = -1; /* nothing comes first */
    return ordered;
}

static int compare(const void *first, const void *second)
{
    const struct ordered *a = first, *b = second;
    int order = 0;
    if (a->text != NULL && b->text != NULL)
        order = strverscmp(a->text, b->text);
    else if (a->text != NULL || b->text != NULL)
        order = a->text != NULL ? 1 : -1;
    else if (a->number < b->number || a->number > b->number)
        order = a->number < b->number ? -1 : 1;
    return order != 0 ? order : a->place < b->place ? -1 : 1;
}

void cli_order_by(const struct aq_field *field, json_t *rows)
{
    size_t count = json_array_size(rows);
    struct ordered *all = aq_calloc(count + 1, sizeof *all);
    for (size_t i = 0; i < count; i++)
        all[i] = order_of(field, json_incref(json_array_get(rows, i)), i);
    qsort(all, count, sizeof *all, compare);
    json_array_clear(rows);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(rows, all[i].row);
    free(all);
}

void cli_order_reverse(json_t *rows)
{
    size_t count = json_array_size(rows);
    for (size_t i = 0; i < count / 2; i++) {
        json_t *first = json_incref(json_array_get(rows, i));
        json_array_set(rows, i, json_array_get(rows, count - 1 - i));
        json_array_set_new(rows, count - 1 - i, first);
    }
}

void cli_order_cut(json_t *rows, size_t most, bool last)
{
    size_t count = json_array_size(rows);
    json_t *kept = json_array();
    for (size_t i = 0; i < most && i < count; i++)
        json_array_append(kept, json_array_get(rows, last && count > most ? count - most + i : i));
    json_array_clear(rows);
    json_array_extend(rows, kept);
    json_decref(kept);
}
