#include "controller/decide/recipe.h"

#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/codec/text.h"
#include "schema/drivers/options.h"

#include <string.h>

/* ---- options -------------------------------------------------------------------------------------------- */

/* The struct of the driver, in the arena. */
static int read_options(const struct decide *decide, const struct aq_driver *driver, const char *document,
                        const void **options, struct aq_error *error)
{
    const char *text = document[0] != '\0' ? document : "{}";
    AQ_CLEANUP_JSON json_t *json = aq_json_parse(text, strlen(text), error);
    return json == NULL ? -1 : aq_options_read(driver, json, options, decide->arena, error);
}

static bool some_node_has(const struct decide *decide, const char *driver)
{
    const size_t count = place_index_columns(decide->index).count;
    for (size_t row = 0; row < count; row++)
        if (place_index_has_driver(decide->index, row, driver))
            return true;
    return false;
}

static void warn_unknown(struct decide *decide, uint32_t number, const char *name)
{
    const struct aq_driver *driver, *near = NULL;
    for (size_t i = 0; (driver = aq_driver_at(i)) != NULL; i++)
        if (aq_text_distance(name, driver->name) < 3)
            near = driver;
    decide_warn(decide,
                "definitions[%u].driver is \"%s\", which no node has: its options were not checked, and it cannot run "
                "yet%s%s%s",
                number, name, near != NULL ? "; did you mean " : "", near != NULL ? near->name : "",
                near != NULL ? "?" : "");
}

/* The options in the plain form. */
static const char *plain_options(const struct decide *decide, const struct aq_driver *driver, const char *document)
{
    struct aq_error ignored;
    AQ_CLEANUP_JSON json_t *json = aq_json_parse(document, strlen(document), &ignored);
    AQ_CLEANUP_JSON json_t *plain = json != NULL ? aq_options_plain(driver, json) : NULL;
    return plain != NULL ? aq_json_compact(plain, decide->arena) : document;
}

int recipe_check(struct decide *decide, const struct aq_list *definitions, struct aq_list *checked,
                 struct aq_error *error)
{
    struct aq_definition *items = aq_arena_alloc(decide->arena, definitions->count * sizeof *items);
    for (uint32_t i = 0; i < definitions->count; i++) {
        items[i] = *AQ_ITEM(*definitions, struct aq_definition, i);
        const struct aq_driver *driver = aq_driver_find(items[i].driver);
        const void *options;
        if (driver == NULL && !some_node_has(decide, items[i].driver))
            warn_unknown(decide, i, items[i].driver);
        if (driver == NULL)
            continue;
        if (read_options(decide, driver, items[i].options, &options, error) != 0)
            return aq_error_context(error, "definitions[%u].options (driver %s)", i, driver->name);
        items[i].options = plain_options(decide, driver, items[i].options);
    }
    *checked = (struct aq_list){items, definitions->count};
    return 0;
}

/* ---- comparing ------------------------------------------------------------------------------------------ */

static bool records_equal(const struct aq_record *record, const void *one, const void *other)
{
    AQ_CLEANUP_BUFFER struct aq_buffer first = {0}, second = {0};
    aq_record_pack(record, one, &first);
    aq_record_pack(record, other, &second);
    return first.length == second.length && memcmp(first.data, second.data, first.length) == 0;
}

static bool texts_equal(const char *one, const char *other, const char *empty)
{
    return strcmp(one[0] != '\0' ? one : empty, other[0] != '\0' ? other : empty) == 0;
}

static bool options_equal(const struct decide *decide, const struct aq_definition *one,
                          const struct aq_definition *other)
{
    const struct aq_driver *driver = aq_driver_find(one->driver);
    const void *first, *second;
    struct aq_error ignored;
    if (texts_equal(one->options, other->options, "{}"))
        return true;
    return driver != NULL && read_options(decide, driver, one->options, &first, &ignored) == 0 &&
           read_options(decide, driver, other->options, &second, &ignored) == 0 &&
           records_equal(driver->options, first, second);
}

static bool definitions_equal(const struct decide *decide, const struct aq_definition *one,
                              const struct aq_definition *other)
{
    struct aq_definition first = *one, second = *other;
    first.options = second.options = "";
    return records_equal(&aq_definition_record, &first, &second) && options_equal(decide, one, other);
}

bool recipe_equals(const struct decide *decide, const struct aq_label *label, const struct aq_label_create *content)
{
    if (label->definitions.count != content->definitions.count ||
        !texts_equal(label->metadata, content->metadata, "{}") ||
        !texts_equal(label->description, content->description, ""))
        return false;
    for (uint32_t i = 0; i < label->definitions.count; i++)
        if (!definitions_equal(decide, AQ_ITEM(label->definitions, struct aq_definition, i),
                               AQ_ITEM(content->definitions, struct aq_definition, i)))
            return false;
    return true;
}
