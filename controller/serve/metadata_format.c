#include "controller/serve/metadata_format.h"

#include "controller/serve/parameters.h"
#include "schema/codec/variables.h"

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
    bool good = length <= PARAMETER_PREFIX_MAX && !isdigit((unsigned char)prefix[0]);
    for (size_t i = 0; i < length; i++)
        good = good && (isalnum((unsigned char)prefix[i]) || prefix[i] == '_') && (unsigned char)prefix[i] < 0x80;
    if (!good)
        return aq_fail(error, AQ_E_INVALID,
                       "prefix is \"%.100s\", but must be at most %d letters, digits and _, and not begin with a digit",
                       prefix, PARAMETER_PREFIX_MAX);
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

void metadata_to_env(const json_t *json, const char *prefix, const char *name, struct aq_buffer *out)
{
    aq_variables(json, prefix, name, add_line, out);
}
