#include "schema/model/membership.h"

#include "controller/decide/decide.h"
#include "controller/decide/memberships.h"
#include "controller/state/rights.h"
#include "schema/model/project.h"
#include "schema/model/role.h"
#include "schema/model/user.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A role is given by those who have all in the project that it gives there. */
static int check_role(const struct decide *decide, const char *project, const char *role, struct aq_error *error)
{
    char what[AQ_NAME_MAX + 16];
    const struct state_key key = state_key_name(role);
    if (!state_exists(decide->txn, &aq_entity_role, &key))
        return aq_fail(error, AQ_E_INVALID, "role is \"%s\", but there is no such role", role);
    const struct aq_rights rights = rights_in_project(decide->txn, role);
    snprintf(what, sizeof what, "the role %s", role);
    return decide_check_covered_in(decide, project, &rights, what, error);
}

static void warn_of_nothing(struct decide *decide, const char *project, const char *role)
{
    const struct aq_rights none = {.all = {0}}, rights = rights_in_project(decide->txn, role);
    if (memcmp(&rights, &none, sizeof none) == 0)
        decide_warn(decide,
                    "the role %s gives nothing in project %s: none of its patterns is about what belongs to one", role,
                    project);
}

int decide_check_member(const struct decide *decide, const char *project, const char *role, struct aq_error *error)
{
    if (decide_check_project(decide, aq_permission_of_command(&aq_command_membership_create), project, error) != 0)
        return -1;
    return check_role(decide, project, role, error);
}

void decide_member(struct decide *decide, const char *project, const char *user, const char *role)
{
    const struct aq_membership_created event = {
        .id = counter_last_id(decide->txn, &aq_entity_membership) + 1, .project = project, .user = user, .role = role};
    decide_emit(decide, &aq_event_membership_created, &event);
    decide_id_number(decide, event.id);
    warn_of_nothing(decide, project, role);
}

static int create_membership(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_membership_create *command = record;
    struct aq_user user;
    /* The project first: who may give no role there learns nothing of the user. */
    if (decide_check_project(decide, decide->permission, command->project, error) != 0 ||
        decide_find_name(decide, &aq_entity_user, command->user, &user, error) != 0)
        return -1;
    for (uint32_t i = 0; i < user.memberships.count; i++) {
        const struct aq_user_membership *has = AQ_ITEM(user.memberships, struct aq_user_membership, i);
        if (strcmp(has->project, command->project) == 0)
            return aq_fail(error, AQ_E_EXISTS, "user %s has the role %s in project %s already: update membership %s:%s",
                           user.name, has->role, command->project, command->project, user.name);
    }
    if (user.memberships.count >= AQ_MEMBERSHIPS_OF_USER_MAX)
        return aq_fail(error, AQ_E_LIMIT, "user %s has roles in %" PRIu32 " projects already, which is the limit",
                       user.name, user.memberships.count);
    if (decide_check_member(decide, command->project, command->role, error) != 0 ||
        decide_check_lasting(decide, "a role in a project", error) != 0)
        return -1;
    decide_member(decide, command->project, user.name, command->role);
    return 0;
}
DECIDE(aq_command_membership_create, create_membership);

/* Finds a membership that the caller may change: only who has all in the project that its role gives. */
static int find_membership(const struct decide *decide, uint64_t id, struct aq_membership *row, struct aq_error *error)
{
    char what[2 * AQ_NAME_MAX + 32];
    if (decide_find_number(decide, &aq_entity_membership, id, row, error) != 0 ||
        decide_check_owner(decide, row->user_number, row->project, &aq_entity_membership, aq_key_number(id), error) !=
            0)
        return -1;
    if (row->user_number == decide->caller.number)
        return 0;
    const struct aq_rights rights = rights_in_project(decide->txn, row->role);
    snprintf(what, sizeof what, "user %s with the role %s", row->user, row->role);
    return decide_check_covered_in(decide, row->project, &rights, what, error);
}

static int update_membership(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_membership_update *command = record;
    struct aq_membership row;
    decide_id_number(decide, command->id);
    if (find_membership(decide, command->id, &row, error) != 0 ||
        check_role(decide, row.project, command->role, error) != 0)
        return -1;
    const struct aq_rights before = rights_in_project(decide->txn, row.role),
                           after = rights_in_project(decide->txn, command->role);
    if (decide_check_lasting_more(decide, &before, &after, "a role in a project", error) != 0)
        return -1;
    if (strcmp(row.role, command->role) == 0)
        return 0;
    const struct aq_membership_updated event = {command->id, row.project, row.user, command->role};
    decide_emit(decide, &aq_event_membership_updated, &event);
    warn_of_nothing(decide, row.project, command->role);
    return 0;
}
DECIDE(aq_command_membership_update, update_membership);

static int delete_membership(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_membership_delete *command = record;
    struct aq_membership row;
    decide_id_number(decide, command->id);
    if (find_membership(decide, command->id, &row, error) != 0)
        return -1;
    const struct aq_membership_deleted event = {command->id, row.project, row.user};
    decide_emit(decide, &aq_event_membership_deleted, &event);
    return 0;
}
DECIDE(aq_command_membership_delete, delete_membership);
