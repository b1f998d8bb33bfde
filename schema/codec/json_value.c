#include "schema/codec/json_value.h"

#include "schema/codec/json_string.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing ------------------------------------------------------------------------------------------ */

/* The state of one aq_json_write(). */
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

/* 15 digits suffice for most doubles, 17 for all of them. */
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
        aq_buffer_text(out, ".0"); /* otherwise it would be read back as an integer */
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
    AQ_CLEANUP_MEMORY const char **keys = keys_of(object, writing->sorted);
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

/* ---- reading ------------------------------------------------------------------------------------------ */

static unsigned depth_of(const json_t *value, unsigned limit)
{
    unsigned deepest = 0;
    const char *key;
    size_t index;
    json_t *child;
    if (limit == 0)
        return 1;
    if (json_is_object(value)) {
        json_object_foreach ((json_t *)value, key, child) {
            unsigned depth = depth_of(child, limit - 1);
            deepest = depth > deepest ? depth : deepest;
        }
    } else if (json_is_array(value)) {
        json_array_foreach (value, index, child) {
            unsigned depth = depth_of(child, limit - 1);
            deepest = depth > deepest ? depth : deepest;
        }
    } else {
        return 0;
    }
    return deepest + 1;
}

/* The library quotes what it has read last, which may be a secret. Signs such as } are none, nor is a key. */
static void drop_quote(json_error_t *at)
{
    static const char begin[] = " near '";
    char *near = strstr(at->text, begin);
    if (json_error_code(at) == json_error_duplicate_key)
        return;
    if (near != NULL && strchr("{}[],:", near[strlen(begin)]) == NULL)
        *near = '\0';
}

json_t *aq_json_parse(const char *text, size_t length, struct aq_error *error)
{
    json_error_t at;
    json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &at);
    if (json == NULL) {
        drop_quote(&at);
        aq_fail(error, AQ_E_INVALID, "not valid JSON: line %d, column %d: %s", at.line, at.column, at.text);
        return NULL;
    }
    if (depth_of(json, AQ_JSON_DEPTH_MAX + 1) > AQ_JSON_DEPTH_MAX) {
        aq_fail(error, AQ_E_INVALID, "JSON is nested more than %d levels deep", AQ_JSON_DEPTH_MAX);
        json_decref(json);
        return NULL;
    }
    return json;
}

int aq_json_check_document(const char *text, const char *path, struct aq_error *error)
{
    if (strcmp(text, "{}") == 0)
        return 0;
    AQ_CLEANUP_JSON json_t *json = aq_json_parse(text, strlen(text), error);
    if (json == NULL)
        return aq_error_context(error, "%s", path);
    return json_is_object(json) ? 0 : aq_fail(error, AQ_E_INVALID, "%s must be a JSON object", path);
}

const char *aq_json_compact(const json_t *value, struct aq_arena *arena)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    aq_json_write(value, 0, true, &text);
    return aq_arena_text(arena, text.data, text.length);
}

bool aq_json_is_empty(const char *document)
{
    return document == NULL || document[0] == '\0' || strcmp(document, "{}") == 0;
}

const char *aq_json_merge(const char *first, const char *second, struct aq_arena *arena)
{
    struct aq_error error = {0};
    if (strcmp(second, "{}") == 0) /* both are compact already */
        return aq_arena_text(arena, first, strlen(first));
    if (strcmp(first, "{}") == 0)
        return aq_arena_text(arena, second, strlen(second));
    AQ_CLEANUP_JSON json_t *base = aq_json_parse(first, strlen(first), &error);
    AQ_CLEANUP_JSON json_t *over = aq_json_parse(second, strlen(second), &error);
    if (!json_is_object(base) || !json_is_object(over))
        return "{}";
    int failed = json_object_update_recursive(base, over);
    aq_assert(failed == 0);
    return aq_json_compact(base, arena);
}
