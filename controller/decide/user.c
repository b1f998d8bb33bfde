#include "schema/model/user.h"

#include "controller/decide/decide.h"
#include "controller/decide/memberships.h"
#include "controller/state/rights.h"
#include "schema/model/role.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The author of the controller's own commands, and names in the file view. */
static const char *const reserved[] = {"aquarium", "new", "last", NULL};

/* The caller, a face, hashes a new token: decide cannot, for it is pure. */
static int check_hash(const char *hash, const char *name, struct aq_error *error)
{
    return hash[0] != '\0' ? 0 : aq_fail(error, AQ_E_INTERNAL, "no token was created for user %s", name);
}

/* 0 is nobody's, for root is admin whatever the tables say. */
static int check_uid(struct decide *decide, uint64_t uid, const char *name, struct aq_error *error)
{
    char other[65];
    if (uid == 0 || !state_user_of_uid(decide->txn, uid, other, sizeof other) || strcmp(other, name) == 0)
        return 0;
    return aq_fail(error, AQ_E_EXISTS, "uid %" PRIu64 " is that of user %s already", uid, other);
}

static bool add_name(void *context, const struct state_key *key)
{
    enum { NAMES_BYTES = 300 };
    struct aq_buffer *names = context;
    char name[STATE_KEY_MAX + 1];
    state_key_show(&aq_entity_role, key, name, sizeof name);
    bool fits = names->length + strlen(name) < NAMES_BYTES;
    aq_buffer_format(names, "%s%s", names->length > 0 ? ", " : "", fits ? name : "...");
    return fits;
}

static int refuse_role(const struct decide *decide, const char *role, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer names = {0};
    state_scan_keys(decide->txn, &aq_entity_role, add_name, &names);
    return aq_fail(error, AQ_E_INVALID, "role is \"%s\", but must be one of %s", role, aq_buffer_string(&names));
}

/* A role is given to users by those who have all that it permits. */
static int check_role(const struct decide *decide, const char *role, struct aq_error *error)
{
    char what[96];
    struct state_key key = state_key_name(role);
    if (!state_exists(decide->txn, &aq_entity_role, &key))
        return refuse_role(decide, role, error);
    const struct aq_rights rights = rights_of_role(decide->txn, role);
    snprintf(what, sizeof what, "the role %s", role);
    return decide_check_covered(decide, &rights, what, error);
}

/* A role that takes from what the user has may be given with any token. */
static int check_more(const struct decide *decide, const char *old, const char *role, struct aq_error *error)
{
    const struct aq_rights before = rights_of_role(decide->txn, old), after = rights_of_role(decide->txn, role);
    return decide_check_lasting_more(decide, &before, &after, aq_arena_format(decide->arena, "the role %s", role),
                                     error);
}

/* Finds a user of the command, which the caller may change. */
static int find_user(const struct decide *decide, const char *name, struct aq_user *user, struct aq_error *error)
{
    if (decide_find_name(decide, &aq_entity_user, name, user, error) != 0 ||
        decide_check_owner(decide, user->number, NULL, &aq_entity_user, aq_key_name(name), error) != 0)
        return -1;
    return decide_check_user(decide, user, error);
}

/* Who gets a token or the uid of another user acts as that user: on its rows, too. */
static int check_place(const struct decide *decide, const struct aq_user *user, struct aq_error *error)
{
    char what[2 * AQ_NAME_MAX + 32];
    if (user->number == decide->caller.number)
        return 0;
    const struct aq_caller given = rights_caller(decide->txn, user, decide->arena),
                           other = decide_as_another(decide, &given);
    snprintf(what, sizeof what, "the place of user %s", user->name);
    return decide_check_covered_caller(decide, &other, what, error);
}

/* Who asks with a limited token gets none without limits for themselves, nor a uid, which is as good. */
static int check_unlimited(const struct decide *decide, const struct aq_user *user, const char *what,
                           struct aq_error *error)
{
    const struct aq_rights whole = aq_rights_whole();
    const struct aq_permission *lacking;
    enum aq_scope scope;
    if (user->number != decide->caller.number)
        return 0;
    if (aq_rights_cover(&decide->caller.limit, &whole, &lacking, &scope))
        return 0;
    return aq_fail(error, AQ_E_FORBIDDEN,
                   "%s would give user %s %s, which the token that asks for it does not: nobody gives more than they "
                   "have",
                   what, user->name, lacking->name);
}

/* The uid of a new user is given with the user, and takes what giving it later would. */
static int check_uid_permitted(const struct decide *decide, uint64_t uid, struct aq_error *error)
{
    const struct aq_permission *permission = aq_permission_of_command(&aq_command_user_uid);
    if (uid == 0 || aq_rights_scope(&decide->caller.rights, permission) == AQ_SCOPE_ALL)
        return 0;
    return aq_fail(error, AQ_E_FORBIDDEN, "%s may not give a new user a uid: that takes the permission %s for all rows",
                   decide->caller.name, permission->name);
}

