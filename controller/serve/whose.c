#include "controller/serve/whose.h"

#include "schema/codec/pack.h"
#include "schema/model/access.h"
#include "schema/model/application.h"
#include "schema/model/key.h"
#include "schema/model/project.h"
#include "schema/model/resource.h"
#include "schema/model/user.h"

#include <string.h>

/* A name may have been another project's before. */
static bool is_same_project(struct state_txn *txn, const char *name, uint64_t time_ms, struct aq_arena *arena)
{
    struct aq_project project;
    return name[0] == '\0' || (state_project(txn, name, &project, arena) && project.created_at <= time_ms);
}

/* An event that makes a row names its project. NULL: this one does not, or that project was deleted. */
static const char *project_in_event(struct state_txn *txn, const struct aq_event *event, struct aq_arena *arena)
{
    const struct aq_entity *entity = event->type->entity;
    const struct aq_field *field =
        entity->project != NULL ? aq_record_field(event->type->record, entity->project) : NULL;
    if (field == NULL || !aq_field_is_text(field))
        return NULL;
    const char *name = aq_field_text(field, event->data);
    if (name[0] == '\0' && entity == &aq_entity_application)
        return AQ_PROJECT_DEFAULT;
    return is_same_project(txn, name, event->time_ms, arena) ? name : NULL;
}

/* A name may have been another user's before. */
static uint64_t number_of_user(struct state_txn *txn, const char *name, uint64_t time_ms, struct aq_arena *arena)
{
    struct aq_user user;
    return state_user(txn, name, &user, arena) && user.created_at <= time_ms ? user.number : 0;
}

static bool find_in_row(struct state_txn *txn, const struct aq_entity *entity, uint64_t number, struct whose *whose,
                        struct aq_arena *arena)
{
    const struct aq_field *owner = aq_access_owner_field(entity), *project = aq_access_project_field(entity);
    const struct state_key key = state_key_number(number);
    uint64_t wanted = 0;
    struct state_packed packed;
    void *row = aq_arena_alloc(arena, entity->record->size);
    if (owner != NULL)
        wanted |= AQ_FIELD_BIT(entity->record, owner);
    if (project != NULL)
        wanted |= AQ_FIELD_BIT(entity->record, project);
    if (wanted == 0 || !state_find_packed(txn, entity, &key, &packed) ||
        !state_unpack(txn, entity, &packed, wanted, row, arena))
        return false;
    whose->owner = owner != NULL ? aq_field_number(owner, row) : 0;
    if (project != NULL)
        whose->project = aq_field_text(project, row);
    return true;
}

static void find_ended(struct state_txn *txn, uint64_t resource, struct whose *whose, struct aq_arena *arena)
{
    struct aq_ended ended;
    if (!state_ended(txn, resource, &ended, arena))
        return;
    (void)find_in_row(txn, &aq_entity_application, ended.application, whose, arena);
    whose->owner = ended.user_number;
}

struct whose whose_row(struct state_txn *txn, const struct aq_event *event, struct aq_arena *arena)
{
    const struct aq_entity *entity = event->type->entity;
    const struct aq_field *key = aq_record_field(event->type->record, aq_entity_key(entity)->name);
    struct whose whose = {.project = project_in_event(txn, event, arena)};
    if (key == NULL)
        return whose;
    if (entity == &aq_entity_user)
        whose.owner = number_of_user(txn, aq_field_text(key, event->data), event->time_ms, arena);
    if (aq_field_is_text(key))
        return whose;
    const uint64_t number = aq_field_number(key, event->data);
    if (!find_in_row(txn, entity, number, &whose, arena) && entity == &aq_entity_resource)
        find_ended(txn, number, &whose, arena);
    return whose;
}
