#include "controller/decide/decide.h"

#include "controller/state/references.h"
#include "controller/state/rights.h"
#include "schema/codec/command.h"
#include "schema/model/key.h"
#include "schema/model/project.h"
#include "schema/model/token.h"
#include "schema/model/user.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

extern const struct decide_handler *const __start_aq_decide[], *const __stop_aq_decide[];
extern const struct decide_follower *const __start_aq_follow[], *const __stop_aq_follow[];

static void follow(struct decide *decide)
{
    const size_t count = decide->count;
    for (size_t i = 0; i < count; i++)
        for (const struct decide_follower *const *row = __start_aq_follow; row < __stop_aq_follow; row++)
            if ((*row)->type == decide->events[i].type)
                (*row)->follow(decide, decide->events[i].data);
}

int decide_command(struct decide *decide, const struct aq_command *command, const void *record, struct aq_error *error)
{
    if (aq_command_check_caller(command, &decide->caller, error) != 0)
        return -1;
    decide->permission = aq_command_permission(command);
    for (const struct decide_handler *const *row = __start_aq_decide; row < __stop_aq_decide; row++)
        if ((*row)->command == command) {
            if ((*row)->decide(decide, record, error) != 0)
                return -1;
            follow(decide);
            return 0;
        }
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

int decide_check_owner(const struct decide *decide, uint64_t owner_number, const char *project,
                       const struct aq_entity *entity, struct aq_key key, struct aq_error *error)
{
    if (aq_access_allows(&decide->caller, decide->permission, owner_number, project))
        return 0;
    return aq_key_not_found(entity, key, error);
}

int decide_check_project(const struct decide *decide, const struct aq_permission *permission, const char *project,
                         struct aq_error *error)
{
    const struct state_key key = state_key_name(project);
    const bool may = aq_access_scope(&decide->caller, permission, project) != AQ_SCOPE_NONE;
    if (!state_exists(decide->txn, &aq_entity_project, &key) ||
        (!may && !aq_access_knows_project(&decide->caller, project)))
        return aq_fail(error, AQ_E_INVALID, "project is \"%s\", but there is no such project", project);
    if (may)
        return 0;
    return aq_fail(error, AQ_E_FORBIDDEN, "%s may not do that in project %s: it takes the permission %s there",
                   decide->caller.name, project, permission->name);
}

const char *decide_only_project(const struct decide *decide)
{
    const struct aq_caller *caller = &decide->caller;
    const char *only = NULL;
    if (aq_rights_scope(&caller->rights, decide->permission) != AQ_SCOPE_NONE)
        return NULL;
    for (uint32_t i = 0; i < caller->grant_count; i++) {
        if (aq_rights_scope(&caller->grants[i].rights, decide->permission) == AQ_SCOPE_NONE)
            continue;
        if (only != NULL)
            return NULL;
        only = caller->grants[i].project;
    }
    return only;
}

/* ---- nobody gives more than they have -------------------------------------------------------------------- */

int decide_check_covered(const struct decide *decide, const struct aq_rights *rights, const char *what,
                         struct aq_error *error)
{
    const struct aq_permission *lacking;
    enum aq_scope scope;
    if (aq_rights_cover(&decide->caller.rights, rights, &lacking, &scope))
        return 0;
    return aq_fail(error, AQ_E_FORBIDDEN, "%s gives %s%s, which %s does not have: nobody gives more than they have",
                   what, lacking->name, scope == AQ_SCOPE_ALL && lacking->has_own ? " for all rows" : "",
                   decide->caller.name);
}

int decide_check_covered_in(const struct decide *decide, const char *project, const struct aq_rights *rights,
                            const char *what, struct aq_error *error)
{
    const struct aq_rights held = aq_caller_rights_in(&decide->caller, project);
    const struct aq_permission *lacking;
    enum aq_scope scope;
    if (aq_rights_cover(&held, rights, &lacking, &scope))
        return 0;
    return aq_fail(error, AQ_E_FORBIDDEN,
                   "%s gives %s%s in project %s, which %s does not have there: nobody gives more than they have", what,
                   lacking->name, scope == AQ_SCOPE_ALL && lacking->has_own ? " for all rows" : "", project,
                   decide->caller.name);
}

int decide_check_covered_caller(const struct decide *decide, const struct aq_caller *given, const char *what,
                                struct aq_error *error)
{
    if (decide_check_covered(decide, &given->rights, what, error) != 0)
        return -1;
    for (uint32_t i = 0; i < given->grant_count; i++)
        if (decide_check_covered_in(decide, given->grants[i].project, &given->grants[i].rights, what, error) != 0)
            return -1;
    return 0;
}

struct aq_caller decide_as_another(const struct decide *decide, const struct aq_caller *user)
{
    struct aq_caller other = *user;
    struct aq_grant *grants = NULL;
    if (user->grant_count > 0)
        grants = aq_arena_alloc(decide->arena, user->grant_count * sizeof *grants);
    for (uint32_t i = 0; i < user->grant_count; i++) {
        grants[i] = user->grants[i];
        aq_rights_as_another(&grants[i].rights);
    }
    aq_rights_as_another(&other.rights);
    aq_caller_set_grants(&other, grants, user->grant_count);
    return other;
}

int decide_check_user(const struct decide *decide, const struct aq_user *user, struct aq_error *error)
{
    char what[2 * AQ_NAME_MAX + 32];
    if (user->number == decide->caller.number)
        return 0;
    const struct aq_caller given = rights_caller(decide->txn, user, decide->arena);
    snprintf(what, sizeof what, "user %s with the role %s", user->name, user->role);
    return decide_check_covered_caller(decide, &given, what, error);
}

uint64_t decide_token_end(const struct decide *decide)
{
    struct aq_token token;
    return state_token(decide->txn, decide->caller.token, &token, decide->arena) ? token.expires_at : 0;
}

int decide_check_lasting(const struct decide *decide, const char *what, struct aq_error *error)
{
    if (decide_token_end(decide) == 0)
        return 0;
    return aq_fail(error, AQ_E_FORBIDDEN,
                   "%s would be valid for longer than the token that asks for it, which expires: ask with one that "
                   "does not",
                   what);
}

int decide_check_lasting_more(const struct decide *decide, const struct aq_rights *before,
                              const struct aq_rights *after, const char *what, struct aq_error *error)
{
    const struct aq_permission *lacking;
    enum aq_scope scope;
    return aq_rights_cover(before, after, &lacking, &scope) ? 0 : decide_check_lasting(decide, what, error);
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
