#include "tests/sim/clients.h"

#include "schema/codec/command.h"
#include "schema/codec/json.h"
#include "schema/model/epoch.h"
#include "schema/model/membership.h"
#include "schema/model/role.h"
#include "schema/model/task.h"
#include "tests/sim/liars.h"
#include "tests/sim/nodes.h"
#include "tests/sim/recipes.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { USERS = 4, MEMBERS = 2, LABELS = 4, PROJECTS = 3 };

const char *clients_draw_name(struct clients *clients, const char *what, uint64_t below)
{
    return aq_arena_format(&clients->requests->arena, "%s-%" PRIu64, what, sim_draw(clients->sim, below));
}

static void set_author(struct clients *clients, struct asked *asked, const char *author)
{
    const struct judge_user *user = judge_user(clients->judge, author);
    snprintf(asked->author, sizeof asked->author, "%s", author);
    if (strcmp(author, "aquarium") != 0 &&
        strncmp(author, "node:", 5) != 0) /* a number that no user has: who is not there has logged in before */
        asked->author_number = user != NULL ? user->number : UINT64_MAX;
}

static struct asked *new_asked(struct clients *clients, const struct aq_command *command, const char *author)
{
    struct asked *asked = requests_new(clients->requests);
    asked->command = command;
    set_author(clients, asked, author);
    return asked;
}

/* ---- through the module for commands ------------------------------------------------------------------ */

/* Adds one record, made from JSON, which is released. Bad input is refused there and never reaches the writer. */
static bool add_json(struct clients *clients, struct asked *asked, const char *key, json_t *json)
{
    struct aq_error error = {0};
    struct aq_arena *arena = &clients->requests->arena;
    void *record = aq_arena_alloc(arena, asked->command->record->size);
    const struct aq_caller caller = asked_caller(asked->author, asked->author_number);
    bool good = aq_command_check_caller(asked->command, &caller, &error) == 0 &&
                aq_command_from_json(asked->command, key, json, NULL, record, arena, &error) == 0;
    json_decref(json);
    if (!good)
        return false;
    asked->records[asked->count++] = record;
    return true;
}

static struct asked *ask_json(struct clients *clients, const struct aq_command *command, const char *author,
                              const char *key, json_t *json)
{
    struct asked *asked = new_asked(clients, command, author);
    return add_json(clients, asked, key, json) ? asked : NULL;
}

static json_t *drawn_metadata(struct clients *clients)
{
    char text[16384];
    size_t length = sim_draw(clients->sim, sizeof text - 1);
    memset(text, 'x', length);
    return json_pack("{s:s#}", "text", text, (int)length);
}

/* A secret of its own, where the label says so. */
static void add_secret(struct clients *clients, const struct asked *asked, json_t *json)
{
    char value[40];
    if (!recipe_has_secrets(json_string_value(json_object_get(json, "label"))) || !sim_happens(clients->sim, 60))
        return;
    if (json_object_get(json, "metadata") == NULL)
        json_object_set_new(json, "metadata", json_object());
    snprintf(value, sizeof value, SEALED_MARK " %" PRIu64, asked->number);
    json_object_set_new(json_object_get(json, "metadata"), "token", json_string(value));
}

/* Mostly where the label takes them. */
static void add_arguments(struct clients *clients, const struct asked *asked, uint64_t item, json_t *json)
{
    const char *name = json_string_value(json_object_get(json, "label"));
    const struct judge_label *label = judge_label(clients->judge, name, clients->judge->seq);
    char number[32];
    if (!sim_happens(clients->sim, label != NULL && label->arguments ? 60 : 3))
        return;
    snprintf(number, sizeof number, "%" PRIu64 ".%" PRIu64, asked->number, item);
    json_object_set_new(json, "arguments", json_pack("[s, s]", "do", number));
}

