#include "controller/serve/event_row.h"

#include "schema/codec/pack.h"
#include "schema/codec/ranges.h"
#include "schema/model/access.h"
#include "schema/model/application.h"
#include "schema/model/key.h"
#include "schema/model/label.h"
#include "schema/model/project.h"
#include "schema/model/resource.h"
#include "schema/model/user.h"

#include <stdlib.h>
#include <string.h>

/* A name may have been another project's before. */
static bool is_same_project(struct state_txn *txn, const char *name, uint64_t time_ms, struct aq_arena *arena)
{
    struct aq_project project;
    return name[0] == '\0' || (state_project(txn, name, &project, arena) && project.created_at <= time_ms);
}

/* Earlier builds did not say which label was deleted: then that no project is named does not mean all projects. */
static bool is_silent(const struct aq_event *event)
{
    return event->type == &aq_event_label_deleted && ((const struct aq_label_deleted *)event->data)->name[0] == '\0';
}

/* Some events name the project of their row. NULL: this one does not, or that project was deleted. */
static const char *project_in_event(struct state_txn *txn, const struct aq_event *event, struct aq_arena *arena)
{
    const struct aq_entity *entity = event->type->entity;
    const struct aq_field *field =
        entity->project != NULL ? aq_record_field(event->type->record, entity->project) : NULL;
    if (field == NULL || !aq_field_is_text(field) || is_silent(event))
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

/* Some events name the owner of their row, such as those that end it: then it is in no table any more. */
static uint64_t owner_in_event(const struct aq_event *event)
{
    const char *name = event->type->entity->owner_number;
    const struct aq_field *field = name != NULL ? aq_record_field(event->type->record, name) : NULL;
    return field != NULL ? aq_field_number(field, event->data) : 0;
}

static bool find_in_row(struct state_txn *txn, const struct aq_entity *entity, uint64_t number, struct event_row *found,
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
    found->owner = owner != NULL ? aq_field_number(owner, row) : 0;
    if (project != NULL)
        found->project = aq_field_text(project, row);
    return true;
}

static void find_ended(struct state_txn *txn, uint64_t resource, struct event_row *found, struct aq_arena *arena)
{
    struct aq_ended ended;
    if (!state_ended(txn, resource, &ended, arena))
        return;
    (void)find_in_row(txn, &aq_entity_application, ended.application, found, arena);
    found->owner = ended.user_number;
}

struct event_row event_row_find(struct state_txn *txn, const struct aq_event *event, struct aq_arena *arena)
{
    const struct aq_entity *entity = event->type->entity;
    const struct aq_field *key = aq_record_field(event->type->record, aq_entity_key(entity)->name);
    struct event_row found = {owner_in_event(event), project_in_event(txn, event, arena)};
    if (key == NULL)
        return found;
    if (entity == &aq_entity_user)
        found.owner = number_of_user(txn, aq_field_text(key, event->data), event->time_ms, arena);
    if (aq_field_is_text(key))
        return found;
    const uint64_t number = aq_field_number(key, event->data);
    if (!find_in_row(txn, entity, number, &found, arena) && entity == &aq_entity_resource)
        find_ended(txn, number, &found, arena);
    return found;
}

/* ---- events about many rows ------------------------------------------------------------------------------ */

bool event_row_is_many(const struct aq_event_type *type)
{
    return type == &aq_event_application_removed;
}

struct numbers {
    uint64_t *items;
    size_t count, capacity;
};

static bool note_number(void *context, uint64_t number)
{
    struct numbers *numbers = context;
    AQ_GROW(numbers->items, numbers->count, numbers->capacity);
    numbers->items[numbers->count++] = number;
    return true;
}

bool event_row_narrow(struct state_txn *txn, const struct aq_caller *caller, const struct aq_event *event,
                      struct aq_event *part, struct aq_arena *arena)
{
    aq_assert(event_row_is_many(event->type));
    const struct aq_permission *permission = aq_permission_of(event->type->entity, "events");
    const struct aq_application_removed *whole = event->data;
    struct aq_application_removed *seen = aq_arena_alloc(arena, sizeof *seen);
    struct numbers numbers = {0};
    struct aq_ranges ranges = {.first = 0};
    for (uint32_t i = 0; i < whole->owners.count; i++) {
        const struct aq_removed *of = AQ_ITEM(whole->owners, struct aq_removed, i);
        const char *project = is_same_project(txn, of->project, event->time_ms, arena) ? of->project : NULL;
        if (aq_access_allows(caller, permission, of->user_number, project))
            (void)aq_ranges_each(of->applications, note_number, &numbers);
    }
    aq_ranges_add_all(&ranges, numbers.items, numbers.count);
    *seen = (struct aq_application_removed){.applications = aq_ranges_text(&ranges, arena)};
    *part = *event;
    part->data = seen;
    free(numbers.items);
    return numbers.count > 0;
}
