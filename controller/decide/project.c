#include "schema/model/project.h"

#include "controller/decide/decide.h"
#include "schema/model/label.h"

#include <inttypes.h>
#include <string.h>

/* Names in the file view. */
static const char *const reserved[] = {"new", "last", NULL};

/* The same quotas, and the same description? */
static bool has_same_quotas(const struct aq_project_quotas_set *one, const struct aq_project_quotas_set *other)
{
    for (size_t i = 0; i < aq_project_quotas_set_record.count; i++) {
        const struct aq_field *field = &aq_project_quotas_set_record.fields[i];
        if (aq_field_is_number(field) && aq_field_number(field, one) != aq_field_number(field, other))
            return false;
    }
    return strcmp(one->description, other->description) == 0;
}

/* What an expiring token lets a project, or each user in it, hold would last. */
static int check_lasting(const struct decide *decide, const struct aq_project_quotas_set *now,
                         const struct aq_project_quotas_set *then, struct aq_error *error)
{
    for (size_t i = 0; i < aq_project_quotas_set_record.count; i++) {
        const struct aq_field *field = &aq_project_quotas_set_record.fields[i];
        if (aq_field_is_number(field) && aq_number_or(aq_field_number(field, then), UINT64_MAX) >
                                             aq_number_or(aq_field_number(field, now), UINT64_MAX))
            return decide_check_lasting(decide, "a larger quota", error);
    }
    return 0;
}

static int create_project(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_project_create *command = record;
    struct state_key key = state_key_name(command->name);
    if (decide_check_name(command->name, reserved, error) != 0)
        return -1;
    if (state_exists(decide->txn, &aq_entity_project, &key))
        return aq_fail(error, AQ_E_EXISTS, "project %s already exists", command->name);
    struct aq_project_created event = {.name = command->name, .description = command->description};
    struct aq_project_quotas_set quotas = {.name = command->name};
    const struct aq_project_quotas_set none = {.description = command->description};
    AQ_PROJECT_COPY_QUOTA(&quotas, command);
    decide_emit(decide, &aq_event_project_created, &event);
    if (!has_same_quotas(&quotas, &none))
        decide_emit(decide, &aq_event_project_quotas_set, &quotas);
    decide_id_name(decide, command->name);
    return 0;
}
DECIDE(aq_command_project_create, create_project);

static int update_project(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_project_update *command = record;
    struct aq_project project;
    if (decide_find_name(decide, &aq_entity_project, command->name, &project, error) != 0)
        return -1;
    decide_id_name(decide, command->name);
    struct aq_project_quotas_set now = {.name = project.name}, then = {.name = command->name};
    AQ_PROJECT_COPY_QUOTA(&now, &project);
    AQ_PROJECT_COPY_QUOTA(&then, command);
    if (check_lasting(decide, &now, &then, error) != 0)
        return -1;
    if (!has_same_quotas(&now, &then))
        decide_emit(decide, &aq_event_project_quotas_set, &then);
    return 0;
}
DECIDE(aq_command_project_update, update_project);

/* Who gets the name again would get its labels, too. */
static int check_no_labels(const struct decide *decide, const char *name, struct aq_error *error)
{
    const struct state_key prefix = index_project_prefix(name);
    struct state_key last;
    const void *value;
    size_t length;
    struct aq_label label;
    if (!index_last(decide->txn, INDEX_LABEL_PROJECT, &prefix, &last, &value, &length) ||
        !state_label(decide->txn, state_key_number_at(&last, prefix.length), &label, decide->arena))
        return 0;
    return aq_fail(error, AQ_E_STATE, "project %s has labels, such as label %s: delete them first", name, label.name);
}

static int delete_project(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_project_delete *command = record;
    struct aq_project project;
    if (decide_find_name(decide, &aq_entity_project, command->name, &project, error) != 0)
        return -1;
    if (strcmp(command->name, AQ_PROJECT_DEFAULT) == 0)
        return aq_fail(error, AQ_E_STATE, "project " AQ_PROJECT_DEFAULT " cannot be deleted");
    if (project.known > 0) /* who gets the name again would get them, too */
        return aq_fail(error, AQ_E_STATE,
                       "project %s has %" PRIu64 " application%s, %" PRIu64 " of them open: end these; finished ones "
                       "leave the tables as the setting keep.finished says",
                       command->name, project.known, project.known == 1 ? "" : "s", project.open);
    if (check_no_labels(decide, command->name, error) != 0)
        return -1;
    const char *node = decide->index != NULL ? place_index_serving(decide->index, command->name) : NULL;
    if (node != NULL) /* it would serve all projects, or one that gets the name again */
        return aq_fail(error, AQ_E_STATE, "node %s serves project %s: take it out of the node's list of projects first",
                       node, command->name);
    struct aq_project_deleted event = {command->name};
    decide_emit(decide, &aq_event_project_deleted, &event);
    decide_id_name(decide, command->name);
    return 0;
}
DECIDE(aq_command_project_delete, delete_project);
