#include "schema/codec/metadata.h"

#include "schema/codec/json.h"
#include "schema/codec/variables.h"
#include "schema/codec/yaml.h"
#include "schema/model/secret.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

AQ_DEFINE_WORDS(aq_metadata_format, AQ_METADATA_FORMATS)
AQ_DEFINE_SETTINGS(aq_metadata_query, "metadata", "parameters of the metadata service")

/* The number of a list's item; SIZE_MAX: it is none. */
static size_t index_of(const char *key)
{
    if (key[0] == '\0' || strspn(key, "0123456789") != strlen(key))
        return SIZE_MAX;
    errno = 0;
    const unsigned long long number = strtoull(key, NULL, 10);
    return errno == 0 && number < SIZE_MAX ? (size_t)number : SIZE_MAX;
}

const json_t *aq_metadata_at(const json_t *json, const char *const *keys, unsigned count)
{
    for (unsigned i = 0; i < count && json != NULL; i++)
        json = json_is_array(json) ? json_array_get(json, index_of(keys[i])) : json_object_get(json, keys[i]);
    return json;
}

int aq_metadata_check_prefix(const char *prefix, struct aq_error *error)
{
    size_t length = strlen(prefix);
    bool good = length <= AQ_METADATA_PREFIX_MAX && !isdigit((unsigned char)prefix[0]);
    for (size_t i = 0; i < length; i++)
        good = good && (isalnum((unsigned char)prefix[i]) || prefix[i] == '_') && (unsigned char)prefix[i] < 0x80;
    if (!good)
        return aq_fail(error, AQ_E_INVALID,
                       "prefix is \"%.100s\", but must be at most %d letters, digits and _, and not begin with a digit",
                       prefix, AQ_METADATA_PREFIX_MAX);
    return 0;
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

static void add_line(void *context, const char *name, const char *value)
{
    struct aq_buffer *out = context;
    aq_buffer_text(out, name);
    aq_buffer_char(out, '=');
    add_quoted(value, out);
    aq_buffer_char(out, '\n');
}

void aq_metadata_to_env(const json_t *json, const char *prefix, const char *name, struct aq_buffer *out)
{
    aq_variables(json, prefix, name, add_line, out);
}

int aq_metadata_wish_read(struct aq_metadata_wish *wish, const char *format, const char *prefix,
                          const char *const *keys, unsigned count, struct aq_error *error)
{
    int word = format != NULL ? aq_words_find(&aq_metadata_format_words, format) : AQ_METADATA_JSON;
    if (word < 0)
        return aq_fail(error, AQ_E_INVALID, "format is \"%.100s\", but must be json, yaml or env", format);
    *wish = (struct aq_metadata_wish){(enum aq_metadata_format)word, format == NULL && count > 0,
                                      prefix != NULL ? prefix : "", keys, count};
    if (prefix != NULL && wish->format != AQ_METADATA_ENV)
        return aq_fail(error, AQ_E_INVALID, "prefix is only for format=env");
    return aq_metadata_check_prefix(wish->prefix, error);
}

static const char *render_value(const json_t *value, const struct aq_metadata_wish *wish, struct aq_buffer *out)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    switch (wish->format) {
    case AQ_METADATA_YAML:
        aq_yaml_print(value, out);
        return "application/yaml";
    case AQ_METADATA_ENV:
        aq_metadata_to_env(value, wish->prefix, wish->count > 0 ? wish->keys[wish->count - 1] : "", out);
        return "text/plain; charset=utf-8";
    default:
        aq_buffer_text(out, aq_json_compact(value, &arena));
        aq_buffer_char(out, '\n');
        return "application/json";
    }
}

const char *aq_metadata_render(const char *document, const struct aq_metadata_wish *wish, struct aq_buffer *out,
                               struct aq_error *error)
{
    AQ_CLEANUP_JSON json_t *json = aq_json_parse(document, strlen(document), error);
    if (json == NULL)
        return NULL;
    const json_t *value = aq_metadata_at(json, wish->keys, wish->count);
    if (value == NULL) {
        aq_fail(error, AQ_E_NOT_FOUND, "the metadata has no key %.100s", wish->keys[wish->count - 1]);
        return NULL;
    }
    if (!wish->plain || !json_is_string(value))
        return render_value(value, wish, out);
    aq_buffer_text(out, json_string_value(value));
    aq_buffer_char(out, '\n');
    return "text/plain; charset=utf-8";
}

const char *aq_metadata_with_secrets(const char *document, const struct aq_list *secrets, struct aq_arena *arena)
{
    const size_t skip = strlen(AQ_SECRET_METADATA);
    struct aq_error ignored;
    AQ_CLEANUP_JSON json_t *json = secrets->count > 0 ? aq_json_parse(document, strlen(document), &ignored) : NULL;
    for (uint32_t i = 0; json != NULL && i < secrets->count; i++) {
        const struct aq_secret *secret = AQ_ITEM(*secrets, struct aq_secret, i);
        json_t *value = json_loads(secret->value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        if (strncmp(secret->name, AQ_SECRET_METADATA, skip) == 0 && value != NULL)
            json_object_set(json, secret->name + skip, value);
        json_decref(value);
    }
    return json != NULL ? aq_json_compact(json, arena) : document;
}
