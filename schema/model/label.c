#include "schema/model/label.h"

#include "schema/model/project.h"
#include "schema/model/user.h"
#include "schema/model/view.h"

#include <stdio.h>
#include <string.h>

AQ_DEFINE_WORDS(aq_drain_policy, AQ_DRAIN_POLICIES)
AQ_DEFINE(aq_disk, "disk", 1, "a disk of a resource")
AQ_DEFINE(aq_needs, "resources", 1, "what a definition needs from a node")
AQ_DEFINE(aq_authentication, "authentication", 1, "how to log in")
AQ_DEFINE(aq_image_login, "registry", 1, "login to a registry")
AQ_DEFINE(aq_definition, "definition", 1, "one way to run a label")

AQ_ENTITY(label, 2, "an immutable, versioned recipe", .plural = "labels", .rank = 40, .group = "name",
          .member = "version", .project = "project")
AQ_VIEW(label, "definition.yml", AQ_VIEW_DEFINITION, "the label as a document that `new` takes")

AQ_COMMAND(label, create, 10, AQ_CREATES, "create a label, or the next version of one",
           .older_form = aq_label_from_flat)
AQ_COMMAND(label, apply, 12, AQ_CREATES,
           "create the next version of a label, unless it would be the same as the latest",
           .older_form = aq_label_from_flat)
AQ_COMMAND(label, delete, 11, AQ_DELETES, "delete a version of a label that no open application uses")
AQ_COMMAND(label, rewrap, 16, AQ_INTERNAL_COMMAND, "wrap the key of its secrets by another epoch")

AQ_EVENT(label, created, 10, 7, "a version of a label was created")
AQ_EVENT(label, deleted, 11, 2, "a version of a label was deleted")
AQ_EVENT(label, rewrapped, 14, 1, "secrets of a label came under another epoch")

struct aq_amounts aq_needs_amounts(const struct aq_needs *needs)
{
    struct aq_amounts amounts = {.cpu = needs->cpu, .ram = needs->ram, .slots = needs->slots};
    for (uint32_t i = 0; i < needs->disks.count; i++)
        amounts.disk += AQ_ITEM(needs->disks, struct aq_disk, i)->size;
    return amounts;
}

/* Fails when `object` has a member that is not one of `known`, which ends with NULL. */
static int check_members(const json_t *object, const char *const *known, const char *path, struct aq_error *error)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)object, key, value) {
        AQ_CLEANUP_BUFFER struct aq_buffer all = {0};
        bool found = false;
        for (size_t i = 0; known[i] != NULL; i++) {
            found = found || strcmp(known[i], key) == 0;
            aq_buffer_format(&all, "%s%s", i > 0 ? ", " : "", known[i]);
        }
        if (!found)
            return aq_fail(error, AQ_E_INVALID, "%s.%.64s is not known; known fields: %s", path, key, all.data);
    }
    return 0;
}

/* Older clients write disks as {"name": {"size": 10, ...}}; what else they say of a disk was for drivers of old. */
static int add_disks(json_t *resources, const json_t *map, const char *path, struct aq_error *error)
{
    static const char *const known[] = {"size", "type", "label", "reuse", "clone", NULL};
    json_t *list = json_array(), *disk;
    const char *name;
    json_object_set_new(resources, "disks", list);
    json_object_foreach ((json_t *)map, name, disk) {
        char disk_path[200];
        snprintf(disk_path, sizeof disk_path, "%s.%.64s", path, name);
        if (check_members(disk, known, disk_path, error) != 0)
            return -1;
        json_array_append_new(list, json_pack("{s:s, s:O?}", "name", name, "size", json_object_get(disk, "size")));
    }
    return 0;
}

static int add_resource(json_t *resources, const char *key, json_t *value, const char *path, struct aq_error *error)
{
    if (json_object_get(resources, key) != NULL)
        return aq_fail(error, AQ_E_INVALID, "%s is given a second time in definition: give it once", path);
    if (strcmp(key, "disks") == 0 && json_is_object(value))
        return add_disks(resources, value, path, error);
    json_object_set(resources, key, value);
    return 0;
}

/* All of `definition.<from>` are resources. */
static int add_resources(json_t *resources, const char *from, const json_t *object, struct aq_error *error)
{
    const char *known[32], *key;
    char path[200];
    json_t *value;
    aq_assert(aq_needs_record.count < AQ_LENGTH(known));
    for (size_t i = 0; i <= aq_needs_record.count; i++)
        known[i] = i < aq_needs_record.count ? aq_needs_record.fields[i].name : NULL;
    snprintf(path, sizeof path, "definition.%s", from);
    if (!json_is_object(object))
        return aq_fail(error, AQ_E_INVALID, "%s must be an object", path);
    if (check_members(object, known, path, error) != 0)
        return -1;
    json_object_foreach ((json_t *)object, key, value) {
        snprintf(path, sizeof path, "definition.%s.%s", from, key);
        if (add_resource(resources, key, value, path, error) != 0)
            return -1;
    }
    return 0;
}

/* One member of the older `definition`: resources, options, or one of either. */
static int add_member(json_t *options, json_t *resources, const char *key, json_t *value, struct aq_error *error)
{
    char path[96];
    snprintf(path, sizeof path, "definition.%.64s", key);
    if (strcmp(key, "requirements") == 0 || strcmp(key, "resources") == 0)
        return add_resources(resources, key, value, error);
    if (aq_record_field(&aq_needs_record, key) != NULL)
        return add_resource(resources, key, value, path, error);
    if (strcmp(key, "options") == 0 && json_is_object(value))
        json_object_update(options, value);
    else
        json_object_set(options, key, value);
    return 0;
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
    json_t *definition = json_pack("{s:O, s:o, s:o}", "driver", driver, "options", options, "resources", resources);
    const char *key;
    json_t *value;
    int status = 0;
    json_object_foreach (old, key, value)
        if (status == 0)
            status = add_member(options, resources, key, value, error);
    json_object_set_new(flat, "definitions", json_pack("[o]", definition));
    json_object_del(flat, "driver");
    json_object_del(flat, "definition");
    return status;
}
