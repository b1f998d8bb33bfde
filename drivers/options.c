#include "drivers/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Long values do not help in a message. */
enum { SHOWN_SIZE = 64 };

static void options_show(const json_t *value, char shown[SHOWN_SIZE])
{
    if (json_dumpb(value, NULL, 0, JSON_ENCODE_ANY | JSON_COMPACT) < SHOWN_SIZE) {
        size_t length = json_dumpb(value, shown, SHOWN_SIZE - 1, JSON_ENCODE_ANY | JSON_COMPACT);
        shown[length] = '\0';
        return;
    }
    static const char *const kinds[] = {[JSON_OBJECT] = "an object",
                                        [JSON_ARRAY] = "a list",
                                        [JSON_STRING] = "a long text",
                                        [JSON_INTEGER] = "a number",
                                        [JSON_REAL] = "a number"};
    snprintf(shown, SHOWN_SIZE, "%s", kinds[json_typeof(value)]);
}

int options_check_names(const json_t *options, const char *driver, const char *const known[], struct aq_error *error)
{
    if (!json_is_object(options))
        return aq_fail(error, AQ_E_INVALID, "the options of driver %s must be an object", driver);
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)options, name, value) {
        size_t i = 0;
        while (known[i] != NULL && strcmp(known[i], name) != 0)
            i++;
        if (known[i] != NULL)
            continue;
        char list[256] = "";
        for (i = 0; known[i] != NULL; i++) {
            size_t used = strlen(list);
            snprintf(list + used, sizeof list - used, "%s%s", i > 0 ? ", " : "", known[i]);
        }
        return aq_fail(error, AQ_E_INVALID, "option \"%.64s\" is unknown to driver %s, which knows: %s", name, driver,
                       list);
    }
    return 0;
}

int options_check_number(const json_t *options, const char *name, int64_t least, int64_t most, struct aq_error *error)
{
    const json_t *value = json_object_get(options, name);
    if (value == NULL)
        return 0;
    if (json_is_integer(value) && json_integer_value(value) >= least && json_integer_value(value) <= most)
        return 0;
    char shown[SHOWN_SIZE];
    options_show(value, shown);
    return aq_fail(error, AQ_E_INVALID, "option \"%s\" is %s, but must be a whole number from %" PRId64 " to %" PRId64,
                   name, shown, least, most);
}

int options_check_text(const json_t *options, const char *name, struct aq_error *error)
{
    const json_t *value = json_object_get(options, name);
    if (value == NULL || options_is_text(value))
        return 0;
    char shown[SHOWN_SIZE];
    options_show(value, shown);
    return aq_fail(error, AQ_E_INVALID, "option \"%s\" is %s, but must be a text", name, shown);
}

bool options_is_text(const json_t *value)
{
    return json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value);
}

int64_t options_number(const json_t *options, const char *name, int64_t otherwise)
{
    const json_t *value = json_object_get(options, name);
    return value != NULL ? json_integer_value(value) : otherwise;
}

const char *options_text(const json_t *options, const char *name, const char *otherwise)
{
    const json_t *value = json_object_get(options, name);
    return value != NULL ? json_string_value(value) : otherwise;
}
