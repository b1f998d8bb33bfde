#include "tests/sim/actors.h"

#include "schema/codec/command.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { USERS = 4, LABELS = 4, NODES = 5 };

static const char *drawn(struct actors *actors, const char *what, uint64_t below)
{
    return aq_arena_format(&actors->deeds->arena, "%s-%" PRIu64, what, sim_draw(actors->sim, below));
}

static struct deed *new_deed(struct actors *actors, const struct aq_command *command, const char *author)
{
    struct deed *deed = deeds_new(actors->deeds);
    deed->command = command;
    snprintf(deed->author, sizeof deed->author, "%s", author);
    return deed;
}

/* ---- through the module for commands ------------------------------------------------------------------ */

/* Adds one record, made from JSON, which is released. Bad input is refused there and never reaches the writer. */
static bool add_json(struct actors *actors, struct deed *deed, const char *key, json_t *json)
{
    struct aq_error error = {0};
    struct aq_arena *arena = &actors->deeds->arena;
    void *record = aq_arena_alloc(arena, deed->command->record->size);
    enum aq_role role = strncmp(deed->author, "user-", 5) == 0 ? AQ_ROLE_USER : AQ_ROLE_ADMIN;
    bool good = aq_command_check_caller(deed->command, deed->author, role, &error) == 0 &&
                aq_command_from_json(deed->command, key, json, NULL, record, arena, &error) == 0;
    json_decref(json);
    if (!good)
        return false;
    deed->records[deed->count++] = record;
    return true;
}

static struct deed *ask_json(struct actors *actors, const struct aq_command *command, const char *author,
                             const char *key, json_t *json)
{
    struct deed *deed = new_deed(actors, command, author);
    return add_json(actors, deed, key, json) ? deed : NULL;
}

static json_t *drawn_metadata(struct actors *actors)
{
    char text[16384];
    size_t length = sim_draw(actors->sim, sizeof text - 1);
    memset(text, 'x', length);
    return json_pack("{s:s#}", "text", text, (int)length);
}

static struct deed *create_applications(struct actors *actors)
{
    struct sim *sim = actors->sim;
    struct deed *deed = new_deed(actors, &aq_command_application_create, drawn(actors, "user", USERS));
    uint64_t count = sim_happens(sim, 20) ? sim_between(sim, 2, DEED_ITEMS_MAX) : 1;
    for (uint64_t i = 0; i < count; i++) {
        json_t *json = json_pack("{s:s}", "label", drawn(actors, "label", LABELS));
        if (sim_happens(sim, 20))
            json_object_set_new(json, "version", json_integer((json_int_t)sim_between(sim, 0, 3)));
        if (sim_happens(sim, 30))
            json_object_set_new(json, "lifetime", json_integer((json_int_t)sim_between(sim, 1, 60)));
        if (actors->fat)
            json_object_set_new(json, "metadata", drawn_metadata(actors));
        if (!add_json(actors, deed, NULL, json))
            return NULL;
    }
    return deed;
}

/* The number of a row that is there, or nearly. */
static uint64_t drawn_id(struct actors *actors, size_t last)
{
    return 1 + sim_draw(actors->sim, last + (sim_happens(actors->sim, 5) ? 2 : last == 0));
}

static struct deed *give_back(struct actors *actors)
{
    struct sim *sim = actors->sim;
    struct judge *judge = actors->judge;
    uint64_t id = drawn_id(actors, judge->n_applications);
    const char *owner = id <= judge->n_applications ? judge->applications[id - 1].user : "";
    const char *author = sim_happens(sim, 80) && owner[0] != '\0' ? owner : drawn(actors, "user", USERS);
    struct deed *deed = new_deed(actors, &aq_command_application_deallocate, author);
    uint64_t count = sim_happens(sim, 10) ? sim_between(sim, 2, 4) : 1;
    for (uint64_t i = 0; i < count; i++) {
        char key[24];
        snprintf(key, sizeof key, "%" PRIu64, id + i);
        if (!add_json(actors, deed, key, json_object()))
            return NULL;
    }
    return deed;
}

static struct deed *extend(struct actors *actors)
{
    struct judge *judge = actors->judge;
    uint64_t id = drawn_id(actors, judge->n_applications);
    char key[24];
    snprintf(key, sizeof key, "%" PRIu64, id);
    const char *author = id <= judge->n_applications ? judge->applications[id - 1].user : "user-0";
    return ask_json(actors, &aq_command_application_extend, author[0] != '\0' ? author : "admin", key,
                    json_pack("{s:I}", "by", (json_int_t)sim_between(actors->sim, 1, 30)));
}

