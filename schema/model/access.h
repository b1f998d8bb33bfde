/* Who may do what: callers, and the owners and projects of rows. REST, the file view, the hub and decide all ask here,
 * so that a caller has the same rights, and gets the same refusals, on every face.
 *
 * A right is a permission (permission.h) with a scope: all rows, or those that the caller owns. What a user may do to a
 * row of a project is what its own role gives, which holds in the whole cluster, and what its role in that project
 * gives. Who lacks the permission everywhere is refused with AQ_E_FORBIDDEN before anything is looked up; who has it
 * for some rows only, those of a project or its own, is told of others that they are not there.
 *
 * A row may belong to all projects, as labels do that name none. Who may read such rows of one project may read it,
 * too; changing it takes the right in the cluster. */
#ifndef AQ_SCHEMA_MODEL_ACCESS_H
#define AQ_SCHEMA_MODEL_ACCESS_H

#include "schema/model/command.h"
#include "schema/model/permission.h"

struct aq_user;

/* What somebody may do in one project by the role that it has there. */
struct aq_grant {
    const char *project;
    struct aq_rights rights; /* only what is in_project (permission.h) */
};

/* Who calls. Copied freely; the texts and grants are those of the row or the arena that it was made of. */
struct aq_caller {
    const char *name;              /* a user's name; "node:<name>" for agents; "aquarium" for the controller itself */
    uint64_t number;               /* of the user; 0: it is not a user */
    const char *role;              /* of the user, for messages; "": it is not a user */
    uint64_t token;                /* the number of the token that was shown; 0: none, as in the file view */
    bool internal;                 /* an agent or the controller itself: it may give every command */
    struct aq_rights rights;       /* in the whole cluster */
    struct aq_rights limit;        /* it may never do more than that, whatever the roles give */
    struct aq_rights somewhere;    /* `rights`, and those of all grants */
    const struct aq_grant *grants; /* by the project's name, in order */
    uint32_t grant_count;
    const char *project; /* the only one in which its token acts; NULL: there is no such bound */
};

/* The user as a caller, with the texts of the row, and what its role gives. It has no grants yet. */
struct aq_caller aq_caller_of_user(const struct aq_user *user, const struct aq_rights *rights);
/* An agent, or the controller itself. */
struct aq_caller aq_caller_internal(const char *name);
/* Sets what the caller may do in projects: `count` grants, in order of their names. */
void aq_caller_set_grants(struct aq_caller *caller, const struct aq_grant *grants, uint32_t count);

/* What the caller has by its role in this project; NULL: none. */
const struct aq_grant *aq_caller_grant(const struct aq_caller *caller, const char *project);
/* Is it told that there is this project? If it may read it, or has a role there. */
bool aq_access_knows_project(const struct aq_caller *caller, const char *project);
/* All that it may do to rows of this project. */
struct aq_rights aq_caller_rights_in(const struct aq_caller *caller, const char *project);
/* May they do the same? */
bool aq_caller_same_rights(const struct aq_caller *one, const struct aq_caller *other);

/* Calls `right` for all that it may do: "application.read:own", and what it may do in single projects only:
 * "application.read in web". */
enum { AQ_RIGHT_TEXT_SIZE = AQ_SCOPED_SIZE + AQ_NAME_MAX + 4 };
typedef void aq_right_fn(void *context, const char *text);
void aq_caller_list(const struct aq_caller *caller, aq_right_fn *right, void *context);

/* Fails with AQ_E_FORBIDDEN when the caller may not do it at all, to no row: "bob may not <action>: that takes
 * label.create, which the role user does not give". */
int aq_access_check(const struct aq_caller *caller, const struct aq_permission *permission, const char *action,
                    struct aq_error *error) AQ_MUST_CHECK;

/* Fails with AQ_E_FORBIDDEN: "eve is not a user of this cluster". Returns -1. */
int aq_access_refuse_unknown(const char *name, struct aq_error *error);

/* To which rows of this project the caller may do it; "": rows that belong to all projects. NULL: rows of an entity
 * that belong to none. */
enum aq_scope aq_access_scope(const struct aq_caller *caller, const struct aq_permission *permission,
                              const char *project);

/* May the caller do it to a row of this owner and project? Owners are known by number: what a deleted user left is not
 * that of the next user with the same name. 0: it belongs to nobody. `project` as in aq_access_scope(). */
bool aq_access_allows(const struct aq_caller *caller, const struct aq_permission *permission, uint64_t owner_number,
                      const char *project);

/* The field with the number of the owner of a row; NULL: rows of this entity have no owner. */
const struct aq_field *aq_access_owner_field(const struct aq_entity *entity);
/* The field with the project of a row; NULL: they belong to none. */
const struct aq_field *aq_access_project_field(const struct aq_entity *entity);
/* Does each user own one row, which has the user's name as its key? So it is with users. */
bool aq_access_owns_one_row(const struct aq_entity *entity);
/* Is each row a project itself? */
bool aq_access_rows_are_projects(const struct aq_entity *entity);

/* Does the caller own this row? False for rows that have no owner. */
bool aq_access_owns(const struct aq_caller *caller, const struct aq_entity *entity, const void *row);

/* May the caller do it to this row of the permission's entity? Only its owner and its project are read. */
bool aq_access_allows_row(const struct aq_caller *caller, const struct aq_permission *permission, const void *row);

#endif
