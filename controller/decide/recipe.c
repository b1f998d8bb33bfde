#include "controller/decide/recipe.h"

#include "controller/decide/secrets.h"
#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/codec/text.h"
#include "schema/drivers/allow.h"
#include "schema/drivers/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- upkeep --------------------------------------------------------------------------------------------- */

static void fill(uint64_t *value, uint64_t preset)
{
    *value = *value != 0 ? *value : preset;
}

/* Puts the presets in the place of zeros, so that what is left out equals what is given. */
static void fill_upkeep(struct aq_definition *definition)
{
    struct aq_check *health = &definition->health;
    if (definition->restart != AQ_RESTART_NEVER) {
        fill(&definition->restart_wait, AQ_RESTART_WAIT_S);
        fill(&definition->restart_wait_most,
             definition->restart_wait > AQ_RESTART_WAIT_MOST_S ? definition->restart_wait : AQ_RESTART_WAIT_MOST_S);
    }
    if (aq_check_ways(health) > 0) {
        fill(&health->interval, AQ_CHECK_INTERVAL_S);
        fill(&health->timeout, AQ_CHECK_TIMEOUT_S);
        fill(&health->retries, AQ_CHECK_RETRIES);
    }
}

static int check_restart(const struct aq_definition *definition, uint32_t number, struct aq_error *error)
{
    const struct {
        const char *name;
        uint64_t value;
    } needless[] = {{"restart_limit", definition->restart_limit},
                    {"restart_wait", definition->restart_wait},
                    {"restart_wait_most", definition->restart_wait_most}};
    for (size_t i = 0; definition->restart == AQ_RESTART_NEVER && i < AQ_LENGTH(needless); i++)
        if (needless[i].value != 0)
            return aq_fail(error, AQ_E_INVALID,
                           "definitions[%u].%s is %" PRIu64
                           ", but its restart is never: give restart as on-failure or always",
                           number, needless[i].name, needless[i].value);
    if (definition->restart_wait_most != 0 && definition->restart_wait_most < definition->restart_wait)
        return aq_fail(error, AQ_E_INVALID,
                       "definitions[%u].restart_wait_most is %" PRIu64 " s, less than restart_wait, which is %" PRIu64
                       " s",
                       number, definition->restart_wait_most, definition->restart_wait);
    return 0;
}

static int check_health(const struct aq_check *health, uint32_t number, struct aq_error *error)
{
    const unsigned ways = aq_check_ways(health);
    uint64_t port;
    const char *path;
    if (ways > 1)
        return aq_fail(error, AQ_E_INVALID, "definitions[%u].health has several of command, tcp and http: give one",
                       number);
    if (ways == 0 && (health->interval | health->timeout | health->retries | health->start_period) != 0)
        return aq_fail(error, AQ_E_INVALID, "definitions[%u].health has none of command, tcp and http: give one",
                       number);
    if (health->command.count > 0 && AQ_TEXT_ITEM(health->command, 0)[0] == '\0')
        return aq_fail(error, AQ_E_INVALID, "definitions[%u].health.command[0] is empty: it must be a program", number);
    if (ways > 0 && health->command.count == 0 && health->tcp == 0 && !aq_check_http(health->http, &port, &path))
        return aq_fail(
            error, AQ_E_INVALID,
            "definitions[%u].health.http is \"%.64s\", but must be a port from 1 to 65535 and a path without "
            "blanks, such as 8080/ready",
            number, health->http);
    return 0;
}

/* "test -e ready" as one text is the name of a program. */
static void warn_of_program(struct decide *decide, const struct aq_check *health, uint32_t number)
{
    const char *program = health->command.count > 0 ? AQ_TEXT_ITEM(health->command, 0) : "";
    if (strchr(program, ' ') != NULL)
        decide_warn(
            decide,
            "definitions[%u].health.command runs the program \"%.64s\": write arguments as further items, such as "
            "[test, -e, ready], or [sh, -c, ...]",
            number, program);
}

/* A driver that the controller does not know is asked by the node. */
static int check_lease(const struct aq_needs *needs, uint32_t number, const struct aq_driver *driver,
                       struct aq_error *error)
{
    if (needs->lease > 0 && driver != NULL && !driver->keeps_leases)
        return aq_fail(error, AQ_E_INVALID,
                       "definitions[%u].resources.lease is %" PRIu64 "s, but driver %s keeps no leases", number,
                       needs->lease, driver->name);
    if (needs->lease == 0 || needs->lease >= AQ_LEASE_MIN_S)
        return 0;
    return aq_fail(error, AQ_E_INVALID,
                   "definitions[%u].resources.lease is %" PRIu64 "s, but must be at least %ds, or 0 for none", number,
                   needs->lease, AQ_LEASE_MIN_S);
}

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

