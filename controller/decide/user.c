#include "schema/model/user.h"
#include "controller/decide/decide.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const reserved[] = {"aquarium", "new", "last"}; /* the controller itself; names in the file view */

static int find(struct decide *decide, const char *name, struct aq_user *user, struct aq_error *error)
{
    if (state_user(decide->txn, name, user, decide->arena))
        return 0;
    return aq_fail(error, AQ_E_NOT_FOUND, "there is no user %s", name);
}

static int create(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_user_create *command = record;
    struct aq_user user;
    for (size_t i = 0; i < AQ_LENGTH(reserved); i++)
        if (strcmp(command->name, reserved[i]) == 0)
            return aq_fail(error, AQ_E_INVALID, "name is \"%s\", which is reserved", command->name);
    if (state_user(decide->txn, command->name, &user, decide->arena))
        return aq_fail(error, AQ_E_EXISTS, "there is a user %s already", command->name);
    if (command->hash[0] == '\0')
        return aq_fail(error, AQ_E_INTERNAL, "no token was made for user %s", command->name);
    struct aq_user_created event = {command->name, command->role, command->max_applications, command->hash};
    decide_emit(decide, &aq_event_user_created, &event);
    decide_id_name(decide, command->name);
    return 0;
}
DECIDE(aq_command_user_create, create);

static int update(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_user_update *command = record;
    struct aq_user user;
    if (find(decide, command->name, &user, error) != 0)
        return -1;
    if (strcmp(command->name, "admin") == 0 && command->role != AQ_ROLE_ADMIN)
        return aq_fail(error, AQ_E_STATE, "the user admin keeps the role admin");
    decide_id_name(decide, command->name);
    if (user.role == command->role && user.max_applications == command->max_applications)
        return 0;
    struct aq_user_updated event = {command->name, command->role, command->max_applications};
    decide_emit(decide, &aq_event_user_updated, &event);
    return 0;
}
DECIDE(aq_command_user_update, update);

static int token(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_user_token *command = record;
    struct aq_user user;
    char what[96];
    /* In this order: who may not ask does not learn which users there are. */
    snprintf(what, sizeof what, "the token of user %s", command->name);
    if (decide_check_owner(decide, command->name, what, error) != 0 || find(decide, command->name, &user, error) != 0)
        return -1;
    if (command->hash[0] == '\0')
        return aq_fail(error, AQ_E_INTERNAL, "no token was made for user %s", command->name);
    struct aq_user_token_changed event = {command->name, command->hash};
    decide_emit(decide, &aq_event_user_token_changed, &event);
    decide_id_name(decide, command->name);
    return 0;
}
DECIDE(aq_command_user_token, token);

static int delete (struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_user_delete *command = record;
    struct aq_user user;
    if (find(decide, command->name, &user, error) != 0)
        return -1;
    if (strcmp(command->name, "admin") == 0)
        return aq_fail(error, AQ_E_STATE, "the user admin cannot be removed");
    uint64_t open = counter_open_of_user(decide->txn, command->name);
    if (open > 0)
        return aq_fail(error, AQ_E_STATE, "user %s has %" PRIu64 " open application%s: deallocate %s first",
                       command->name, open, open == 1 ? "" : "s", open == 1 ? "it" : "them");
    struct aq_user_deleted event = {command->name};
    decide_emit(decide, &aq_event_user_deleted, &event);
    decide_id_name(decide, command->name);
    return 0;
}
DECIDE(aq_command_user_delete, delete);
