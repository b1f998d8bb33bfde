#include "drivers/program/call.h"

#include "schema/codec/json.h"

/* One word for a shell, whatever the text. */
static void write_quoted(const char *text, struct aq_buffer *out)
{
    aq_buffer_char(out, '\'');
    for (; *text != '\0'; text++)
        if (*text == '\'')
            aq_buffer_text(out, "'\\''");
        else if (*text == '\n')
            aq_buffer_text(out, "'\"$" CALL_BREAK_VARIABLE "\"'");
        else
            aq_buffer_char(out, *text);
    aq_buffer_char(out, '\'');
}

static void scalar_text(const json_t *value, struct aq_buffer *out)
{
    if (json_is_string(value))
        aq_buffer_text(out, json_string_value(value));
    else if (!json_is_null(value))
        aq_json_write(value, 0, false, out);
}

static bool is_list_of_scalars(const json_t *value)
{
    size_t i;
    json_t *item;
    json_array_foreach (value, i, item)
        if (json_is_object(item) || json_is_array(item))
            return false;
    return json_is_array(value);
}

static void write_assignment(const char *prefix, const char *name, const json_t *value, struct aq_buffer *out)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    size_t i;
    json_t *item;
    if (is_list_of_scalars(value)) {
        json_array_foreach (value, i, item) {
            AQ_CLEANUP_BUFFER struct aq_buffer word = {0};
            scalar_text(item, &word);
            if (i > 0)
                aq_buffer_char(&text, ' ');
            write_quoted(aq_buffer_string(&word), &text);
        }
    } else {
        scalar_text(value, &text);
    }
    aq_buffer_format(out, "%s%s=", prefix, name);
    write_quoted(aq_buffer_string(&text), out);
    aq_buffer_char(out, ' ');
}

static void write_assignments(const char *prefix, const json_t *object, struct aq_buffer *out)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)object, name, value)
        if (prefix[0] == '\0' && strcmp(name, "options") == 0)
            write_assignments("option_", value, out);
        else
            write_assignment(prefix, name, value, out);
}

void call_write(enum hello_form form, const json_t *call, struct aq_buffer *out)
{
    if (form == HELLO_SH)
        write_assignments("", call, out);
    else
        aq_json_write(call, 0, false, out);
    aq_buffer_char(out, '\n');
}