static struct asked *create_applications(struct clients *clients)
{
    struct sim *sim = clients->sim;
    struct asked *asked = new_asked(clients, &aq_command_application_create, clients_draw_name(clients, "user", USERS));
    uint64_t count = sim_happens(sim, 20) ? sim_between(sim, 2, ASKED_ITEMS_MAX) : 1;
    for (uint64_t i = 0; i < count; i++) {
        json_t *json = json_pack("{s:s}", "label", clients_draw_name(clients, "label", LABELS));
        if (sim_happens(sim, 50))
            json_object_set_new(json, "project", json_string(clients_draw_name(clients, "project", PROJECTS)));
        if (sim_happens(sim, 20))
            json_object_set_new(json, "version", json_integer((json_int_t)sim_between(sim, 0, 3)));
        if (sim_happens(sim, 30))
            json_object_set_new(json, "lifetime", json_integer((json_int_t)sim_between(sim, 1, 60)));
        if (sim_happens(sim, 50))
            json_object_set_new(json, "metadata", json_pack("{s:I}", "mark", (json_int_t)asked->number));
        if (clients->fat)
            json_object_set_new(json, "metadata", drawn_metadata(clients));
        add_secret(clients, asked, json);
        add_arguments(clients, asked, i, json);
        if (!add_json(clients, asked, NULL, json))
            return NULL;
    }
    return asked;
}

/* The number of a row that is there, or nearly: mostly one of the last. */
static uint64_t drawn_id(struct clients *clients, size_t last)
{
    enum { LAST = 40 };
    if (last > LAST && sim_happens(clients->sim, 60))
        return last - sim_draw(clients->sim, LAST);
    return 1 + sim_draw(clients->sim, last + (sim_happens(clients->sim, 5) ? 2 : last == 0));
}

static struct asked *give_back(struct clients *clients)
{
    struct sim *sim = clients->sim;
    struct judge *judge = clients->judge;
    uint64_t id = drawn_id(clients, judge->n_applications);
    const char *owner = id <= judge->n_applications ? judge->applications[id - 1].user : "";
    const char *author = sim_happens(sim, 80) && owner[0] != '\0' ? owner : clients_draw_name(clients, "user", USERS);
    struct asked *asked = new_asked(clients, &aq_command_application_deallocate, author);
    uint64_t count = sim_happens(sim, 10) ? sim_between(sim, 2, 4) : 1;
    for (uint64_t i = 0; i < count; i++) {
        char key[24];
        snprintf(key, sizeof key, "%" PRIu64, id + i);
        if (!add_json(clients, asked, key, json_object()))
            return NULL;
    }
    return asked;
}

static struct asked *extend(struct clients *clients)
{
    struct judge *judge = clients->judge;
    uint64_t id = drawn_id(clients, judge->n_applications);
    char key[24];
    snprintf(key, sizeof key, "%" PRIu64, id);
    const char *author = id <= judge->n_applications ? judge->applications[id - 1].user : "user-0";
    return ask_json(clients, &aq_command_application_extend, author[0] != '\0' ? author : "admin", key,
                    json_pack("{s:I}", sim_happens(clients->sim, 70) ? "by" : "lifetime",
                              (json_int_t)sim_between(clients->sim, 1, 30)));
}

/* Each has a timeout that is short, for some drivers never come to an end. */
static struct asked *make_task(struct clients *clients)
{
    struct sim *sim = clients->sim;
    const struct judge *judge = clients->judge;
    const uint64_t id = drawn_id(clients, judge->n_applications);
    const char *owner = id <= judge->n_applications ? judge->applications[id - 1].user : "";
    const char *author = sim_happens(sim, 90) && owner[0] != '\0' ? owner : clients_draw_name(clients, "user", USERS);
    json_t *json = json_pack(
        "{s:I, s:s, s:s, s:I}", "application", (json_int_t)id, "kind", sim_happens(sim, 50) ? "image" : "snapshot",
        "when", sim_happens(sim, 40) ? "DEALLOCATE" : "ALLOCATED", "timeout", (json_int_t)sim_between(sim, 1, 8));
    if (sim_happens(sim, 40))
        json_object_set_new(json, "name", json_string(clients_draw_name(clients, "made", 3)));
    return ask_json(clients, &aq_command_task_create, author, NULL, json);
}

static struct asked *cancel_task(struct clients *clients)
{
    const struct judge *judge = clients->judge;
    const uint64_t id = drawn_id(clients, judge->n_tasks);
    const uint64_t application = id <= judge->n_tasks ? judge->tasks[id - 1].application : 0;
    char key[24];
    snprintf(key, sizeof key, "%" PRIu64, id);
    const char *author = application != 0 ? judge->applications[application - 1].user : "admin";
    return ask_json(clients, &aq_command_task_cancel, author, key, json_object());
}

