#include "drivers/keeper/variables.h"

#include "schema/codec/json.h"
#include "schema/codec/variables.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool has_path(const struct aq_list *variables)
{
    for (uint32_t i = 0; i < variables->count; i++)
        if (strncmp(AQ_TEXT_ITEM(*variables, i), "PATH=", strlen("PATH=")) == 0)
            return true;
    return false;
}

struct variables {
    struct aq_buffer *texts;
    uint32_t count;
};

static void variable_add(void *context, const char *name, const char *value)
{
    struct variables *variables = context;
    aq_buffer_format(variables->texts, "%s=%s", name, value);
    aq_buffer_char(variables->texts, '\0');
    variables->count++;
}

static void file_add(void *context, const char *name, const char *value)
{
    AQ_CLEANUP_BUFFER struct aq_buffer whole = {0};
    aq_buffer_format(&whole, "%s_FILE", name);
    variable_add(context, aq_buffer_string(&whole), value);
}

/* A secret is no variable: AQ_META_<KEY>_FILE names the file that has it. */
static void secrets_add(struct variables *variables, const struct aq_list *secrets, json_t *json)
{
    const size_t skip = strlen(AQ_SECRET_METADATA);
    for (uint32_t i = 0; i < secrets->count; i++) {
        const char *name = AQ_ITEM(*secrets, struct aq_secret, i)->name, *key = name + skip;
        if (strncmp(name, AQ_SECRET_METADATA, skip) != 0)
            continue;
        AQ_CLEANUP_JSON json_t *path = json_sprintf(DRIVER_SECRETS "/%s", key);
        json_object_del(json, key);
        aq_variables(path, AQ_META_PREFIX, key, file_add, variables);
    }
}

/* The metadata as JSON, and each of its values as AQ_META_<KEY>. */
static void metadata_add(struct variables *variables, const char *metadata, const struct driver_spec *spec)
{
    struct aq_error ignored;
    variable_add(variables, "AQUARIUM_METADATA", metadata);
    AQ_CLEANUP_JSON json_t *json = aq_json_parse(metadata, strlen(metadata), &ignored);
    if (!json_is_object(json))
        return;
    secrets_add(variables, &spec->secret_values, json);
    aq_variables(json, AQ_META_PREFIX, "", variable_add, variables);
}

uint32_t kept_variables(struct aq_buffer *texts, const struct driver_spec *spec, const struct aq_list *given,
                        const char *path)
{
    struct variables variables = {.texts = texts};
    char resource[32];
    snprintf(resource, sizeof resource, "%" PRIu64, spec->resource);
    if (path != NULL && !has_path(given))
        variable_add(&variables, "PATH", path);
    variable_add(&variables, "AQUARIUM_RESOURCE", resource);
    if (spec->secrets != NULL)
        variable_add(&variables, "AQUARIUM_SECRETS", DRIVER_SECRETS);
    metadata_add(&variables, spec->metadata_json != NULL ? spec->metadata_json : "{}", spec);
    for (uint32_t i = 0; i < given->count; i++)
        aq_buffer_add(texts, AQ_TEXT_ITEM(*given, i), strlen(AQ_TEXT_ITEM(*given, i)) + 1);
    return variables.count + given->count;
}