static json_t *drawn_definition(struct actors *actors)
{
    struct sim *sim = actors->sim;
    char ram[32];
    snprintf(ram, sizeof ram, "%" PRIu64 "MiB", sim_happens(sim, 5) ? 5000 : sim_between(sim, 1, 300));
    return json_pack("{s:s, s:{s:I, s:s, s:I, s:b}}", "driver", "test", "resources", "cpu",
                     (json_int_t)sim_between(sim, 0, 2), "ram", ram, "slots", (json_int_t)sim_between(sim, 0, 1),
                     "restart_lost", (int)sim_happens(sim, 50));
}

static struct deed *create_label(struct actors *actors)
{
    json_t *definitions = json_array();
    for (uint64_t i = sim_between(actors->sim, 1, 2); i > 0; i--)
        json_array_append_new(definitions, drawn_definition(actors));
    return ask_json(actors, &aq_command_label_create, "admin", NULL,
                    json_pack("{s:s, s:o}", "name", drawn(actors, "label", LABELS), "definitions", definitions));
}

static struct deed *delete_label(struct actors *actors)
{
    char key[24];
    snprintf(key, sizeof key, "%" PRIu64, drawn_id(actors, actors->judge->n_labels));
    return ask_json(actors, &aq_command_label_delete, "admin", key, json_object());
}

static struct deed *set_maintenance(struct actors *actors)
{
    return ask_json(actors, &aq_command_node_maintenance, "admin", drawn(actors, "node", NODES),
                    json_pack("{s:b}", "maintenance", (int)sim_happens(actors->sim, 40)));
}

static struct deed *delete_node(struct actors *actors)
{
    return ask_json(actors, &aq_command_node_delete, "admin", drawn(actors, "node", NODES), json_object());
}

static struct deed *create_user(struct actors *actors)
{
    const char *name = judge_user(actors->judge, "admin") == NULL ? "admin" : drawn(actors, "user", USERS);
    struct deed *deed = ask_json(actors, &aq_command_user_create, "aquarium", NULL,
                                 json_pack("{s:s, s:s, s:I}", "name", name, "role", name[0] == 'a' ? "admin" : "user",
                                           "max_applications", (json_int_t)(sim_happens(actors->sim, 50) ? 20 : 0)));
    if (deed != NULL)
        ((struct aq_user_create *)deed->records[0])->hash = "x"; /* which the faces set */
    return deed;
}

static struct deed *update_user(struct actors *actors)
{
    return ask_json(actors, &aq_command_user_update, "admin", drawn(actors, "user", USERS),
                    json_pack("{s:s, s:I}", "role", "user", "max_applications", (json_int_t)sim_draw(actors->sim, 30)));
}

static struct deed *delete_user(struct actors *actors)
{
    return ask_json(actors, &aq_command_user_delete, "admin", drawn(actors, "user", USERS), json_object());
}

/* ---- commands of agents and of the controller --------------------------------------------------------- */