static struct asked *ask_for_label(struct clients *clients, const struct aq_command *command, json_t *content)
{
    const char *name = clients_draw_name(clients, "label", LABELS);
    json_object_set_new(content, "name", json_string(name));
    recipe_add_secrets(clients->sim, name, content);
    return ask_json(clients, command, "admin", NULL, content);
}

static struct asked *create_label(struct clients *clients)
{
    return ask_for_label(clients, &aq_command_label_create, recipe_draw(clients->sim));
}

/* Mostly one of a few recipes, so that it is often there already. */
static struct asked *apply_label(struct clients *clients)
{
    struct sim *sim = clients->sim;
    const char *text = clients->recipes[sim_draw(sim, CLIENTS_RECIPES)];
    json_t *known = json_loads(text, 0, NULL);
    if (!sim_happens(sim, 70)) {
        json_decref(known);
        known = recipe_draw(sim);
    }
    return ask_for_label(clients, &aq_command_label_apply, known);
}

static struct asked *delete_label(struct clients *clients)
{
    char key[24];
    snprintf(key, sizeof key, "%" PRIu64, drawn_id(clients, clients->judge->n_labels));
    return ask_json(clients, &aq_command_label_delete, "admin", key, json_object());
}

static const char *drawn_node(struct clients *clients)
{
    return sim_happens(clients->sim, 80) ? clients_draw_name(clients, "node", NODES)
                                         : clients_draw_name(clients, "liar", LIARS);
}

static struct asked *set_maintenance(struct clients *clients)
{
    return ask_json(clients, &aq_command_node_maintenance, "admin", drawn_node(clients),
                    json_pack("{s:b}", "maintenance", (int)sim_happens(clients->sim, 40)));
}

static struct asked *drain_node(struct clients *clients)
{
    struct sim *sim = clients->sim;
    json_t *body = sim_happens(sim, 30) ? json_pack("{s:b}", "cancel", 1)
                                        : json_pack("{s:I, s:b}", "timeout", (json_int_t)sim_draw(sim, 8), "force",
                                                    (int)sim_happens(sim, 40));
    return ask_json(clients, &aq_command_node_drain, "admin", drawn_node(clients), body);
}

static struct asked *set_quarantine(struct clients *clients)
{
    struct sim *sim = clients->sim;
    json_t *body =
        sim_happens(sim, 60) ? json_pack("{s:b}", "clear", 1) : json_pack("{s:I}", "ttl", (json_int_t)sim_draw(sim, 8));
    if (sim_happens(sim, 60))
        json_object_set_new(body, "label", json_string(clients_draw_name(clients, "label", 3)));
    return ask_json(clients, &aq_command_node_quarantine, "admin", drawn_node(clients), body);
}

static struct asked *shut_node_down(struct clients *clients)
{
    struct sim *sim = clients->sim;
    json_t *body = sim_happens(sim, 40) ? json_pack("{s:b}", "cancel", 1)
                                        : json_pack("{s:I}", "shutdown_after", (json_int_t)sim_between(sim, 1, 6));
    return ask_json(clients, &aq_command_node_maintenance, "admin", drawn_node(clients), body);
}

/* Mostly all projects, so that much can still be placed; a project may not be there. */
static struct asked *set_projects(struct clients *clients)
{
    json_t *projects = json_array();
    for (uint64_t left = sim_happens(clients->sim, 60) ? 0 : 1 + sim_draw(clients->sim, 2); left > 0; left--)
        json_array_append_new(projects, json_string(sim_happens(clients->sim, 40)
                                                        ? AQ_PROJECT_DEFAULT
                                                        : clients_draw_name(clients, "project", PROJECTS)));
    return ask_json(clients, &aq_command_node_projects, "admin", drawn_node(clients),
                    json_pack("{s:o}", "projects", projects));
}

static struct asked *delete_node(struct clients *clients)
{
    return ask_json(clients, &aq_command_node_delete, "admin", drawn_node(clients), json_object());
}

