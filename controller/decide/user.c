#include "schema/model/user.h"

#include "controller/decide/decide.h"

#include <stdio.h>
#include <string.h>

/* The author of the controller's own commands, and names in the file view. */
static const char *const reserved[] = {"aquarium", "new", "last", NULL};

/* The caller, a face, hashes a new token: decide cannot, for it is pure. */
static int check_hash(const char *hash, const char *name, struct aq_error *error)
{
    return hash[0] != '\0' ? 0 : aq_fail(error, AQ_E_INTERNAL, "no token was created for user %s", name);
}

static int create_user(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_user_create *command = record;
    struct state_key key = state_key_name(command->name);
    if (decide_check_name(command->name, reserved, error) != 0)
        return -1;
    if (state_exists(decide->txn, &aq_entity_user, &key))
        return aq_fail(error, AQ_E_EXISTS, "user %s already exists", command->name);
    if (check_hash(command->hash, command->name, error) != 0)
        return -1;
    struct aq_user_created event = {command->name, command->role, command->max_applications, command->hash};
    decide_emit(decide, &aq_event_user_created, &event);
    decide_id_name(decide, command->name);
    return 0;
}
DECIDE(aq_command_user_create, create_user);

static int update_user(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_user_update *command = record;
    struct aq_user user;
    if (decide_find_name(decide, &aq_entity_user, command->name, &user, error) != 0)
        return -1;
    if (strcmp(command->name, "admin") == 0 && command->role != AQ_ROLE_ADMIN)
        return aq_fail(error, AQ_E_STATE, "user admin must keep the role admin");
    decide_id_name(decide, command->name);
    if (user.role == command->role && user.max_applications == command->max_applications)
        return 0;
    struct aq_user_updated event = {command->name, command->role, command->max_applications};
    decide_emit(decide, &aq_event_user_updated, &event);
    return 0;
}
DECIDE(aq_command_user_update, update_user);

static int change_token(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_user_token *command = record;
    struct aq_user user;
    char what[96];
    snprintf(what, sizeof what, "the token of user %s", command->name);
    /* Ownership first: callers without the right do not learn which users exist. */
    if (decide_check_owner(decide, command->name, what, error) != 0 ||
        decide_find_name(decide, &aq_entity_user, command->name, &user, error) != 0 ||
        check_hash(command->hash, command->name, error) != 0)
        return -1;
    struct aq_user_token_changed event = {command->name, command->hash};
    decide_emit(decide, &aq_event_user_token_changed, &event);
    decide_id_name(decide, command->name);
    return 0;
}
DECIDE(aq_command_user_token, change_token);

static int delete_user(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_user_delete *command = record;
    struct aq_user user;
    char what[96];
    if (decide_find_name(decide, &aq_entity_user, command->name, &user, error) != 0)
        return -1;
    if (strcmp(command->name, "admin") == 0)
        return aq_fail(error, AQ_E_STATE, "user admin cannot be deleted");
    snprintf(what, sizeof what, "user %s", command->name);
    if (decide_check_unused(what, counter_open_of_user(decide->txn, command->name), error) != 0)
        return -1;
    struct aq_user_deleted event = {command->name};
    decide_emit(decide, &aq_event_user_deleted, &event);
    decide_id_name(decide, command->name);
    return 0;
}
DECIDE(aq_command_user_delete, delete_user);