#define ASK(command_name, by, ...)                                                                                     \
    ask_record(actors, &aq_command_##command_name, (by), &(struct aq_##command_name){__VA_ARGS__})

static struct deed *ask_record(struct actors *actors, const struct aq_command *command, const char *author,
                               const void *record)
{
    struct deed *deed = new_deed(actors, command, author);
    void *copy = aq_arena_alloc(&actors->deeds->arena, command->record->size);
    memcpy(copy, record, command->record->size);
    deed->records[deed->count++] = copy;
    return deed;
}

static struct deed *join(struct actors *actors)
{
    struct sim *sim = actors->sim;
    const char *name = drawn(actors, "node", NODES);
    const struct judge_node *node = judge_node(actors->judge, name);
    uint64_t instance = node != NULL && sim_happens(sim, 85) ? node->instance : sim_between(sim, 1, 1000);
    struct aq_amounts capacity = {.cpu = sim_between(sim, 0, 6) * 1000, .ram = 1000, .disk = 1000, .slots = 5};
    if (node != NULL && sim_happens(sim, 60))
        capacity = node->capacity;
    static const char *drivers[] = {"test"}, *identifiers[] = {"os:linux"};
    return ASK(node_join, "aquarium", .name = name, .instance = instance, .address = "127.0.0.1", .agent_version = "",
               .drivers = {drivers, 1}, .identifiers = {identifiers, 1}, .capacity = capacity);
}

static struct deed *lose_node(struct actors *actors)
{
    return ASK(node_lose, "aquarium", .name = drawn(actors, "node", NODES));
}

/* A resource that is there; in a few cases any other. 0: there is none. */
static uint64_t drawn_resource(struct actors *actors)
{
    const struct judge *judge = actors->judge;
    if (judge->n_resources == 0)
        return 0;
    uint64_t id = drawn_id(actors, judge->n_resources);
    for (size_t i = 0; i < judge->n_resources && !sim_happens(actors->sim, 2); i++) {
        if (id <= judge->n_resources && judge->resources[id - 1].there)
            return id;
        id = id % judge->n_resources + 1;
    }
    return id;
}

static struct deed *report(struct actors *actors)
{
    struct sim *sim = actors->sim;
    uint64_t id = drawn_resource(actors), what = sim_draw(sim, 10);
    if (id == 0)
        return NULL;
    bool honest = id <= actors->judge->n_resources && !sim_happens(sim, 3);
    const char *node = honest ? actors->judge->resources[id - 1].node : drawn(actors, "node", NODES);
    if (node[0] == '\0')
        return NULL;
    node = aq_arena_format(&actors->deeds->arena, "%s", node);
    const char *author = aq_arena_format(&actors->deeds->arena, "node:%s", node);
    if (what < 5)
        return ASK(resource_start, author, .id = id, .node = node, .identifier = drawn(actors, "pid", 3), .ip_addr = "",
                   .hw_addr = "");
    if (what < 6)
        return ASK(resource_fail, author, .id = id, .node = node, .reason = "no luck");
    if (what < 9)
        return ASK(resource_end, author, .id = id, .node = node, .exit_status = sim_draw(sim, 2), .reason = "over");
    return ASK(resource_lose, author, .id = id, .node = node, .reason = "its directory is gone");
}

static struct deed *place_one(struct actors *actors)
{
    return ASK(application_place, "aquarium", .id = drawn_id(actors, actors->judge->n_applications));
}

static struct deed *expire_one(struct actors *actors)
{
    uint64_t id = drawn_resource(actors);
    return id == 0 ? NULL : ASK(resource_expire, "aquarium", .id = id);
}

static struct deed *remove_some(struct actors *actors)
{
    uint64_t first = drawn_id(actors, actors->judge->n_applications), last = first + sim_draw(actors->sim, 4);
    return ASK(application_remove, "aquarium", .id = first,
               .applications = aq_arena_format(&actors->deeds->arena, "%" PRIu64 "-%" PRIu64, first, last));
}

/* ---- what is next ------------------------------------------------------------------------------------- */

static const struct {
    unsigned weight;
    struct deed *(*ask)(struct actors *actors);
} kinds[] = {
    {30, create_applications},
    {12, give_back},
    {5, extend},
    {4, create_label},
    {1, delete_label},
    {4, set_maintenance},
    {1, delete_node},
    {4, create_user},
    {2, update_user},
    {1, delete_user},
    {7, join},
    {2, lose_node},
    {60, report},
    {10, place_one},
    {6, expire_one},
    {2, remove_some},
};

/* What a cluster needs before the rest makes sense. */
static struct deed *(*first_need(const struct judge *judge))(struct actors *)
{
    size_t users = 0, nodes = 0;
    for (size_t i = 0; i < JUDGE_USERS_MAX; i++)
        users += judge->users[i].there;
    for (size_t i = 0; i < JUDGE_NODES_MAX; i++)
        nodes += judge->nodes[i].there;
    return users < 3 ? create_user : nodes < 2 ? join : judge->n_labels < 2 ? create_label : NULL;
}

static struct deed *ask_any(struct actors *actors)
{
    uint64_t sum = 0, chosen;
    size_t i = 0;
    for (size_t k = 0; k < AQ_LENGTH(kinds); k++)
        sum += kinds[k].weight;
    for (chosen = sim_draw(actors->sim, sum); chosen >= kinds[i].weight; i++)
        chosen -= kinds[i].weight;
    return kinds[i].ask(actors);
}

static struct deed *ask_new(struct actors *actors)
{
    struct deed *(*need)(struct actors *) = first_need(actors->judge);
    struct deed *deed = need != NULL && sim_happens(actors->sim, 50) ? need(actors) : ask_any(actors);
    if (deed == NULL)
        return NULL;
    deed->dry_run = sim_happens(actors->sim, 4);
    if (sim_happens(actors->sim, 40)) {
        snprintf(deed->key, sizeof deed->key, "k%" PRIu64, deed->number);
        deed->fingerprint = chance_next(&actors->sim->chance) | 1;
    }
    return deed;
}

/* One of the last deeds again: mostly one with a key whose answer is not known. */
static struct deed *ask_again(struct actors *actors)
{
    enum { LAST = 60, TRIES = 20 };
    struct deeds *deeds = actors->deeds;
    for (int i = 0; i < TRIES && deeds->count > 0; i++) {
        uint64_t back = sim_draw(actors->sim, deeds->count < LAST ? deeds->count : LAST);
        const struct deed *before = deeds->all[deeds->count - 1 - back];
        bool lost = before->state == DEED_UNKNOWN && before->key[0] != '\0';
        if (before->count == 0 || (!lost && !sim_happens(actors->sim, 10)))
            continue;
        struct deed *deed = deeds_repeat(deeds, before);
        if (deed->key[0] != '\0' && sim_happens(actors->sim, 5))
            deed->fingerprint ^= 2; /* another request with the same key */
        return deed;
    }
    return NULL;
}

struct deed *actors_ask(struct actors *actors)
{
    return sim_happens(actors->sim, 12) ? ask_again(actors) : ask_new(actors);
}