static struct asked *create_user(struct clients *clients)
{
    const char *name =
        judge_user(clients->judge, "admin") == NULL ? "admin" : clients_draw_name(clients, "user", USERS);
    struct asked *asked = ask_json(clients, &aq_command_user_create, "aquarium", NULL,
                                   json_pack("{s:s, s:s, s:I}", "name", name, "role", name[0] == 'a' ? "admin" : "user",
                                             "max_applications", (json_int_t)(sim_happens(clients->sim, 50) ? 20 : 0)));
    if (asked != NULL)
        ((struct aq_user_create *)asked->records[0])->hash = "x"; /* which the faces set */
    return asked;
}

static struct asked *update_user(struct clients *clients)
{
    return ask_json(
        clients, &aq_command_user_update, "admin", clients_draw_name(clients, "user", USERS),
        json_pack("{s:s, s:I}", "role", "user", "max_applications", (json_int_t)sim_draw(clients->sim, 30)));
}

static struct asked *change_token(struct clients *clients)
{
    const char *name = clients_draw_name(clients, "user", USERS);
    struct asked *asked =
        ask_json(clients, &aq_command_user_token, sim_happens(clients->sim, 50) ? "admin" : name, name, json_object());
    if (asked != NULL)
        ((struct aq_user_token *)asked->records[0])->hash = clients_draw_name(clients, "hash", 1000);
    return asked;
}

/* Mostly for a time, which some of them outlive. */
static struct asked *create_token(struct clients *clients)
{
    struct sim *sim = clients->sim;
    const char *user = clients_draw_name(clients, "user", USERS);
    json_t *json = json_pack("{s:s, s:s}", "name", clients_draw_name(clients, "token", 6), "user", user);
    if (sim_happens(sim, 80))
        json_object_set_new(json, "ttl", json_integer((json_int_t)sim_between(sim, 1, 40)));
    struct asked *asked =
        ask_json(clients, &aq_command_token_create, sim_happens(sim, 50) ? "admin" : user, NULL, json);
    if (asked != NULL) /* nobody has the same */
        ((struct aq_token_create *)asked->records[0])->hash =
            aq_arena_format(&clients->requests->arena, "token-%" PRIu64, asked->number);
    return asked;
}

/* Not the first one of a user, with which readers log in. */
static struct asked *delete_token(struct clients *clients)
{
    char key[24];
    const struct judge *judge = clients->judge;
    const uint64_t id = drawn_id(clients, judge->n_tokens);
    if (id > judge->n_tokens || judge->tokens[id - 1].user_number == 0)
        return NULL;
    snprintf(key, sizeof key, "%" PRIu64, id);
    return ask_json(clients, &aq_command_token_delete, "admin", key, json_object());
}

static struct asked *change_uid(struct clients *clients)
{
    return ask_json(clients, &aq_command_user_uid, "admin", clients_draw_name(clients, "user", USERS),
                    json_pack("{s:I}", "uid", (json_int_t)sim_draw(clients->sim, 5)));
}

static struct asked *delete_user(struct clients *clients)
{
    return ask_json(clients, &aq_command_user_delete, "admin", clients_draw_name(clients, "user", USERS),
                    json_object());
}

/* ---- projects ----------------------------------------------------------------------------------------------- */

/* Quotas of a few resources, so that they are reached; rarely 0, with which nothing runs. */
static json_t *drawn_limit(struct sim *sim, uint64_t most)
{
    if (sim_happens(sim, 40))
        return json_null();
    return json_integer((json_int_t)(sim_happens(sim, 5) ? 0 : 1 + sim_draw(sim, most)));
}

static json_t *drawn_quota(struct sim *sim)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "cpu", drawn_limit(sim, 8), "ram", drawn_limit(sim, 4),
                     "slots", drawn_limit(sim, 6), "applications", drawn_limit(sim, 12), "user_cpu",
                     drawn_limit(sim, 5), "user_ram", drawn_limit(sim, 3), "user_slots", drawn_limit(sim, 4),
                     "user_applications", drawn_limit(sim, 6));
}

static struct asked *create_project(struct clients *clients)
{
    json_t *json = drawn_quota(clients->sim);
    json_object_set_new(json, "name", json_string(clients_draw_name(clients, "project", PROJECTS)));
    return ask_json(clients, &aq_command_project_create, "admin", NULL, json);
}

