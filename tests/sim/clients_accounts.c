/* Admins who make users, tokens and projects, change and delete them. */
#include "tests/sim/clients_kinds.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- users and their tokens --------------------------------------------------------------------------------- */

struct asked *clients_create_user(struct clients *clients)
{
    const char *name =
        judge_user(clients->judge, "admin") == NULL ? "admin" : clients_draw_name(clients, "user", USERS);
    struct asked *asked =
        clients_ask_json(clients, &aq_command_user_create, "aquarium", NULL,
                         json_pack("{s:s, s:s, s:I}", "name", name, "role", name[0] == 'a' ? "admin" : "user",
                                   "max_applications", (json_int_t)(sim_happens(clients->sim, 50) ? 20 : 0)));
    if (asked != NULL)
        ((struct aq_user_create *)asked->records[0])->hash = "x"; /* which the faces set */
    return asked;
}

struct asked *clients_update_user(struct clients *clients)
{
    return clients_ask_json(
        clients, &aq_command_user_update, "admin", clients_draw_name(clients, "user", USERS),
        json_pack("{s:s, s:I}", "role", "user", "max_applications", (json_int_t)sim_draw(clients->sim, 30)));
}

struct asked *clients_change_token(struct clients *clients)
{
    const char *name = clients_draw_name(clients, "user", USERS);
    struct asked *asked = clients_ask_json(clients, &aq_command_user_token,
                                           sim_happens(clients->sim, 50) ? "admin" : name, name, json_object());
    if (asked != NULL)
        ((struct aq_user_token *)asked->records[0])->hash = clients_draw_name(clients, "hash", 1000);
    return asked;
}

/* Mostly for a time, which some of them outlive. */
struct asked *clients_create_token(struct clients *clients)
{
    struct sim *sim = clients->sim;
    const char *user = clients_draw_name(clients, "user", USERS);
    json_t *json = json_pack("{s:s, s:s}", "name", clients_draw_name(clients, "token", 6), "user", user);
    if (sim_happens(sim, 80))
        json_object_set_new(json, "ttl", json_integer((json_int_t)sim_between(sim, 1, 40)));
    struct asked *asked =
        clients_ask_json(clients, &aq_command_token_create, sim_happens(sim, 50) ? "admin" : user, NULL, json);
    if (asked != NULL) /* nobody has the same */
        ((struct aq_token_create *)asked->records[0])->hash =
            aq_arena_format(&clients->requests->arena, "token-%" PRIu64, asked->number);
    return asked;
}

/* Not the first one of a user, with which readers log in. */
struct asked *clients_delete_token(struct clients *clients)
{
    char key[24];
    const struct judge *judge = clients->judge;
    const uint64_t id = clients_draw_id(clients, judge->n_tokens);
    if (id > judge->n_tokens || judge->tokens[id - 1].user_number == 0)
        return NULL;
    snprintf(key, sizeof key, "%" PRIu64, id);
    return clients_ask_json(clients, &aq_command_token_delete, "admin", key, json_object());
}

struct asked *clients_change_uid(struct clients *clients)
{
    return clients_ask_json(clients, &aq_command_user_uid, "admin", clients_draw_name(clients, "user", USERS),
                            json_pack("{s:I}", "uid", (json_int_t)sim_draw(clients->sim, 5)));
}

struct asked *clients_delete_user(struct clients *clients)
{
    return clients_ask_json(clients, &aq_command_user_delete, "admin", clients_draw_name(clients, "user", USERS),
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

struct asked *clients_create_project(struct clients *clients)
{
    json_t *json = drawn_quota(clients->sim);
    json_object_set_new(json, "name", json_string(clients_draw_name(clients, "project", PROJECTS)));
    return clients_ask_json(clients, &aq_command_project_create, "admin", NULL, json);
}

struct asked *clients_update_project(struct clients *clients)
{
    const char *name =
        sim_happens(clients->sim, 10) ? AQ_PROJECT_DEFAULT : clients_draw_name(clients, "project", PROJECTS);
    return clients_ask_json(clients, &aq_command_project_update, "admin", name, drawn_quota(clients->sim));
}

struct asked *clients_delete_project(struct clients *clients)
{
    return clients_ask_json(clients, &aq_command_project_delete, "admin",
                            clients_draw_name(clients, "project", PROJECTS), json_object());
}
