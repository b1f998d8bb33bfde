#include "fs/tree/look.h"

#include "controller/state/remarks.h"
#include "schema/base/journal.h"
#include "schema/model/access.h"

#include <stdio.h>
#include <string.h>

int look_begin(struct look *look, struct look_sources *sources, uid_t uid, struct aq_error *error)
{
    *look = (struct look){.sources = sources, .arena = &sources->arena};
    if (state_read(sources->state, &look->txn, error) != 0)
        return -1;
    look->caller = callers_find(sources->callers, uid, look->txn, look->arena);
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

const char *look_owner(const struct aq_entity *entity, const void *row)
{
    const struct aq_field *field = aq_access_owner_field(entity);
    return field != NULL ? aq_field_text(field, row) : NULL;
}

bool look_may_see(const struct look *look, const struct aq_entity *entity, const void *row)
{
    const struct caller *caller = &look->caller;
    return caller->known && aq_access_may_read(entity, row, caller->name, caller->role);
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
        (void)remark_row(look->txn, entity, row, look->arena);
        look->row = row;
    }
    return look->row;
}
