#include "schema/codec/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where we are in what is being written. */
struct writing {
    struct aq_buffer *out;
    unsigned indent, depth;
    bool sorted;
};

static void write_value(struct writing *writing, const json_t *value);

static void new_line(const struct writing *writing)
{
    if (writing->indent == 0)
        return;
    aq_buffer_char(writing->out, '\n');
    for (unsigned i = 0; i < writing->indent * writing->depth; i++)
        aq_buffer_char(writing->out, ' ');
}

/* 15 digits are enough for most, 17 for all (IEEE 754, double). */
static void write_real(double number, struct aq_buffer *out)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    aq_buffer_text(out, text);
    if (strpbrk(text, ".e") == NULL)
        aq_buffer_text(out, ".0"); /* or it would come back as an integer */
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char **keys_of(const json_t *object, bool sorted)
{
    const char **keys = aq_malloc(json_object_size(object) * sizeof *keys), *key;
    size_t count = 0;
    json_t *value;
    json_object_foreach ((json_t *)object, key, value)
        keys[count++] = key;
    if (sorted && count > 1)
        qsort(keys, count, sizeof *keys, by_name);
    return keys;
}

static void write_object(struct writing *writing, const json_t *object)
{
    size_t count = json_object_size(object);
    const char **keys = keys_of(object, writing->sorted);
    aq_buffer_char(writing->out, '{');
    writing->depth++;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            aq_buffer_char(writing->out, ',');
        new_line(writing);
        aq_json_string(keys[i], strlen(keys[i]), writing->out);
        aq_buffer_text(writing->out, writing->indent ? ": " : ":");
        write_value(writing, json_object_get(object, keys[i]));
    }
    writing->depth--;
    if (count > 0)
        new_line(writing);
    aq_buffer_char(writing->out, '}');
    free(keys);
}

static void write_array(struct writing *writing, const json_t *array)
{
    size_t count = json_array_size(array);
    aq_buffer_char(writing->out, '[');
    writing->depth++;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            aq_buffer_char(writing->out, ',');
        new_line(writing);
        write_value(writing, json_array_get(array, i));
    }
    writing->depth--;
    if (count > 0)
        new_line(writing);
    aq_buffer_char(writing->out, ']');
}

static void write_value(struct writing *writing, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        write_object(writing, value);
        break;
    case JSON_ARRAY:
        write_array(writing, value);
        break;
    case JSON_STRING:
        aq_json_string(json_string_value(value), json_string_length(value), writing->out);
        break;
    case JSON_INTEGER:
        aq_buffer_format(writing->out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        write_real(json_real_value(value), writing->out);
        break;
    case JSON_NULL:
        aq_buffer_text(writing->out, "null");
        break;
    default:
        aq_buffer_text(writing->out, json_is_true(value) ? "true" : "false");
    }
}

void aq_json_write(const json_t *value, unsigned indent, bool sorted, struct aq_buffer *out)
{
    struct writing writing = {.out = out, .indent = indent, .sorted = sorted};
    write_value(&writing, value);
}
