#include "schema/model/role.h"

#include "schema/model/user.h"
#include "schema/model/view.h"

#include <string.h>

AQ_ENTITY(role, 1, "a named list of what its holders may do", .plural = "roles", .rank = 54)
AQ_VIEW(role, "can", AQ_VIEW_RIGHTS, "what the role permits: each permission that its patterns match")

AQ_COMMAND(role, create, 55, AQ_CREATES, "create a role")
AQ_COMMAND(role, update, 56, AQ_UPDATES, "set what a role permits; that holds at once")
AQ_COMMAND(role, delete, 57, AQ_DELETES, "delete a role that no user or token has")

AQ_EVENT(role, created, 55, 1, "a role was created")
AQ_EVENT(role, updated, 56, 1, "what a role permits was set")
AQ_EVENT(role, deleted, 57, 1, "a role was deleted")

/* ---- built-in roles ------------------------------------------------------------------------------------- */

/* What everybody needs: one's own account, and what there is. */
#define EVERYBODY                                                                                                      \
    "user.read:own", "user.list:own", "user.can:own", "user.token:own", "token.*:own", "role.read", "role.list",       \
        "role.can", "cluster.read", "cluster.metrics"
/* What a user who runs applications needs besides. */
#define OWN_APPLICATIONS                                                                                               \
    "application.*:own", "resource.*:own", "task.*:own", "label.read", "label.list", "node.read", "node.list",         \
        "project.read", "project.list"
#define ALL_APPLICATIONS                                                                                               \
    "application.read", "application.list", "application.events", "application.why", "application.votes",              \
        "resource.read", "resource.list", "resource.events", "task.read", "task.list", "task.events"

static const char *const admin_may[] = {"*"};
static const char *const operator_may[] = {
    EVERYBODY,   OWN_APPLICATIONS, ALL_APPLICATIONS, "node.*",          "join_token.*",    "label.*",  "user.read",
    "user.list", "user.can",       "role.events",    "membership.read", "membership.list", "cluster.*"};
static const char *const user_may[] = {EVERYBODY, OWN_APPLICATIONS};
static const char *const member_may[] = {EVERYBODY};
static const char *const viewer_may[] = {EVERYBODY, "*.read",  "*.list", "*.events",
                                         "*.why",   "*.votes", "*.log",  "*.can"};

/* Their rows are made with the tables: a change here raises STATE_LAYOUT, or old tables show the old ones. */
#define BUILT_IN(called, words, list)                                                                                  \
    {                                                                                                                  \
        .name = called, .may = {(void *)(list), AQ_LENGTH(list)}, .description = words, .built_in = true,              \
        .created_by = ""                                                                                               \
    }

static const struct aq_role built_in[] = {
    BUILT_IN(AQ_ROLE_ADMIN, "everything", admin_may),
    BUILT_IN(AQ_ROLE_OPERATOR, "looks after nodes, labels and maintenance; sees what runs, but not its output",
             operator_may),
    BUILT_IN(AQ_ROLE_USER, "creates, sees and ends applications of its own", user_may),
    BUILT_IN(AQ_ROLE_VIEWER, "sees everything and changes nothing", viewer_may),
    BUILT_IN(AQ_ROLE_MEMBER, "what everybody may: for users with roles in single projects", member_may),
};

const struct aq_role *aq_role_built_in(const char *name)
{
    for (size_t i = 0; i < AQ_LENGTH(built_in); i++)
        if (strcmp(built_in[i].name, name) == 0)
            return &built_in[i];
    return NULL;
}

bool aq_role_may_be_older(const char *name)
{
    return strcmp(name, AQ_ROLE_MEMBER) == 0;
}

const struct aq_role *aq_role_built_in_at(size_t index)
{
    return index < AQ_LENGTH(built_in) ? &built_in[index] : NULL;
}
