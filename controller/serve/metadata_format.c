#include "controller/serve/metadata_format.h"

#include "controller/serve/query.h"
#include "schema/codec/json.h"

#include <ctype.h>
#include <string.h>

const json_t *metadata_at(const json_t *json, const char *const *keys, unsigned count)
{
    struct aq_error ignored;
    for (unsigned i = 0; i < count && json != NULL; i++) {
        uint64_t index;
        if (json_is_array(json))
            json =
                query_number("index", keys[i], 0, SIZE_MAX, &index, &ignored) == 0 ? json_array_get(json, index) : NULL;
        else
            json = json_object_get(json, keys[i]);
    }
    return json;
}

int metadata_check_prefix(const char *prefix, struct aq_error *error)
{
    size_t length = strlen(prefix);
    bool good = length <= METADATA_PREFIX_MAX && !isdigit((unsigned char)prefix[0]);
    for (size_t i = 0; i < length; i++)
        good = good && (isalnum((unsigned char)prefix[i]) || prefix[i] == '_') && (unsigned char)prefix[i] < 0x80;
    if (!good)
        return aq_fail(error, AQ_E_INVALID,
                       "prefix is \"%.100s\", but must be at most %d letters, digits and _, and not begin with a digit",
                       prefix, METADATA_PREFIX_MAX);
    return 0;
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Appends "_KEY" to the name. */
static void join_name(struct aq_buffer *name, const char *key)
{
    if (name->length > 0 && name->data[name->length - 1] != '_')
        aq_buffer_char(name, '_');
    if (name->length == 0 && (isdigit((unsigned char)key[0]) || key[0] == '\0'))
        aq_buffer_char(name, '_');
    for (; *key != '\0'; key++)
        aq_buffer_char(name, is_plain(*key) ? (char)toupper((unsigned char)*key) : '_');
}

static void add_quoted(const char *text, struct aq_buffer *out)
{
    aq_buffer_char(out, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            aq_buffer_text(out, "'\\''");
        else
            aq_buffer_char(out, *text);
    }
    aq_buffer_char(out, '\'');
}

/* Recursion is bounded: stored documents have a maximum depth. */
static void add_lines(const json_t *json, struct aq_buffer *name, struct aq_buffer *out)
{
    if (json_is_object(json)) {
        const char *key;
        json_t *value;
        json_object_foreach ((json_t *)json, key, value) {
            size_t length = name->length;
            join_name(name, key);
            add_lines(value, name, out);
            name->length = length;
            name->data[length] = '\0';
        }
        return;
    }
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    aq_buffer_add(out, aq_buffer_string(name), name->length);
    aq_buffer_char(out, '=');
    if (json_is_string(json))
        add_quoted(json_string_value(json), out);
    else
        add_quoted(json_is_null(json) ? "" : aq_json_compact(json, &arena), out);
    aq_buffer_char(out, '\n');
}

void metadata_to_env(const json_t *json, const char *prefix, const char *name, struct aq_buffer *out)
{
    AQ_CLEANUP_BUFFER struct aq_buffer path = {0};
    if (prefix[0] != '\0')
        join_name(&path, prefix);
    if (!json_is_object(json))
        join_name(&path, name);
    add_lines(json, &path, out);
}
