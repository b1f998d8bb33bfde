#include "schema/model/label.h"

#include <string.h>

AQ_DEFINE(aq_disk, "disk", 1, AQ_DISK, "a disk of a resource")
AQ_DEFINE(aq_needs, "resources", 1, AQ_NEEDS, "what a definition needs of a node")
AQ_DEFINE(aq_authentication, "authentication", 1, AQ_AUTHENTICATION, "how to log in")
AQ_DEFINE(aq_definition, "definition", 1, AQ_DEFINITION, "one way to run a label")

AQ_DEFINE(aq_label, "label", 1, AQ_LABEL, "an immutable, versioned recipe")
static const struct aq_entity label = {
    .name = "label",
    .plural = "labels",
    .record = &aq_label_record,
    .rank = 40,
    .group = "name",
    .member = "version",
};
AQ_ENTITY(label);

AQ_DEFINE(aq_label_create, "label_create", 1, AQ_LABEL_CREATE, "makes the next version of a label")
const struct aq_command aq_command_label_create = {
    .code = 10,
    .name = "label_create",
    .entity = "label",
    .verb = "create",
    .kind = AQ_CREATES,
    .role = AQ_ROLE_ADMIN,
    .record = &aq_label_create_record,
    .help = "make a label, or the next version of one",
    .older_form = aq_label_from_flat,
};
AQ_COMMAND(aq_command_label_create);

AQ_DEFINE(aq_label_delete, "label_delete", 1, AQ_LABEL_DELETE, "removes one version of a label")
const struct aq_command aq_command_label_delete = {
    .code = 11,
    .name = "label_delete",
    .entity = "label",
    .verb = "delete",
    .kind = AQ_DELETES,
    .role = AQ_ROLE_ADMIN,
    .record = &aq_label_delete_record,
    .help = "remove a version of a label that no open application uses",
};
AQ_COMMAND(aq_command_label_delete);

AQ_DEFINE(aq_label_created, "label_created", 1, AQ_LABEL_CREATED, "a version of a label was made")
const struct aq_event_type aq_event_label_created = {10, &aq_label_created_record, "label"};
AQ_EVENT(aq_event_label_created);

AQ_DEFINE(aq_label_deleted, "label_deleted", 1, AQ_LABEL_DELETED, "a version of a label was removed")
const struct aq_event_type aq_event_label_deleted = {11, &aq_label_deleted_record, "label"};
AQ_EVENT(aq_event_label_deleted);

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
        return aq_fail(error, AQ_E_INVALID, "definitions cannot stand beside driver and definition: give one form");
    if (!json_is_string(driver))
        return aq_fail(error, AQ_E_INVALID, "driver is missing, or no text: it goes with definition");
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