static struct asked *update_project(struct clients *clients)
{
    const char *name =
        sim_happens(clients->sim, 10) ? AQ_PROJECT_DEFAULT : clients_draw_name(clients, "project", PROJECTS);
    return ask_json(clients, &aq_command_project_update, "admin", name, drawn_quota(clients->sim));
}

static struct asked *delete_project(struct clients *clients)
{
    return ask_json(clients, &aq_command_project_delete, "admin", clients_draw_name(clients, "project", PROJECTS),
                    json_object());
}

/* ---- members of projects ------------------------------------------------------------------------------------ */

static const char *drawn_member(struct clients *clients)
{
    return clients_draw_name(clients, "member", MEMBERS);
}

/* Mostly with nothing but roles in projects. */
static struct asked *create_member(struct clients *clients)
{
    struct sim *sim = clients->sim;
    json_t *json = json_pack("{s:s, s:s}", "name", drawn_member(clients), "role",
                             sim_happens(sim, 80) ? AQ_ROLE_MEMBER : AQ_ROLE_VIEWER);
    if (sim_happens(sim, 30))
        json_object_set_new(json, "project", json_string(clients_draw_name(clients, "project", PROJECTS)));
    struct asked *asked = ask_json(clients, &aq_command_user_create, "aquarium", NULL, json);
    if (asked != NULL)
        ((struct aq_user_create *)asked->records[0])->hash = "x";
    return asked;
}

static struct asked *delete_member(struct clients *clients)
{
    return ask_json(clients, &aq_command_user_delete, "admin", drawn_member(clients), json_object());
}

/* A role of one's own making: what it permits changes. */
static struct asked *make_role(struct clients *clients)
{
    static const char *const patterns[] = {"application.*:own", "application.read", "application.deallocate", "label.*",
                                           "membership.*",      "*.list",           "project.read",           "*.read"};
    struct sim *sim = clients->sim;
    json_t *may = json_array();
    for (uint64_t i = sim_between(sim, 1, 4); i > 0; i--)
        json_array_append_new(may, json_string(patterns[sim_draw(sim, AQ_LENGTH(patterns))]));
    const char *name = clients_draw_name(clients, "role", 2);
    if (sim_happens(sim, 50))
        return ask_json(clients, &aq_command_role_create, "admin", NULL,
                        json_pack("{s:s, s:o}", "name", name, "may", may));
    if (sim_happens(sim, 80))
        return ask_json(clients, &aq_command_role_update, "admin", name, json_pack("{s:o}", "may", may));
    json_decref(may);
    return ask_json(clients, &aq_command_role_delete, "admin", name, json_object());
}

static const char *drawn_role(struct clients *clients)
{
    static const char *const roles[] = {AQ_ROLE_USER, AQ_ROLE_VIEWER, AQ_ROLE_ADMIN, "role-0", "role-1"};
    return roles[sim_draw(clients->sim, AQ_LENGTH(roles))];
}

/* Of the admin, or of a member who may not be permitted to. */
static const char *drawn_giver(struct clients *clients)
{
    return sim_happens(clients->sim, 50) ? "admin" : drawn_member(clients);
}

static struct asked *create_membership(struct clients *clients)
{
    return ask_json(clients, &aq_command_membership_create, drawn_giver(clients), NULL,
                    json_pack("{s:s, s:s, s:s}", "project", clients_draw_name(clients, "project", PROJECTS), "user",
                              drawn_member(clients), "role", drawn_role(clients)));
}

/* The number of one that is there, or was. */
static void draw_membership(struct clients *clients, char key[24])
{
    const struct mirror_table *table = mirror_table(&clients->judge->mirror, &aq_entity_membership);
    uint64_t id = 1 + sim_draw(clients->sim, 20);
    if (table->count > 0 && sim_happens(clients->sim, 90))
        id = ((const struct aq_membership *)table->rows[sim_draw(clients->sim, table->count)])->id;
    snprintf(key, 24, "%" PRIu64, id);
}

static struct asked *update_membership(struct clients *clients)
{
    char key[24];
    draw_membership(clients, key);
    return ask_json(clients, &aq_command_membership_update, drawn_giver(clients), key,
                    json_pack("{s:s}", "role", drawn_role(clients)));
}

static struct asked *delete_membership(struct clients *clients)
{
    char key[24];
    draw_membership(clients, key);
    return ask_json(clients, &aq_command_membership_delete, drawn_giver(clients), key, json_object());
}

