/* Admins who ask something of nodes: maintenance, drains, quarantine, projects. */
#include "tests/sim/clients_kinds.h"

#include "tests/sim/liars.h"
#include "tests/sim/nodes.h"

static const char *drawn_node(struct clients *clients)
{
    return sim_happens(clients->sim, 80) ? clients_draw_name(clients, "node", NODES)
                                         : clients_draw_name(clients, "liar", LIARS);
}

struct asked *clients_set_maintenance(struct clients *clients)
{
    return clients_ask_json(clients, &aq_command_node_maintenance, "admin", drawn_node(clients),
                            json_pack("{s:b}", "maintenance", (int)sim_happens(clients->sim, 40)));
}

struct asked *clients_drain_node(struct clients *clients)
{
    struct sim *sim = clients->sim;
    json_t *body = sim_happens(sim, 30) ? json_pack("{s:b}", "cancel", 1)
                                        : json_pack("{s:I, s:b}", "timeout", (json_int_t)sim_draw(sim, 8), "force",
                                                    (int)sim_happens(sim, 40));
    return clients_ask_json(clients, &aq_command_node_drain, "admin", drawn_node(clients), body);
}

struct asked *clients_set_quarantine(struct clients *clients)
{
    struct sim *sim = clients->sim;
    json_t *body =
        sim_happens(sim, 60) ? json_pack("{s:b}", "clear", 1) : json_pack("{s:I}", "ttl", (json_int_t)sim_draw(sim, 8));
    if (sim_happens(sim, 60))
        json_object_set_new(body, "label", json_string(clients_draw_name(clients, "label", 3)));
    return clients_ask_json(clients, &aq_command_node_quarantine, "admin", drawn_node(clients), body);
}

struct asked *clients_shut_node_down(struct clients *clients)
{
    struct sim *sim = clients->sim;
    json_t *body = sim_happens(sim, 40) ? json_pack("{s:b}", "cancel", 1)
                                        : json_pack("{s:I}", "shutdown_after", (json_int_t)sim_between(sim, 1, 6));
    return clients_ask_json(clients, &aq_command_node_maintenance, "admin", drawn_node(clients), body);
}

/* Mostly all projects, so that much can still be placed; a project may not be there. */
struct asked *clients_set_projects(struct clients *clients)
{
    json_t *projects = json_array();
    for (uint64_t left = sim_happens(clients->sim, 60) ? 0 : 1 + sim_draw(clients->sim, 2); left > 0; left--)
        json_array_append_new(projects, json_string(sim_happens(clients->sim, 40)
                                                        ? AQ_PROJECT_DEFAULT
                                                        : clients_draw_name(clients, "project", PROJECTS)));
    return clients_ask_json(clients, &aq_command_node_projects, "admin", drawn_node(clients),
                            json_pack("{s:o}", "projects", projects));
}

struct asked *clients_delete_node(struct clients *clients)
{
    return clients_ask_json(clients, &aq_command_node_delete, "admin", drawn_node(clients), json_object());
}
