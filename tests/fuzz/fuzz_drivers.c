/* A label's options for each driver, and metadata as variables. Input: a line with the name of the driver, then JSON.
 *
 * Options that are read have values within their bounds, and no two variables have one name if the check passes. */
#include "schema/codec/check.h"
#include "schema/codec/json.h"
#include "schema/codec/variables.h"
#include "schema/drivers/options.h"
#include "tests/lib/fuzz.h"

#include <string.h>

static void read_options(const struct aq_driver *driver, const json_t *json)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_error error = {0};
    const void *options = NULL;
    int status = aq_options_read(driver, json, &options, &arena, &error);
    fuzz_check_error(status, &error);
    if (status == 0) { /* the plain form says the same */
        const void *again;
        json_t *plain = aq_options_plain(driver, json);
        fuzz_must(aq_options_read(driver, plain, &again, &arena, &error) == 0);
        fuzz_must(fuzz_equal(driver->options, options, again));
        json_decref(plain);
    }
    for (size_t i = 0; status == 0 && i < driver->options->count; i++) {
        const struct aq_field *field = &driver->options->fields[i];
        if (aq_field_is_number(field) && json_object_get(json, field->name) != NULL)
            fuzz_must(aq_field_check(field, options, field->name, &error) == 0);
    }
}

struct names {
    char last[256];
    unsigned count, same;
};

static void note(void *context, const char *name, const char *value)
{
    struct names *names = context;
    fuzz_must(strncmp(name, AQ_META_PREFIX, strlen(AQ_META_PREFIX)) == 0 && value != NULL);
    fuzz_must(strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen(name));
    names->same += strcmp(names->last, name) == 0;
    names->count++;
    strncpy(names->last, name, sizeof names->last - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct aq_error error = {0};
    struct names names = {0};
    char name[65];
    fuzz_take_line(&in, name, sizeof name);
    const struct aq_driver *driver = aq_driver_find(name);
    if (driver == NULL)
        return -1;
    char *text = fuzz_rest(&in, true);
    json_t *json = aq_json_parse(text, strlen(text), &error);
    if (json != NULL)
        read_options(driver, json);
    if (json_is_object(json)) {
        error = (struct aq_error){0};
        int status = aq_variables_check(text, "metadata", &error);
        fuzz_check_error(status, &error);
        aq_variables(json, AQ_META_PREFIX, "", note, &names);
        fuzz_must(status != 0 || names.same == 0);
    }
    json_decref(json);
    free(text);
    return 0;
}
