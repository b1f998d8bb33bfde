#include "schema/model/label.h"

#include "controller/decide/decide.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int create(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_label_create *command = record;
    if (strcmp(command->name, "new") == 0) /* the control file's name */
        return aq_fail(error, AQ_E_INVALID, "name is \"new\", which is reserved");
    /* A version is never used again, not even after it was removed. */
    uint64_t version = counter_label_version(decide->txn, command->name) + 1;
    if (command->version != 0 && command->version < version)
        return aq_fail(error, AQ_E_EXISTS,
                       "version is %" PRIu64 ", but label %s has had that one; the next is %" PRIu64, command->version,
                       command->name, version);
    if (command->version > version)
        return aq_fail(error, AQ_E_INVALID, "version is %" PRIu64 ", but the next one of label %s is %" PRIu64,
                       command->version, command->name, version);
    struct aq_label_created event = {
        .id = counter_last_id(decide->txn, "label") + 1,
        .name = command->name,
        .version = version,
        .definitions = command->definitions,
        .metadata = command->metadata,
    };
    decide_emit(decide, &aq_event_label_created, &event);
    decide_id_number(decide, event.id);
    return 0;
}
DECIDE(aq_command_label_create, create);

static int delete (struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_label_delete *command = record;
    struct aq_label label;
    if (!state_label(decide->txn, command->id, &label, decide->arena))
        return aq_fail(error, AQ_E_NOT_FOUND, "there is no label %" PRIu64, command->id);
    uint64_t open = counter_open_of_label(decide->txn, command->id);
    if (open > 0)
        return aq_fail(error, AQ_E_STATE,
                       "label %s, version %" PRIu64 ", is in use by %" PRIu64
                       " open application%s: deallocate %s first",
                       label.name, label.version, open, open == 1 ? "" : "s", open == 1 ? "it" : "them");
    struct aq_label_deleted event = {command->id};
    decide_emit(decide, &aq_event_label_deleted, &event);
    decide_id_number(decide, command->id);
    return 0;
}
DECIDE(aq_command_label_delete, delete);
