/* Users and admins who ask for applications, tasks and labels. */
#include "tests/sim/clients_kinds.h"

#include "schema/model/task.h"
#include "tests/sim/recipes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- applications ------------------------------------------------------------------------------------------- */

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

struct asked *clients_create_applications(struct clients *clients)
{
    struct sim *sim = clients->sim;
    struct asked *asked =
        clients_new_asked(clients, &aq_command_application_create, clients_draw_name(clients, "user", USERS));
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
        if (!clients_add_json(clients, asked, NULL, json))
            return NULL;
    }
    return asked;
}

struct asked *clients_give_back(struct clients *clients)
{
    struct sim *sim = clients->sim;
    struct judge *judge = clients->judge;
    uint64_t id = clients_draw_id(clients, judge->n_applications);
    const char *owner = id <= judge->n_applications ? judge->applications[id - 1].user : "";
    const char *author = sim_happens(sim, 80) && owner[0] != '\0' ? owner : clients_draw_name(clients, "user", USERS);
    struct asked *asked = clients_new_asked(clients, &aq_command_application_deallocate, author);
    uint64_t count = sim_happens(sim, 10) ? sim_between(sim, 2, 4) : 1;
    for (uint64_t i = 0; i < count; i++) {
        char key[24];
        snprintf(key, sizeof key, "%" PRIu64, id + i);
        if (!clients_add_json(clients, asked, key, json_object()))
            return NULL;
    }
    return asked;
}

struct asked *clients_extend(struct clients *clients)
{
    struct judge *judge = clients->judge;
    uint64_t id = clients_draw_id(clients, judge->n_applications);
    char key[24];
    snprintf(key, sizeof key, "%" PRIu64, id);
    const char *author = id <= judge->n_applications ? judge->applications[id - 1].user : "user-0";
    return clients_ask_json(clients, &aq_command_application_extend, author[0] != '\0' ? author : "admin", key,
                            json_pack("{s:I}", sim_happens(clients->sim, 70) ? "by" : "lifetime",
                                      (json_int_t)sim_between(clients->sim, 1, 30)));
}

/* ---- tasks -------------------------------------------------------------------------------------------------- */

/* Each has a short timeout, so that it ends within the life. */
struct asked *clients_make_task(struct clients *clients)
{
    struct sim *sim = clients->sim;
    const struct judge *judge = clients->judge;
    const uint64_t id = clients_draw_id(clients, judge->n_applications);
    const char *owner = id <= judge->n_applications ? judge->applications[id - 1].user : "";
    const char *author = sim_happens(sim, 90) && owner[0] != '\0' ? owner : clients_draw_name(clients, "user", USERS);
    json_t *json = json_pack(
        "{s:I, s:s, s:s, s:I}", "application", (json_int_t)id, "kind", sim_happens(sim, 50) ? "image" : "snapshot",
        "when", sim_happens(sim, 40) ? "DEALLOCATE" : "ALLOCATED", "timeout", (json_int_t)sim_between(sim, 1, 8));
    if (sim_happens(sim, 40))
        json_object_set_new(json, "name", json_string(clients_draw_name(clients, "made", 3)));
    return clients_ask_json(clients, &aq_command_task_create, author, NULL, json);
}

struct asked *clients_cancel_task(struct clients *clients)
{
    const struct judge *judge = clients->judge;
    const uint64_t id = clients_draw_id(clients, judge->n_tasks);
    const uint64_t application = id <= judge->n_tasks ? judge->tasks[id - 1].application : 0;
    char key[24];
    snprintf(key, sizeof key, "%" PRIu64, id);
    const char *author = application != 0 ? judge->applications[application - 1].user : "admin";
    return clients_ask_json(clients, &aq_command_task_cancel, author, key, json_object());
}

/* ---- labels ------------------------------------------------------------------------------------------------- */

static struct asked *ask_for_label(struct clients *clients, const struct aq_command *command, json_t *content)
{
    const char *name = clients_draw_name(clients, "label", LABELS);
    json_object_set_new(content, "name", json_string(name));
    recipe_add_secrets(clients->sim, name, content);
    return clients_ask_json(clients, command, "admin", NULL, content);
}

struct asked *clients_create_label(struct clients *clients)
{
    return ask_for_label(clients, &aq_command_label_create, recipe_draw(clients->sim));
}

/* Mostly one of a few recipes, so that it is often there already. */
struct asked *clients_apply_label(struct clients *clients)
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

struct asked *clients_delete_label(struct clients *clients)
{
    char key[24];
    snprintf(key, sizeof key, "%" PRIu64, clients_draw_id(clients, clients->judge->n_labels));
    return clients_ask_json(clients, &aq_command_label_delete, "admin", key, json_object());
}
