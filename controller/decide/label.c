#include "schema/model/label.h"

#include "controller/decide/decide.h"
#include "schema/codec/variables.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const reserved[] = {"new", NULL}; /* the control file's name */

static int check_version(const struct aq_label_create *command, uint64_t next, struct aq_error *error)
{
    if (command->version == 0 || command->version == next)
        return 0;
    if (command->version < next)
        return aq_fail(error, AQ_E_EXISTS,
                       "version is %" PRIu64 ", but label %s already had that version; the next one is %" PRIu64,
                       command->version, command->name, next);
    return aq_fail(error, AQ_E_INVALID, "version is %" PRIu64 ", but the next version of label %s is %" PRIu64,
                   command->version, command->name, next);
}

static int create_label(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_label_create *command = record;
    uint64_t version = counter_label_version(decide->txn, command->name) + 1;
    if (decide_check_name(command->name, reserved, error) != 0 || check_version(command, version, error) != 0 ||
        aq_variables_check(command->metadata, "metadata", error) != 0)
        return -1;
    struct aq_label_created event = {
        .id = counter_last_id(decide->txn, &aq_entity_label) + 1,
        .name = command->name,
        .version = version,
        .definitions = command->definitions,
        .metadata = command->metadata,
    };
    decide_emit(decide, &aq_event_label_created, &event);
    decide_id_number(decide, event.id);
    return 0;
}
DECIDE(aq_command_label_create, create_label);

static int delete_label(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_label_delete *command = record;
    struct aq_label label;
    if (decide_find_number(decide, &aq_entity_label, command->id, &label, error) != 0)
        return -1;
    const char *what = aq_arena_format(decide->arena, "label %s, version %" PRIu64 ",", label.name, label.version);
    if (decide_check_unused(what, counter_open_of_label(decide->txn, command->id), error) != 0)
        return -1;
    struct aq_label_deleted event = {command->id};
    decide_emit(decide, &aq_event_label_deleted, &event);
    decide_id_number(decide, command->id);
    return 0;
}
DECIDE(aq_command_label_delete, delete_label);