/* What members ask for, whether they may or not. */
static struct asked *member_creates(struct clients *clients)
{
    return ask_json(clients, &aq_command_application_create, drawn_member(clients), NULL,
                    json_pack("{s:s, s:s}", "label", clients_draw_name(clients, "label", LABELS), "project",
                              clients_draw_name(clients, "project", PROJECTS)));
}

static struct asked *member_gives_back(struct clients *clients)
{
    char key[24];
    snprintf(key, sizeof key, "%" PRIu64, drawn_id(clients, clients->judge->n_applications));
    return ask_json(clients, &aq_command_application_deallocate, drawn_member(clients), key, json_object());
}

static struct asked *member_makes_label(struct clients *clients)
{
    json_t *content = recipe_draw(clients->sim);
    const char *name = clients_draw_name(clients, "label", LABELS);
    json_object_set_new(content, "name", json_string(name));
    recipe_add_secrets(clients->sim, name, content);
    if (sim_happens(clients->sim, 70))
        json_object_set_new(content, "project", json_string(clients_draw_name(clients, "project", PROJECTS)));
    return ask_json(clients, &aq_command_label_apply, drawn_member(clients), NULL, content);
}

static struct asked *member_deletes_label(struct clients *clients)
{
    char key[24];
    snprintf(key, sizeof key, "%" PRIu64, drawn_id(clients, clients->judge->n_labels));
    return ask_json(clients, &aq_command_label_delete, drawn_member(clients), key, json_object());
}

/* ---- what the controller asks for by itself, at any time ---------------------------------------------- */

struct asked *clients_ask_record(struct clients *clients, const struct aq_command *command, const char *author,
                                 const void *record)
{
    struct asked *asked = new_asked(clients, command, author);
    void *copy = aq_arena_alloc(&clients->requests->arena, command->record->size);
    memcpy(copy, record, command->record->size);
    asked->records[asked->count++] = copy;
    return asked;
}

static struct asked *place_one(struct clients *clients)
{
    return CLIENTS_ASK(clients, application_place, "aquarium", .id = drawn_id(clients, clients->judge->n_applications));
}

static bool is_on(const struct judge_resource *row, const char *node)
{
    return row->there && strncmp(row->node, node, strlen(node)) == 0;
}

uint64_t clients_draw_resource(struct clients *clients, const char *node)
{
    const struct judge *judge = clients->judge;
    if (judge->n_resources == 0)
        return 0;
    uint64_t id = drawn_id(clients, judge->n_resources);
    for (size_t i = 0; i < judge->n_resources && !sim_happens(clients->sim, 1); i++) {
        if (id <= judge->n_resources && is_on(&judge->resources[id - 1], node))
            return id;
        id = id > 1 ? id - 1 : judge->n_resources;
    }
    return id;
}

static struct asked *expire_one(struct clients *clients)
{
    uint64_t id = clients_draw_resource(clients, "");
    return id == 0 ? NULL : CLIENTS_ASK(clients, resource_expire, "aquarium", .id = id);
}

static struct asked *remove_some(struct clients *clients)
{
    uint64_t first = drawn_id(clients, clients->judge->n_applications), last = first + sim_draw(clients->sim, 4);
    return CLIENTS_ASK(clients, application_remove, "aquarium", .id = first,
                       .applications = aq_arena_format(&clients->requests->arena, "%" PRIu64 "-%" PRIu64, first, last));
}

static struct asked *begin_epoch(struct clients *clients)
{
    return ask_json(clients, &aq_command_epoch_create, "admin", NULL, json_object());
}

/* ---- what is next ------------------------------------------------------------------------------------- */

static const struct {
    unsigned weight;
    struct asked *(*ask)(struct clients *clients);
} kinds[] = {
    {30, create_applications}, {14, give_back},         {5, extend},
    {2, create_label},         {4, apply_label},        {1, delete_label},
    {4, set_maintenance},      {1, delete_node},        {4, create_user},
    {2, update_user},          {1, delete_user},        {1, place_one},
    {1, expire_one},           {1, remove_some},        {18, liars_ask},
    {1, change_token},         {2, change_uid},         {2, create_token},
    {1, delete_token},         {6, enrolments_ask},     {4, create_project},
    {3, update_project},       {1, delete_project},     {2, create_member},
    {1, delete_member},        {2, make_role},          {5, create_membership},
    {2, update_membership},    {2, delete_membership},  {6, member_creates},
    {5, member_gives_back},    {2, member_makes_label}, {1, member_deletes_label},
    {3, set_projects},         {2, drain_node},         {2, shut_node_down},
    {4, set_quarantine},       {1, begin_epoch},        {8, make_task},
    {2, cancel_task},
};

