#include "controller/decide/decide.h"

#include "controller/state/references.h"
#include "schema/codec/command.h"
#include "schema/model/access.h"
#include "schema/model/key.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

extern const struct decide_handler *const __start_aq_decide[], *const __stop_aq_decide[];

int decide_command(struct decide *decide, const struct aq_command *command, const void *record, struct aq_error *error)
{
    if (aq_command_check_role(command, decide->author, decide->role, error) != 0)
        return -1;
    for (const struct decide_handler *const *row = __start_aq_decide; row < __stop_aq_decide; row++)
        if ((*row)->command == command)
            return (*row)->decide(decide, record, error);
    aq_broken(__FILE__, __LINE__, "a command without a handler");
}

void decide_emit(struct decide *decide, const struct aq_event_type *type, const void *data)
{
    aq_assert(decide->count < DECIDE_EVENTS_MAX);
    if (decide->count == decide->capacity) {
        size_t capacity = decide->capacity ? decide->capacity * 2 : 4;
        struct decide_event *events = aq_arena_alloc(decide->arena, capacity * sizeof *events);
        if (decide->count > 0)
            memcpy(events, decide->events, decide->count * sizeof *events);
        decide->events = events;
        decide->capacity = capacity;
    }
    void *copy = aq_arena_alloc(decide->arena, type->record->size);
    memcpy(copy, data, type->record->size);
    decide->events[decide->count++] = (struct decide_event){type, copy};
}

void decide_warn(struct decide *decide, const char *format, ...)
{
    va_list args;
    char line[AQ_ERROR_MESSAGE_SIZE];
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    decide->warnings = aq_arena_format(decide->arena, "%s%s\n", decide->warnings != NULL ? decide->warnings : "", line);
}

void decide_id_number(struct decide *decide, uint64_t id)
{
    snprintf(decide->id, sizeof decide->id, "%" PRIu64, id);
}

void decide_id_name(struct decide *decide, const char *name)
{
    snprintf(decide->id, sizeof decide->id, "%s", name);
}

static int find_row(const struct decide *decide, const struct aq_entity *entity, const struct state_key *key,
                    void *object, struct aq_error *error)
{
    if (state_find(decide->txn, entity, key, object, decide->arena))
        return 0;
    return state_fail_absent(decide->txn, entity, key, error);
}

int decide_find_number(const struct decide *decide, const struct aq_entity *entity, uint64_t id, void *object,
                       struct aq_error *error)
{
    const struct state_key key = state_key_number(id);
    return find_row(decide, entity, &key, object, error);
}

int decide_find_name(const struct decide *decide, const struct aq_entity *entity, const char *name, void *object,
                     struct aq_error *error)
{
    const struct state_key key = state_key_name(name);
    return find_row(decide, entity, &key, object, error);
}

int decide_find_text(const struct decide *decide, const struct aq_entity *entity, const char *text, void *object,
                     struct aq_error *error)
{
    struct state_key key;
    if (state_refer(decide->txn, entity, text, &key, error) != 0)
        return -1;
    return find_row(decide, entity, &key, object, error);
}

/* ---- shared rules --------------------------------------------------------------------------------------- */

int decide_check_owner(const struct decide *decide, const char *owner, const char *what, struct aq_error *error)
{
    if (aq_access_is_allowed(owner, decide->author, decide->role))
        return 0;
    return aq_fail(error, AQ_E_FORBIDDEN, "%s belongs to %s, not to %s", what, owner, decide->author);
}

int decide_check_name(const char *name, const char *const *reserved, struct aq_error *error)
{
    for (; *reserved != NULL; reserved++)
        if (strcmp(name, *reserved) == 0)
            return aq_fail(error, AQ_E_INVALID, "name is \"%s\", which is reserved", name);
    if (aq_key_is_digits(name))
        return aq_fail(error, AQ_E_INVALID, "name is \"%s\", which reads as a number: use a letter as well", name);
    return 0;
}

int decide_check_unused(const char *what, uint64_t open, struct aq_error *error)
{
    if (open == 0)
        return 0;
    return aq_fail(error, AQ_E_STATE, "%s has %" PRIu64 " open application%s: deallocate %s first", what, open,
                   open == 1 ? "" : "s", open == 1 ? "it" : "them");
}
