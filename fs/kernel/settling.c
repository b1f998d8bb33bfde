#include "fs/kernel/settling.h"

#include "schema/base/clock.h"
#include "schema/model/command.h"

#include <stdio.h>

/* Is the row still in its passing state? False if it cannot be read. */
static bool still_passing(const struct settling *settling, struct state *state)
{
    const struct aq_command *command = settling->command;
    const struct aq_entity *entity = command->entity;
    const struct aq_field *field = aq_record_field(entity->record, command->passing_field);
    struct aq_error ignored = {0};
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct state_key key;
    struct state_txn *txn;
    if (state_key_from_text(entity, settling->made, &key, &ignored) != 0 || state_read(state, &txn, &ignored) != 0)
        return false;
    void *object = aq_arena_alloc(&arena, entity->record->size);
    bool passing =
        state_find(txn, entity, &key, object, &arena) && aq_field_number(field, object) == command->passing_value;
    state_end(txn);
    return passing;
}

bool settling_begin(struct settling *settling, struct state *state, const struct aq_command *command, const char *made,
                    uint64_t limit_ms)
{
    if (limit_ms == 0 || command->passing_field == NULL)
        return false;
    *settling = (struct settling){.command = command, .until_ms = aq_clock_ms() + limit_ms};
    snprintf(settling->made, sizeof settling->made, "%s", made);
    return still_passing(settling, state);
}

bool settling_is_over(const struct settling *settling, struct state *state)
{
    return aq_clock_ms() >= settling->until_ms || !still_passing(settling, state);
}
