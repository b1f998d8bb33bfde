#include "tests/sim/recipes.h"

#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/drivers/options.h"
#include "tests/sim/sealed.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What workloads do: most run until they are stopped, some end by themselves, start late, fail, or hang when they are
 * to end. */
static json_t *drawn_options(struct sim *sim)
{
    static const char *const addresses[] = {"10.1.0.1", "10.1.0.2", "10.1.0.3"};
    static const int fail_rates[] = {0, 0, 0, 100, 500};
    json_t *options = json_object();
    if (sim_happens(sim, 60))
        json_object_set_new(options, "start_delay_ms", json_integer((json_int_t)sim_wait(sim, 300)));
    if (sim_happens(sim, 60))
        json_object_set_new(options, "stop_delay_ms", json_integer((json_int_t)sim_wait(sim, 500)));
    if (sim_happens(sim, 5))
        json_object_set_new(options, "stop_delay_ms", json_integer((json_int_t)sim_between(sim, 10000, 30000)));
    if (sim_happens(sim, 40))
        json_object_set_new(options, "run_ms", json_integer((json_int_t)sim_wait(sim, 5000)));
    if (sim_happens(sim, 30))
        json_object_set_new(options, "exit_status", json_integer((json_int_t)sim_draw(sim, 3)));
    if (sim_happens(sim, 10))
        json_object_set_new(options, "fail", json_string(sim_happens(sim, 30) ? "always" : "first"));
    if (sim_happens(sim, 40))
        json_object_set_new(options, "ip_addr", json_string(addresses[sim_draw(sim, AQ_LENGTH(addresses))]));
    if (sim_happens(sim, 60))
        json_object_set_new(options, "task_ms", json_integer((json_int_t)sim_wait(sim, 2000)));
    if (sim_happens(sim, 5))
        json_object_set_new(options, "task_ms", json_integer(3600000));
    if (sim_happens(sim, 10))
        json_object_set_new(options, "task_fail", json_string("told to fail"));
    json_object_set_new(options, "fail_rate", json_integer(fail_rates[sim_draw(sim, AQ_LENGTH(fail_rates))]));
    json_object_set_new(options, "seed", json_integer((json_int_t)sim_draw(sim, 1000)));
    return options;
}

static json_t *drawn_needs(struct sim *sim)
{
    static const char *const filters[] = {"rack:0", "rack:1", "rack:*", "name:node-?", "os:linux", "rack:2"};
    char ram[32];
    snprintf(ram, sizeof ram, "%" PRIu64 "MiB", sim_happens(sim, 5) ? 5000 : sim_between(sim, 1, 300));
    json_t *needs = json_pack("{s:I, s:s, s:I, s:b}", "cpu", (json_int_t)sim_between(sim, 0, 2), "ram", ram, "slots",
                              (json_int_t)sim_between(sim, 0, 1), "restart_lost", (int)sim_happens(sim, 50));
    if (sim_happens(sim, 50))
        json_object_set_new(needs, "drain", json_string("give_back"));
    if (sim_happens(sim, 20))
        json_object_set_new(needs, "lifetime", json_integer((json_int_t)sim_between(sim, 1, 40)));
    if (sim_happens(sim, 25))
        json_object_set_new(needs, "lease", json_integer((json_int_t)sim_between(sim, AQ_LEASE_MIN_S, 25)));
    if (sim_happens(sim, 25)) {
        json_t *filter = json_array();
        for (uint64_t i = sim_between(sim, 1, 2); i > 0; i--)
            json_array_append_new(filter, json_string(filters[sim_draw(sim, AQ_LENGTH(filters))]));
        json_object_set_new(needs, "node_filter", filter);
    }
    return needs;
}

/* Healthy all the time, never, or for some seconds. */
static json_t *drawn_health(struct sim *sim)
{
    char late_ms[24];
    snprintf(late_ms, sizeof late_ms, "%" PRIu64, sim_draw(sim, 3) * sim_between(sim, 1000, 8000));
    return json_pack("{s:[s, s, s], s:i, s:i, s:I, s:I}", "command", "late", sim_happens(sim, 80) ? "1" : "0", late_ms,
                     "interval", 1, "timeout", 1, "retries", (json_int_t)sim_between(sim, 1, 3), "start_period",
                     (json_int_t)sim_draw(sim, 3));
}