static void set_uid(struct decide *decide, const char *name, uint64_t uid)
{
    struct aq_user_uid_set event = {name, uid};
    decide_emit(decide, &aq_event_user_uid_set, &event);
}

static int create_user(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_user_create *command = record;
    struct state_key key = state_key_name(command->name);
    if (decide_check_name(command->name, reserved, error) != 0)
        return -1;
    if (state_exists(decide->txn, &aq_entity_user, &key))
        return aq_fail(error, AQ_E_EXISTS, "user %s already exists", command->name);
    const char *asked = command->role[0] != '\0' ? command->role : AQ_ROLE_USER;
    const char *role = command->project[0] != '\0' ? AQ_ROLE_MEMBER : asked;
    if (command->project[0] != '\0' && decide_check_member(decide, command->project, asked, error) != 0)
        return -1;
    if (decide_check_lasting(decide, "a new user", error) != 0 || check_role(decide, role, error) != 0 ||
        check_uid_permitted(decide, command->uid, error) != 0 ||
        check_uid(decide, command->uid, command->name, error) != 0 ||
        check_hash(command->hash, command->name, error) != 0)
        return -1;
    struct aq_user_created event = {command->name, role, command->max_applications, command->hash};
    decide_emit(decide, &aq_event_user_created, &event);
    if (command->uid != 0)
        set_uid(decide, command->name, command->uid);
    if (command->project[0] != '\0')
        decide_member(decide, command->project, command->name, asked);
    decide_id_name(decide, command->name);
    return 0;
}
DECIDE(aq_command_user_create, create_user);

/* What an expiring token lets a user hold would last. */
static int check_larger_limit(const struct decide *decide, uint64_t old, uint64_t limit, struct aq_error *error)
{
    const uint64_t before = old != 0 ? old : UINT64_MAX, after = limit != 0 ? limit : UINT64_MAX;
    return after <= before ? 0 : decide_check_lasting(decide, "a larger max_applications", error);
}

static int update_user(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_user_update *command = record;
    struct aq_user user;
    if (find_user(decide, command->name, &user, error) != 0)
        return -1;
    if (strcmp(user.role, command->role) != 0 &&
        (check_role(decide, command->role, error) != 0 || check_more(decide, user.role, command->role, error) != 0))
        return -1;
    if (check_larger_limit(decide, user.max_applications, command->max_applications, error) != 0)
        return -1;
    if (strcmp(command->name, "admin") == 0 && strcmp(command->role, AQ_ROLE_ADMIN) != 0)
        return aq_fail(error, AQ_E_STATE, "user admin must keep the role admin");
    decide_id_name(decide, command->name);
    if (strcmp(user.role, command->role) == 0 && user.max_applications == command->max_applications)
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
    if (find_user(decide, command->name, &user, error) != 0 || check_place(decide, &user, error) != 0 ||
        decide_check_lasting(decide, "a new first token", error) != 0 ||
        check_unlimited(decide, &user, "a new first token", error) != 0 ||
        check_hash(command->hash, command->name, error) != 0)
        return -1;
    struct aq_user_token_changed event = {command->name, command->hash};
    decide_emit(decide, &aq_event_user_token_changed, &event);
    decide_id_name(decide, command->name);
    return 0;
}
DECIDE(aq_command_user_token, change_token);

static int change_uid(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_user_uid *command = record;
    struct aq_user user;
    if (find_user(decide, command->name, &user, error) != 0 || check_place(decide, &user, error) != 0 ||
        decide_check_lasting(decide, "a uid", error) != 0 || check_unlimited(decide, &user, "a uid", error) != 0 ||
        check_uid(decide, command->uid, command->name, error) != 0)
        return -1;
    decide_id_name(decide, command->name);
    if (user.uid != command->uid)
        set_uid(decide, command->name, command->uid);
    return 0;
}
DECIDE(aq_command_user_uid, change_uid);

static int delete_user(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_user_delete *command = record;
    struct aq_user user;
    char what[96];
    if (find_user(decide, command->name, &user, error) != 0)
        return -1;
    if (strcmp(command->name, "admin") == 0)
        return aq_fail(error, AQ_E_STATE, "user admin cannot be deleted");
    snprintf(what, sizeof what, "user %s", command->name);
    if (decide_check_unused(what, counter_open_of_user(decide->txn, user.number), error) != 0)
        return -1;
    struct aq_user_deleted event = {command->name};
    decide_emit(decide, &aq_event_user_deleted, &event);
    decide_id_name(decide, command->name);
    return 0;
}
DECIDE(aq_command_user_delete, delete_user);
