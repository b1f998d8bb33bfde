#include "fs/tree/look.h"

#include "controller/state/remarks.h"
#include "schema/base/clock.h"
#include "schema/base/journal.h"
#include "schema/model/access.h"

#include <stdio.h>
#include <string.h>

int look_begin(struct look *look, struct look_sources *sources, uid_t uid, struct aq_error *error)
{
    *look = (struct look){.sources = sources, .now_ms = aq_clock_wall_ms(), .arena = &sources->arena};
    if (state_read(sources->state, &look->txn, error) != 0)
        return -1;
    look->caller = callers_find(sources->users, uid, look->txn, look->arena);
    return 0;
}

void look_end(struct look *look)
{
    struct aq_error error;
    if (state_failed(look->txn, &error))
        aq_journal(AQ_WARN, "the tables cannot be read", "error", error.message, NULL);
    state_end(look->txn);
    aq_arena_reset(look->arena);
}

bool look_owner(const struct aq_entity *entity, const void *row, struct owner *owner)
{
    const struct aq_field *number = aq_access_owner_field(entity);
    if (number == NULL)
        return false;
    owner->name = aq_field_text(aq_record_field(entity->record, entity->owner), row);
    owner->number = aq_field_number(number, row);
    return true;
}

bool look_is_narrow(const struct look *look, const struct aq_entity *entity)
{
    return look->sources->project != NULL && entity->project != NULL;
}

/* Does the row belong to the mount's project, or to all projects? */
static bool is_in_project(const struct look *look, const struct aq_entity *entity, const void *row)
{
    if (!look_is_narrow(look, entity))
        return true;
    const char *project = aq_field_text(aq_record_field(entity->record, entity->project), row);
    return project[0] == '\0' || strcmp(project, look->sources->project) == 0;
}

bool look_may_see(const struct look *look, const struct aq_entity *entity, const void *row)
{
    return look->caller.known && is_in_project(look, entity, row) &&
           aq_access_allows_row(&look->caller.as, aq_permission_of(entity, "read"), row);
}

struct visible look_listed(const struct look *look, const struct aq_entity *entity)
{
    return (struct visible){.txn = look->txn,
                            .caller = &look->caller.as,
                            .entity = entity,
                            .permission = aq_permission_of(entity, "list"),
                            .other = aq_permission_of(entity, "read")};
}

const void *look_row(struct look *look, const struct aq_entity *entity, const char *key)
{
    if (look->row_entity == entity && strcmp(look->row_key, key) == 0)
        return look->row;
    struct state_key name;
    struct aq_error ignored;
    look->row_entity = entity;
    look->row = NULL;
    snprintf(look->row_key, sizeof look->row_key, "%s", key);
    if (state_key_from_text(entity, key, &name, &ignored) != 0)
        return NULL;
    void *row = aq_arena_alloc(look->arena, entity->record->size);
    if (state_find(look->txn, entity, &name, row, look->arena) && look_may_see(look, entity, row)) {
        (void)remark_row(look->txn, entity, row, look->now_ms, look->arena);
        look->row = row;
    }
    return look->row;
}
