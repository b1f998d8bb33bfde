#include "schema/model/role.h"

#include "controller/decide/decide.h"
#include "schema/model/membership.h"
#include "schema/model/token.h"
#include "schema/model/user.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Names in the file view. */
static const char *const reserved[] = {"new", "last", NULL};

/* The patterns, each of which must permit something that the author has. */
static int check_patterns(const struct decide *decide, const char *name, const struct aq_list *may,
                          struct aq_error *error)
{
    char what[96];
    for (uint32_t i = 0; i < may->count; i++)
        if (aq_pattern_check(AQ_TEXT_ITEM(*may, i), error) != 0)
            return aq_error_context(error, "may[%" PRIu32 "]", i);
    const struct aq_rights rights = aq_rights_of(may);
    snprintf(what, sizeof what, "the role %s", name);
    return decide_check_covered(decide, &rights, what, error);
}

/* A token whose role this is. */
struct bearer {
    const char *role;
    char token[AQ_NAME_MAX + 1], user[AQ_NAME_MAX + 1];
};

static bool find_bearer(void *context, const struct state_key *key, const void *row)
{
    struct bearer *bearer = context;
    const struct aq_token *token = row;
    (void)key;
    if (strcmp(token->role, bearer->role) != 0)
        return true;
    snprintf(bearer->token, sizeof bearer->token, "%s", token->name);
    snprintf(bearer->user, sizeof bearer->user, "%s", token->user);
    return false;
}

/* Tokens know their role by its name, so a role that is deleted and made again would give back what was taken. */
static int check_no_token(const struct decide *decide, const char *role, struct aq_error *error)
{
    struct bearer bearer = {.role = role};
    state_scan(decide->txn, &aq_entity_token, NULL, find_bearer, &bearer);
    if (bearer.token[0] == '\0')
        return 0;
    return aq_fail(error, AQ_E_STATE, "token %s of user %s is limited to the role %s: delete such tokens first",
                   bearer.token, bearer.user, role);
}

static int create_role(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_role_create *command = record;
    struct state_key key = state_key_name(command->name);
    if (decide_check_name(command->name, reserved, error) != 0)
        return -1;
    if (state_exists(decide->txn, &aq_entity_role, &key))
        return aq_fail(error, AQ_E_EXISTS, "role %s already exists", command->name);
    if (check_no_token(decide, command->name, error) != 0) /* of a role that an earlier build has deleted */
        return -1;
    if (check_patterns(decide, command->name, &command->may, error) != 0)
        return -1;
    struct aq_role_created event = {command->name, command->may, command->description};
    decide_emit(decide, &aq_event_role_created, &event);
    decide_id_name(decide, command->name);
    return 0;
}
DECIDE(aq_command_role_create, create_role);

/* Finds a role that may be changed: by those who have all that it permits, and not a built-in one. */
static int find_role(const struct decide *decide, const char *name, struct aq_role *role, struct aq_error *error)
{
    char what[96];
    if (decide_find_name(decide, &aq_entity_role, name, role, error) != 0)
        return -1;
    if (role->built_in)
        return aq_fail(error, AQ_E_STATE, "role %s is built in, and cannot be changed: create another", name);
    const struct aq_rights rights = aq_rights_of(&role->may);
    snprintf(what, sizeof what, "the role %s", name);
    return decide_check_covered(decide, &rights, what, error);
}

static int update_role(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_role_update *command = record;
    struct aq_role role;
    if (find_role(decide, command->name, &role, error) != 0 ||
        check_patterns(decide, command->name, &command->may, error) != 0)
        return -1;
    const struct aq_rights before = aq_rights_of(&role.may), after = aq_rights_of(&command->may);
    if (decide_check_lasting_more(decide, &before, &after, "what is added to a role", error) != 0)
        return -1;
    decide_id_name(decide, command->name);
    if (aq_texts_equal(&role.may, &command->may) && strcmp(role.description, command->description) == 0)
        return 0;
    struct aq_role_updated event = {command->name, command->may, command->description};
    decide_emit(decide, &aq_event_role_updated, &event);
    return 0;
}
DECIDE(aq_command_role_update, update_role);

/* Who has the role, in the cluster or in a project. */
struct holder {
    const char *role;
    char user[AQ_NAME_MAX + 1], project[AQ_NAME_MAX + 1];
};

static bool find_holder(void *context, const struct state_key *key, const void *row)
{
    struct holder *holder = context;
    const struct aq_user *user = row;
    (void)key;
    if (strcmp(user->role, holder->role) != 0)
        return true;
    snprintf(holder->user, sizeof holder->user, "%s", user->name);
    return false;
}

static bool find_member(void *context, const struct state_key *key, const void *row)
{
    struct holder *holder = context;
    const struct aq_membership *membership = row;
    (void)key;
    if (strcmp(membership->role, holder->role) != 0)
        return true;
    snprintf(holder->user, sizeof holder->user, "%s", membership->user);
    snprintf(holder->project, sizeof holder->project, "%s", membership->project);
    return false;
}

static int delete_role(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_role_delete *command = record;
    struct aq_role role;
    struct holder holder = {.role = command->name};
    if (find_role(decide, command->name, &role, error) != 0)
        return -1;
    state_scan(decide->txn, &aq_entity_user, NULL, find_holder, &holder);
    if (holder.user[0] != '\0')
        return aq_fail(error, AQ_E_STATE, "user %s has the role %s: give the users that have it another one first",
                       holder.user, command->name);
    state_scan(decide->txn, &aq_entity_membership, NULL, find_member, &holder);
    if (holder.user[0] != '\0')
        return aq_fail(error, AQ_E_STATE,
                       "user %s has the role %s in project %s: give the members that have it another one first",
                       holder.user, command->name, holder.project);
    if (check_no_token(decide, command->name, error) != 0)
        return -1;
    struct aq_role_deleted event = {command->name};
    decide_emit(decide, &aq_event_role_deleted, &event);
    decide_id_name(decide, command->name);
    return 0;
}
DECIDE(aq_command_role_delete, delete_role);