/* A cluster that has no node yet says nothing of drivers that its nodes may have. */
static void warn_of_driver(struct decide *decide, uint32_t number, const char *name, bool known)
{
    const struct aq_driver *driver, *near = NULL;
    if (known && place_index_columns(decide->index).count > 0)
        decide_warn(decide, "definitions[%u].driver is \"%s\", which no node has: it cannot run yet", number, name);
    if (known)
        return;
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

/* Can the driver check the health in this way? */
static int check_reach(const struct aq_definition *definition, uint32_t number, const struct aq_driver *driver,
                       const void *options, struct aq_error *error)
{
    if (aq_check_ways(&definition->health) == 0)
        return 0;
    if (definition->health.command.count > 0)
        return driver->takes_commands
                   ? 0
                   : aq_fail(error, AQ_E_INVALID,
                             "definitions[%u].health.command: workloads of driver %s take no commands: "
                             "give tcp or http",
                             number, driver->name);
    if (driver->reach != NULL && driver->reach(options) != AQ_REACH_NONE)
        return 0;
    return aq_fail(
        error, AQ_E_INVALID,
        "definitions[%u].health: its ports cannot be reached, as it has neither an address of its own nor the "
        "network of the host: give command",
        number);
}

/* A secret of this definition, or of all. */
static bool has_secrets(const struct aq_label_create *content, uint32_t number)
{
    char prefix[40];
    snprintf(prefix, sizeof prefix, "definitions[%" PRIu32 "].", number);
    bool has = content->secrets.count > 0;
    for (uint32_t i = 0; i < content->sealed.count && !has; i++)
        has = strncmp(AQ_ITEM(content->sealed, struct aq_boxed, i)->name, prefix, strlen(prefix)) == 0;
    return has;
}

/* What only a workload can have that is shut in. Its driver would refuse to start it on every node. */
static int check_isolated(const struct aq_label_create *content, uint32_t number, const struct aq_driver *driver,
                          const void *options, struct aq_error *error)
{
    struct aq_demand demand = {.user = "", .directory = "", .root = ""};
    if (driver->demand != NULL)
        driver->demand(options, &demand);
    if (!demand.unisolated)
        return 0;
    if (has_secrets(content, number))
        return aq_fail(error, AQ_E_INVALID,
                       "definitions[%" PRIu32 "].options.isolate is false, but the label has secrets, which only "
                       "workloads that are isolated can have",
                       number);
    if (AQ_ITEM(content->definitions, struct aq_definition, number)->resources.disks.count > 0)
        return aq_fail(error, AQ_E_INVALID,
                       "definitions[%" PRIu32 "].options.isolate is false, but it has disks, which only workloads that "
                       "are isolated can have",
                       number);
    return 0;
}

int recipe_check(struct decide *decide, const struct aq_label_create *content, struct aq_list *checked,
                 struct aq_error *error)
{
    const struct aq_list *definitions = &content->definitions;
    struct aq_definition *items = aq_arena_alloc(decide->arena, definitions->count * sizeof *items);
    for (uint32_t i = 0; i < definitions->count; i++) {
        items[i] = *AQ_ITEM(*definitions, struct aq_definition, i);
        const struct aq_driver *driver = aq_driver_find(items[i].driver);
        const void *options;
        if (check_restart(&items[i], i, error) != 0 || check_health(&items[i].health, i, error) != 0 ||
            check_lease(&items[i].resources, i, driver, error) != 0)
            return -1;
        fill_upkeep(&items[i]);
        warn_of_program(decide, &items[i].health, i);
        if (!some_node_has(decide, items[i].driver))
            warn_of_driver(decide, i, items[i].driver, driver != NULL);
        if (driver == NULL)
            continue;
        if (content->arguments && !driver->takes_arguments)
            return aq_fail(error, AQ_E_INVALID,
                           "arguments is true, but definitions[%u].driver is %s, which takes no command of an "
                           "application",
                           i, driver->name);
        if (read_options(decide, driver, items[i].options, &options, error) != 0 ||
            (driver->check != NULL && driver->check(options, error) != 0))
            return aq_error_context(error, "definitions[%u].options (driver %s)", i, driver->name);
        if (check_reach(&items[i], i, driver, options, error) != 0 ||
            check_isolated(content, i, driver, options, error) != 0)
            return -1;
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
    fill_upkeep(&first);
    fill_upkeep(&second);
    first.options = second.options = "";
    return records_equal(&aq_definition_record, &first, &second) && options_equal(decide, one, other);
}

bool recipe_equals(const struct decide *decide, const struct aq_label *label, const struct aq_label_create *content)
{
    if (label->definitions.count != content->definitions.count || label->arguments != content->arguments ||
        !texts_equal(label->metadata, content->metadata, "{}") ||
        !texts_equal(label->description, content->description, "") ||
        !aq_texts_equal(&label->locked, &content->locked) || !aq_texts_equal(&label->secrets, &content->secrets) ||
        !decide_same_secrets(&label->sealed, &content->sealed))
        return false;
    for (uint32_t i = 0; i < label->definitions.count; i++)
        if (!definitions_equal(decide, AQ_ITEM(label->definitions, struct aq_definition, i),
                               AQ_ITEM(content->definitions, struct aq_definition, i)))
            return false;
    return true;
}
