#include "schema/model/token.h"

#include "controller/decide/decide.h"
#include "controller/state/rights.h"
#include "schema/model/project.h"
#include "schema/model/role.h"
#include "schema/model/user.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Names in the file view, and of the token that a user begins with. */
static const char *const reserved[] = {"new", "last", AQ_TOKEN_FIRST, NULL};

static int check_patterns(const struct aq_list *only, struct aq_error *error)
{
    for (uint32_t i = 0; i < only->count; i++)
        if (aq_pattern_check(AQ_TEXT_ITEM(*only, i), error) != 0)
            return aq_error_context(error, "only[%" PRIu32 "]", i);
    return 0;
}

static int check_role(const struct decide *decide, const char *role, struct aq_error *error)
{
    struct state_key key = state_key_name(role);
    if (role[0] == '\0' || state_exists(decide->txn, &aq_entity_role, &key))
        return 0;
    return aq_fail(error, AQ_E_INVALID, "role is \"%s\", but there is no such role", role);
}

/* Who does not see the project has no rights in it, either. */
static int check_project(const struct decide *decide, const char *project, struct aq_error *error)
{
    const struct state_key key = state_key_name(project);
    if (project[0] == '\0' ||
        (state_exists(decide->txn, &aq_entity_project, &key) && aq_access_knows_project(&decide->caller, project)))
        return 0;
    return aq_fail(error, AQ_E_INVALID, "project is \"%s\", but there is no such project", project);
}

/* Among the user's tokens. */
struct names {
    const char *name;
    bool taken;
    unsigned count;
};

static bool note_name(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct names *names = context;
    (void)key;
    names->count++;
    names->taken |= length == strlen(names->name) && memcmp(value, names->name, length) == 0;
    return true;
}

static int check_room(const struct decide *decide, const struct aq_user *user, const char *name, struct aq_error *error)
{
    struct names names = {.name = name};
    const struct state_key own = state_key_number(user->number);
    index_scan(decide->txn, INDEX_TOKEN_USER, &own, note_name, &names);
    if (names.taken)
        return aq_fail(error, AQ_E_EXISTS, "user %s has a token %s already", user->name, name);
    if (names.count >= AQ_TOKENS_OF_USER_MAX)
        return aq_fail(error, AQ_E_LIMIT, "user %s has %u tokens already, which is the limit: delete some", user->name,
                       names.count);
    return 0;
}

/* Nobody gives more than they have, now or later: neither more than the caller may do, nor more than the token with
 * which the caller asks will ever permit, nor for a longer time. */
static int check_grant(const struct decide *decide, const struct aq_user *user, const struct aq_token_created *event,
                       struct aq_error *error)
{
    char what[AQ_NAME_MAX + 16];
    const uint64_t end = decide_token_end(decide);
    const struct aq_token token = {.role = event->role, .only = event->only, .project = event->project};
    struct aq_caller given = rights_caller_with(decide->txn, user, &token, decide->arena);
    struct aq_rights limit = given.limit;
    if (user->number != decide->caller.number)
        given = decide_as_another(decide, &given);
    snprintf(what, sizeof what, "token %s", event->name);
    if (decide_check_covered_caller(decide, &given, what, error) != 0)
        return -1;
    if (event->project[0] != '\0')
        aq_rights_keep_project(&limit);
    const struct aq_permission *lacking;
    enum aq_scope scope;
    if (!aq_rights_cover(&decide->caller.limit, &limit, &lacking, &scope))
        return aq_fail(error, AQ_E_FORBIDDEN,
                       "token %s would permit %s, which the token that asks for it does not: give it a narrower only",
                       event->name, lacking->name);
    if (end != 0 && (event->expires_at == 0 || event->expires_at > end))
        return aq_fail(error, AQ_E_FORBIDDEN,
                       "token %s would be valid for longer than the token that asks for it, which ends in %" PRIu64
                       " s: give it a shorter ttl",
                       event->name, (end - decide->time_ms) / 1000);
    return 0;
}

static int create_token(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_token_create *command = record;
    const char *name = command->user[0] != '\0' ? command->user : decide->caller.name;
    struct aq_user user;
    if (decide_check_name(command->name, reserved, error) != 0 || check_patterns(&command->only, error) != 0 ||
        check_role(decide, command->role, error) != 0 || check_project(decide, command->project, error) != 0 ||
        decide_find_name(decide, &aq_entity_user, name, &user, error) != 0 ||
        decide_check_owner(decide, user.number, NULL, &aq_entity_user, aq_key_name(name), error) != 0 ||
        check_room(decide, &user, command->name, error) != 0)
        return -1;
    struct aq_token_created event = {
        .id = counter_last_id(decide->txn, &aq_entity_token) + 1,
        .user = user.name,
        .name = command->name,
        .role = command->role,
        .only = command->only,
        .expires_at = command->ttl != 0 ? decide->time_ms + command->ttl * 1000 : 0,
        .hash = command->hash,
        .project = command->project,
    };
    if (check_grant(decide, &user, &event, error) != 0)
        return -1;
    if (command->hash[0] == '\0')
        return aq_fail(error, AQ_E_INTERNAL, "no token was made");
    decide_emit(decide, &aq_event_token_created, &event);
    decide_id_number(decide, event.id);
    return 0;
}
DECIDE(aq_command_token_create, create_token);

static void emit_deleted(struct decide *decide, const struct aq_token *token)
{
    const struct aq_token_deleted event = {token->id, token->user, token->user_number};
    decide_emit(decide, &aq_event_token_deleted, &event);
}

/* Who may less than a user cannot delete its tokens. */
static int delete_token(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_token_delete *command = record;
    struct aq_token token;
    struct aq_user user;
    decide_id_number(decide, command->id);
    if (decide_find_number(decide, &aq_entity_token, command->id, &token, error) != 0 ||
        decide_check_owner(decide, token.user_number, NULL, &aq_entity_token, aq_key_number(command->id), error) != 0 ||
        decide_find_name(decide, &aq_entity_user, token.user, &user, error) != 0 ||
        decide_check_user(decide, &user, error) != 0)
        return -1;
    emit_deleted(decide, &token);
    return 0;
}
DECIDE(aq_command_token_delete, delete_token);

/* The controller's own: it comes when the time has come, by the log's clock. */
static int expire_token(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_token_expire *command = record;
    struct aq_token token;
    (void)error;
    decide_id_number(decide, command->id);
    if (!state_token(decide->txn, command->id, &token, decide->arena) || token.expires_at == 0 ||
        token.expires_at > decide->time_ms)
        return 0; /* it was deleted meanwhile */
    emit_deleted(decide, &token);
    return 0;
}
DECIDE(aq_command_token_expire, expire_token);