/* What a cluster needs before the rest makes sense. */
static struct asked *(*first_need(const struct judge *judge))(struct clients *)
{
    size_t users = 0;
    for (size_t i = 0; i < JUDGE_USERS_MAX; i++)
        users += judge->users[i].there;
    return users < 3 ? create_user : judge->n_labels < 3 ? create_label : NULL;
}

static struct asked *ask_any(struct clients *clients)
{
    uint64_t sum = 0, chosen;
    size_t i = 0;
    for (size_t k = 0; k < AQ_LENGTH(kinds); k++)
        sum += kinds[k].weight;
    for (chosen = sim_draw(clients->sim, sum); chosen >= kinds[i].weight; i++)
        chosen -= kinds[i].weight;
    return kinds[i].ask(clients);
}

/* Mostly a new one. Users choose their keys by themselves, so two of them may choose the same. */
static void draw_key(struct clients *clients, struct asked *asked)
{
    struct sim *sim = clients->sim;
    const struct asked *other = clients->requests->all[sim_draw(sim, clients->requests->count)];
    snprintf(asked->key, sizeof asked->key, "k%" PRIu64, asked->number);
    asked->fingerprint = chance_next(&sim->chance) | 1;
    if (sim_happens(sim, 10) && other->key[0] != '\0' && strcmp(other->author, asked->author) != 0)
        memcpy(asked->key, other->key, sizeof asked->key);
}

static struct asked *ask_new(struct clients *clients)
{
    struct asked *(*need)(struct clients *) = first_need(clients->judge);
    struct asked *asked = need != NULL && sim_happens(clients->sim, 50) ? need(clients) : ask_any(clients);
    if (asked == NULL)
        return NULL;
    asked->dry_run = sim_happens(clients->sim, 4);
    if (sim_happens(clients->sim, 40))
        draw_key(clients, asked);
    return asked;
}

/* One of the last requests again: mostly one with a key whose answer is not known. */
static struct asked *ask_again(struct clients *clients)
{
    enum { LAST = 60, TRIES = 20 };
    struct requests *requests = clients->requests;
    for (int i = 0; i < TRIES && requests->count > 0; i++) {
        uint64_t back = sim_draw(clients->sim, requests->count < LAST ? requests->count : LAST);
        const struct asked *before = requests->all[requests->count - 1 - back];
        bool lost = before->state == ASKED_UNKNOWN && before->key[0] != '\0';
        if (before->inner || before->told != NULL || before->count == 0 || (!lost && !sim_happens(clients->sim, 10)))
            continue;
        struct asked *asked = requests_repeat(requests, before);
        if (asked->key[0] != '\0' && sim_happens(clients->sim, 5))
            asked->fingerprint ^= 2; /* another request with the same key */
        if (sim_happens(clients->sim, 5) && strncmp(asked->author, "user-", 5) == 0) /* the same, by another user */
            set_author(clients, asked, clients_draw_name(clients, "user", USERS));
        if (sim_happens(clients->sim, 5))
            asked->dry_run = !asked->dry_run; /* a dry run with a key that was used, or what was only tried */
        return asked;
    }
    return NULL;
}

struct asked *clients_ask(struct clients *clients)
{
    return sim_happens(clients->sim, 12) ? ask_again(clients) : ask_new(clients);
}

void clients_open(struct clients *clients)
{
    for (size_t i = 0; i < CLIENTS_RECIPES; i++) {
        AQ_CLEANUP_JSON json_t *recipe = recipe_draw(clients->sim);
        clients->recipes[i++] = aq_json_compact(recipe, &clients->requests->arena);
        recipe_vary(recipe);
        clients->recipes[i] = aq_json_compact(recipe, &clients->requests->arena);
    }
}
