#include "fs/tree/permits.h"

#include "fs/tree/content.h"
#include "schema/codec/command.h"
#include "schema/model/role.h"

#include <stdio.h>
#include <string.h>

/* The permission that reading the node takes; NULL: none, or see permits_read(). */
static const struct aq_permission *permission_of(const struct tree_node *node)
{
    switch (node->kind) {
    case TREE_CLUSTER:
    case TREE_SEQ:
    case TREE_LEADER:
    case TREE_MEMBERS:
    case TREE_MEMBER:
    case TREE_MEMBER_FIELD:
        return aq_permission_named("cluster.read");
    case TREE_TABLE:
    case TREE_GROUP:
    case TREE_RELATED:
        return aq_permission_of(node->entity, "list");
    case TREE_VIEW:
        return aq_permission_of_view(node->view);
    case TREE_CONTROL:
        return aq_permission_of_command(node->command);
    case TREE_NEWEST:
    case TREE_LATEST:
    case TREE_ROW:
    case TREE_FIELD:
    case TREE_LINK:
    case TREE_LIVE:
    case TREE_LIVE_FIELD:
    case TREE_RELATED_ROW:
        return aq_permission_of(node->entity, "read");
    default:
        return NULL;
    }
}

static bool needs_no_user(const struct look *look, const struct tree_node *node)
{
    return node->kind == TREE_ROOT || node->kind == TREE_README ||
           (!look->caller.confined && (node->kind == TREE_ERRORS || node->kind == TREE_LAST_ERROR));
}

/* /events has the events of all entities: it is one file for all its readers. */
static int check_events(const struct aq_rights *rights, const struct aq_caller *caller, struct aq_error *error)
{
    const struct aq_entity *entity;
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++)
        if (aq_rights_scope(rights, aq_permission_of(entity, "events")) != AQ_SCOPE_ALL)
            return aq_fail(error, AQ_E_FORBIDDEN,
                           "%s may not read events of all kinds: that takes *.events, which the role %s does not give; "
                           "/api/v1/events of REST has those that it may see",
                           caller->name, caller->role);
    return 0;
}

/* Is it permitted for this row, or for what has no row? */
static bool holds(struct look *look, const struct aq_permission *permission, const struct tree_node *node)
{
    const struct aq_caller *caller = &look->caller.as;
    if (aq_rights_scope(&caller->rights, permission) == AQ_SCOPE_ALL)
        return true;
    if (aq_rights_scope(&caller->somewhere, permission) == AQ_SCOPE_NONE)
        return false;
    if (node->key[0] == '\0' || !tree_node_is_row(node))
        return true;
    const void *row = look_row(look, node->entity, node->key);
    return row == NULL || aq_access_allows_row(caller, permission, row); /* without a row there is nothing to see */
}

static int refuse(const struct look *look, const struct aq_permission *permission, struct aq_error *error)
{
    char action[AQ_ACTION_SIZE];
    const struct aq_caller *caller = &look->caller.as;
    aq_permission_action(permission, action);
    if (aq_access_check(caller, permission, action, error) != 0)
        return -1;
    return aq_fail(error, AQ_E_FORBIDDEN, "%s may not %s here: the role %s gives %s only for %s", caller->name, action,
                   caller->role, permission->name, caller->grant_count > 0 ? "some rows" : "its own");
}

int permits_pass(const struct look *look, const struct tree_node *node, struct aq_error *error)
{
    const struct aq_permission *permission = permission_of(node);
    if (needs_no_user(look, node))
        return 0;
    if (caller_check_known(&look->caller, error) != 0)
        return -1;
    if (permission == NULL || permission->entity != NULL) /* rows are there for those who may read them */
        return 0;
    char action[AQ_ACTION_SIZE];
    aq_permission_action(permission, action);
    return aq_access_check(&look->caller.as, permission, action, error);
}

int permits_read(struct look *look, const struct tree_node *node, struct aq_error *error)
{
    const struct aq_permission *permission = permission_of(node);
    if (needs_no_user(look, node))
        return 0;
    if (caller_check_known(&look->caller, error) != 0)
        return -1;
    if (node->kind == TREE_EVENTS)
        return check_events(&look->caller.as.rights, &look->caller.as, error);
    if (permission == NULL || holds(look, permission, node))
        return 0;
    return refuse(look, permission, error);
}

int permits_write(struct look *look, const struct tree_node *node, struct aq_error *error)
{
    if (caller_check_known(&look->caller, error) != 0)
        return -1;
    const struct aq_permission *permission = aq_permission_of_command(node->command);
    if (holds(look, permission, node))
        return 0;
    return refuse(look, permission, error);
}

static unsigned bits(const struct tree_node *node, bool reads, bool writes)
{
    const bool directory = tree_node_shape(node) == TREE_IS_DIRECTORY;
    return (directory ? (reads ? 5U : 1U) : (reads ? 4U : 0U)) | (writes ? 2U : 0U);
}

unsigned permits_bits(struct look *look, const struct tree_node *node)
{
    struct aq_error ignored;
    bool reads = permits_read(look, node, &ignored) == 0;
    return bits(node, reads, tree_node_is_control(node) && permits_write(look, node, &ignored) == 0);
}

unsigned permits_usual_bits(const struct tree_node *node)
{
    struct aq_error ignored;
    const struct aq_caller nobody = {.name = "", .role = ""};
    const struct aq_rights rights = aq_rights_of(&aq_role_built_in(AQ_ROLE_USER)->may);
    const struct aq_permission *permission = permission_of(node);
    bool reads = permission != NULL          ? aq_rights_scope(&rights, permission) != AQ_SCOPE_NONE
                 : node->kind == TREE_EVENTS ? check_events(&rights, &nobody, &ignored) == 0
                                             : true;
    bool writes = tree_node_is_control(node) &&
                  aq_rights_scope(&rights, aq_permission_of_command(node->command)) != AQ_SCOPE_NONE;
    return bits(node, reads, writes);
}
