/* Members of projects: their users, roles and memberships, and what they ask for. */
#include "tests/sim/clients_kinds.h"

#include "schema/model/membership.h"
#include "schema/model/role.h"
#include "tests/sim/recipes.h"

#include <inttypes.h>
#include <stdio.h>

static const char *drawn_member(struct clients *clients)
{
    return clients_draw_name(clients, "member", MEMBERS);
}

/* Mostly with nothing but roles in projects. */
struct asked *clients_create_member(struct clients *clients)
{
    struct sim *sim = clients->sim;
    json_t *json = json_pack("{s:s, s:s}", "name", drawn_member(clients), "role",
                             sim_happens(sim, 80) ? AQ_ROLE_MEMBER : AQ_ROLE_VIEWER);
    if (sim_happens(sim, 30))
        json_object_set_new(json, "project", json_string(clients_draw_name(clients, "project", PROJECTS)));
    struct asked *asked = clients_ask_json(clients, &aq_command_user_create, "aquarium", NULL, json);
    if (asked != NULL)
        ((struct aq_user_create *)asked->records[0])->hash = "x";
    return asked;
}

struct asked *clients_delete_member(struct clients *clients)
{
    return clients_ask_json(clients, &aq_command_user_delete, "admin", drawn_member(clients), json_object());
}

/* A role of one's own making: what it permits changes. */
struct asked *clients_make_role(struct clients *clients)
{
    static const char *const patterns[] = {"application.*:own", "application.read", "application.deallocate", "label.*",
                                           "membership.*",      "*.list",           "project.read",           "*.read"};
    struct sim *sim = clients->sim;
    json_t *may = json_array();
    for (uint64_t i = sim_between(sim, 1, 4); i > 0; i--)
        json_array_append_new(may, json_string(patterns[sim_draw(sim, AQ_LENGTH(patterns))]));
    const char *name = clients_draw_name(clients, "role", 2);
    if (sim_happens(sim, 50))
        return clients_ask_json(clients, &aq_command_role_create, "admin", NULL,
                                json_pack("{s:s, s:o}", "name", name, "may", may));
    if (sim_happens(sim, 80))
        return clients_ask_json(clients, &aq_command_role_update, "admin", name, json_pack("{s:o}", "may", may));
    json_decref(may);
    return clients_ask_json(clients, &aq_command_role_delete, "admin", name, json_object());
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

struct asked *clients_create_membership(struct clients *clients)
{
    return clients_ask_json(clients, &aq_command_membership_create, drawn_giver(clients), NULL,
                            json_pack("{s:s, s:s, s:s}", "project", clients_draw_name(clients, "project", PROJECTS),
                                      "user", drawn_member(clients), "role", drawn_role(clients)));
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

struct asked *clients_update_membership(struct clients *clients)
{
    char key[24];
    draw_membership(clients, key);
    return clients_ask_json(clients, &aq_command_membership_update, drawn_giver(clients), key,
                            json_pack("{s:s}", "role", drawn_role(clients)));
}

struct asked *clients_delete_membership(struct clients *clients)
{
    char key[24];
    draw_membership(clients, key);
    return clients_ask_json(clients, &aq_command_membership_delete, drawn_giver(clients), key, json_object());
}

/* What members ask for, whether they may or not. */
struct asked *clients_member_creates(struct clients *clients)
{
    return clients_ask_json(clients, &aq_command_application_create, drawn_member(clients), NULL,
                            json_pack("{s:s, s:s}", "label", clients_draw_name(clients, "label", LABELS), "project",
                                      clients_draw_name(clients, "project", PROJECTS)));
}

struct asked *clients_member_gives_back(struct clients *clients)
{
    char key[24];
    snprintf(key, sizeof key, "%" PRIu64, clients_draw_id(clients, clients->judge->n_applications));
    return clients_ask_json(clients, &aq_command_application_deallocate, drawn_member(clients), key, json_object());
}

struct asked *clients_member_makes_label(struct clients *clients)
{
    json_t *content = recipe_draw(clients->sim);
    const char *name = clients_draw_name(clients, "label", LABELS);
    json_object_set_new(content, "name", json_string(name));
    recipe_add_secrets(clients->sim, name, content);
    if (sim_happens(clients->sim, 70))
        json_object_set_new(content, "project", json_string(clients_draw_name(clients, "project", PROJECTS)));
    return clients_ask_json(clients, &aq_command_label_apply, drawn_member(clients), NULL, content);
}

struct asked *clients_member_deletes_label(struct clients *clients)
{
    char key[24];
    snprintf(key, sizeof key, "%" PRIu64, clients_draw_id(clients, clients->judge->n_labels));
    return clients_ask_json(clients, &aq_command_label_delete, drawn_member(clients), key, json_object());
}