static json_t *drawn_definition(struct sim *sim)
{
    json_t *definition =
        json_pack("{s:s, s:o, s:o}", "driver", "test", "options", drawn_options(sim), "resources", drawn_needs(sim));
    if (sim_happens(sim, 25)) {
        json_object_set_new(definition, "restart", json_string(sim_happens(sim, 50) ? "always" : "on-failure"));
        json_object_set_new(definition, "restart_limit", json_integer((json_int_t)sim_between(sim, 1, 3)));
        json_object_set_new(definition, "restart_wait", json_integer(1));
        json_object_set_new(definition, "restart_wait_most", json_integer((json_int_t)sim_between(sim, 1, 3)));
    }
    if (sim_happens(sim, 15))
        json_object_set_new(definition, "health", drawn_health(sim));
    return definition;
}

json_t *recipe_draw(struct sim *sim)
{
    json_t *definitions = json_array();
    for (uint64_t i = sim_between(sim, 1, 2); i > 0; i--)
        json_array_append_new(definitions, drawn_definition(sim));
    return json_pack("{s:o, s:b}", "definitions", definitions, "arguments", (int)sim_happens(sim, 30));
}

void recipe_vary(json_t *recipe)
{
    json_t *first = json_array_get(json_object_get(recipe, "definitions"), 0),
           *options = json_object_get(first, "options");
    json_int_t seed = json_integer_value(json_object_get(options, "seed"));
    json_object_set_new(options, "seed", json_integer(seed + 1));
}

/* ---- secrets ------------------------------------------------------------------------------------------ */

bool recipe_has_secrets(const char *label)
{
    return strcmp(label, "label-0") == 0 || strcmp(label, "label-1") == 0;
}

void recipe_add_secrets(struct sim *sim, const char *label, json_t *recipe)
{
    char password[40];
    size_t i;
    json_t *definition;
    if (!recipe_has_secrets(label))
        return;
    json_object_set_new(recipe, "secrets", json_pack("[s]", "token"));
    json_array_foreach (json_object_get(recipe, "definitions"), i, definition) {
        snprintf(password, sizeof password, SEALED_MARK " %" PRIu64, sim_draw(sim, 3));
        if (sim_happens(sim, 70))
            json_object_set_new(definition, "authentication",
                                json_pack("{s:s, s:s}", "username", "somebody", "password", password));
    }
}

/* ---- comparing ---------------------------------------------------------------------------------------- */

static void add_definition(const struct aq_definition *definition, struct aq_buffer *out)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_error ignored;
    struct aq_definition plain = *definition;
    AQ_CLEANUP_JSON json_t *options = aq_json_parse(definition->options, strlen(definition->options), &ignored);
    AQ_CLEANUP_JSON json_t *shown = options != NULL ? aq_options_plain(aq_driver_find("test"), options) : NULL;
    plain.authentication.password = ""; /* which is hashed apart */
    plain.options = shown != NULL ? aq_json_compact(shown, &arena) : "";
    aq_record_pack(&aq_definition_record, &plain, out);
}

static uint64_t add_bytes(uint64_t hash, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) /* FNV-1a */
        hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001b3u;
    return hash;
}

uint64_t recipe_hash(const struct aq_list *definitions, bool arguments)
{
    AQ_CLEANUP_BUFFER struct aq_buffer bytes = {0};
    uint64_t hash = 0xcbf29ce484222325u + arguments;
    for (uint32_t i = 0; i < definitions->count; i++)
        add_definition(AQ_ITEM(*definitions, struct aq_definition, i), &bytes);
    return add_bytes(hash, bytes.data, bytes.length);
}

uint64_t recipe_hash_add(uint64_t hash, const char *secret)
{
    return add_bytes(hash, secret, strlen(secret) + 1);
}

uint64_t recipe_hash_given(const struct aq_list *definitions, bool arguments)
{
    uint64_t hash = recipe_hash(definitions, arguments);
    for (uint32_t i = 0; i < definitions->count; i++) {
        const char *password = AQ_ITEM(*definitions, struct aq_definition, i)->authentication.password;
        hash = password[0] != '\0' ? recipe_hash_add(hash, password) : hash;
    }
    return hash;
}
