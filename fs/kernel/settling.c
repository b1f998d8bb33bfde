#include "fs/kernel/operations.h"

#include <stdio.h>

/* Does what was made still stand in its passing state? Not if it cannot be read: then nothing is to be waited for. */
static bool still_passing(struct waiting *waiting)
{
    const struct aq_command *command = waiting->file->node.command;
    const struct aq_entity *entity = command->entity;
    const struct aq_field *field = aq_record_field(entity->record, command->passing_field);
    struct aq_error ignored = {0};
    struct aq_arena arena = {0};
    struct state_key key;
    struct state_txn *txn;
    if (state_key_from_text(entity, waiting->made, &key, &ignored) != 0 ||
        state_read(waiting->view->state, &txn, &ignored) != 0)
        return false;
    void *object = aq_arena_alloc(&arena, entity->record->size);
    bool passing =
        state_find(txn, entity, &key, object, &arena) && aq_field_number(field, object) == command->passing_value;
    state_end(txn);
    aq_arena_free(&arena);
    return passing;
}

bool settling_begin(struct waiting *waiting, const struct aq_outcome *outcome)
{
    struct fileview *view = waiting->view;
    if (view->config->settle_ms == 0 || waiting->file->node.command->passing_field == NULL)
        return false;
    snprintf(waiting->made, sizeof waiting->made, "%s", outcome->id);
    if (!still_passing(waiting))
        return false;
    waiting->settle_until_ms = fileview_now_ms() + view->config->settle_ms;
    view->settling_count++;
    return true;
}

void settling_end(struct waiting *waiting)
{
    waiting->view->settling_count--;
    fuse_reply_write(waiting->request, waiting->size);
    waiting_end(waiting);
}

void settling_work(struct fileview *view)
{
    if (view->settling_count == 0)
        return;
    uint64_t now_ms = fileview_now_ms();
    for (struct waiting *waiting = view->waiting, *next; waiting != NULL; waiting = next) {
        next = waiting->next;
        if (waiting->settle_until_ms != 0 && (now_ms >= waiting->settle_until_ms || !still_passing(waiting)))
            settling_end(waiting);
    }
}

bool settling_any(const struct fileview *view)
{
    return view->settling_count > 0;
}
