#include "schema/model/label.h"

#include "schema/model/user.h"
#include "schema/model/view.h"

#include <string.h>

AQ_DEFINE(aq_disk, "disk", 1, "a disk of a resource")
AQ_DEFINE(aq_needs, "resources", 1, "what a definition needs from a node")
AQ_DEFINE(aq_authentication, "authentication", 1, "how to log in")
AQ_DEFINE(aq_definition, "definition", 1, "one way to run a label")

AQ_ENTITY(label, 1, "an immutable, versioned recipe", .plural = "labels", .rank = 40, .group = "name",
          .member = "version")
AQ_VIEW(label, "definition.yml", AQ_VIEW_DEFINITION, "the label as a document that `new` takes")

AQ_COMMAND(label, create, 10, AQ_CREATES, AQ_ROLE_ADMIN, "create a label, or the next version of one",
           .older_form = aq_label_from_flat)
AQ_COMMAND(label, delete, 11, AQ_DELETES, AQ_ROLE_ADMIN, "delete a version of a label that no open application uses")

AQ_EVENT(label, created, 10, 1, "a version of a label was created")
AQ_EVENT(label, deleted, 11, 1, "a version of a label was deleted")

struct aq_amounts aq_needs_amounts(const struct aq_needs *needs)
{
    struct aq_amounts amounts = {.cpu = needs->cpu, .ram = needs->ram, .slots = needs->slots};
    for (uint32_t i = 0; i < needs->disks.count; i++)
        amounts.disk += AQ_ITEM(needs->disks, struct aq_disk, i)->size;
    return amounts;
}

/* Older clients write disks as {"name": {"size": 10, ...}}. */
static json_t *disks_from_map(const json_t *map)
{
    json_t *list = json_array();
    const char *name;
    json_t *disk;
    json_object_foreach ((json_t *)map, name, disk)
        json_array_append_new(list, json_pack("{s:s, s:O?}", "name", name, "size", json_object_get(disk, "size")));
    return list;
}

int aq_label_from_flat(json_t *flat, struct aq_error *error)
{
    json_t *driver = json_object_get(flat, "driver"), *old = json_object_get(flat, "definition");
    if (driver == NULL && old == NULL)
        return 0;
    if (json_object_get(flat, "definitions") != NULL)
        return aq_fail(error, AQ_E_INVALID,
                       "definitions cannot be given together with driver and definition: use one form");
    if (!json_is_string(driver))
        return aq_fail(error, AQ_E_INVALID, "driver is missing or is not a text: definition needs it");
    if (old != NULL && !json_is_object(old))
        return aq_fail(error, AQ_E_INVALID, "definition must be an object");

    json_t *options = json_object(), *resources = json_object();
    const char *key;
    json_t *value;
    json_object_foreach (old, key, value) {
        if (strcmp(key, "options") == 0 && json_is_object(value))
            json_object_update(options, value);
        else if (strcmp(key, "resources") == 0 && json_is_object(value))
            json_object_update(resources, value);
        else if (strcmp(key, "disks") == 0 && json_is_object(value))
            json_object_set_new(resources, key, disks_from_map(value));
        else
            json_object_set(aq_record_field(&aq_needs_record, key) ? resources : options, key, value);
    }
    json_t *definition = json_pack("{s:O, s:o, s:o}", "driver", driver, "options", options, "resources", resources);
    json_object_set_new(flat, "definitions", json_pack("[o]", definition));
    json_object_del(flat, "driver");
    json_object_del(flat, "definition");
    return 0;
}
