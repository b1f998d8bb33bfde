#include "tests/sim/clients.h"

#include "schema/codec/json.h"
#include "schema/model/epoch.h"
#include "tests/sim/clients_kinds.h"
#include "tests/sim/liars.h"
#include "tests/sim/recipes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

struct asked *clients_new_asked(struct clients *clients, const struct aq_command *command, const char *author)
{
    struct asked *asked = requests_new(clients->requests);
    asked->command = command;
    set_author(clients, asked, author);
    return asked;
}

/* ---- through the module for commands ------------------------------------------------------------------ */

bool clients_add_json(struct clients *clients, struct asked *asked, const char *key, json_t *json)
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

struct asked *clients_ask_json(struct clients *clients, const struct aq_command *command, const char *author,
                               const char *key, json_t *json)
{
    struct asked *asked = clients_new_asked(clients, command, author);
    return clients_add_json(clients, asked, key, json) ? asked : NULL;
}

uint64_t clients_draw_id(struct clients *clients, size_t last)
{
    enum { LAST = 40 };
    if (last > LAST && sim_happens(clients->sim, 60))
        return last - sim_draw(clients->sim, LAST);
    return 1 + sim_draw(clients->sim, last + (sim_happens(clients->sim, 5) ? 2 : last == 0));
}

/* ---- what the controller asks for by itself, at any time ---------------------------------------------- */

struct asked *clients_ask_record(struct clients *clients, const struct aq_command *command, const char *author,
                                 const void *record)
{
    struct asked *asked = clients_new_asked(clients, command, author);
    void *copy = aq_arena_alloc(&clients->requests->arena, command->record->size);
    memcpy(copy, record, command->record->size);
    asked->records[asked->count++] = copy;
    return asked;
}

static struct asked *place_one(struct clients *clients)
{
    return CLIENTS_ASK(clients, application_place, "aquarium",
                       .id = clients_draw_id(clients, clients->judge->n_applications));
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
    uint64_t id = clients_draw_id(clients, judge->n_resources);
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
    uint64_t first = clients_draw_id(clients, clients->judge->n_applications), last = first + sim_draw(clients->sim, 4);
    return CLIENTS_ASK(clients, application_remove, "aquarium", .id = first,
                       .applications = aq_arena_format(&clients->requests->arena, "%" PRIu64 "-%" PRIu64, first, last));
}

static struct asked *begin_epoch(struct clients *clients)
{
    return clients_ask_json(clients, &aq_command_epoch_create, "admin", NULL, json_object());
}

/* ---- what is next ------------------------------------------------------------------------------------- */

static const struct {
    unsigned weight;
    struct asked *(*ask)(struct clients *clients);
} kinds[] = {
    {30, clients_create_applications},
    {14, clients_give_back},
    {5, clients_extend},
    {2, clients_create_label},
    {4, clients_apply_label},
    {1, clients_delete_label},
    {4, clients_set_maintenance},
    {1, clients_delete_node},
    {4, clients_create_user},
    {2, clients_update_user},
    {1, clients_delete_user},
    {1, place_one},
    {1, expire_one},
    {1, remove_some},
    {18, liars_ask},
    {1, clients_change_token},
    {2, clients_change_uid},
    {2, clients_create_token},
    {1, clients_delete_token},
    {6, enrolments_ask},
    {4, clients_create_project},
    {3, clients_update_project},
    {1, clients_delete_project},
    {2, clients_create_member},
    {1, clients_delete_member},
    {2, clients_make_role},
    {5, clients_create_membership},
    {2, clients_update_membership},
    {2, clients_delete_membership},
    {6, clients_member_creates},
    {5, clients_member_gives_back},
    {2, clients_member_makes_label},
    {1, clients_member_deletes_label},
    {3, clients_set_projects},
    {2, clients_drain_node},
    {2, clients_shut_node_down},
    {4, clients_set_quarantine},
    {1, begin_epoch},
    {8, clients_make_task},
    {2, clients_cancel_task},
};

/* What a cluster needs before the rest makes sense. */
static struct asked *(*first_need(const struct judge *judge))(struct clients *)
{
    size_t users = 0;
    for (size_t i = 0; i < JUDGE_USERS_MAX; i++)
        users += judge->users[i].there;
    return users < 3 ? clients_create_user : judge->n_labels < 3 ? clients_create_label : NULL;
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
