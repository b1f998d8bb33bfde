#include "schema/model/access.h"

#include "schema/model/project.h"
#include "schema/model/user.h"

#include <stdio.h>
#include <string.h>

struct aq_caller aq_caller_of_user(const struct aq_user *user, const struct aq_rights *rights)
{
    return (struct aq_caller){.name = user->name,
                              .number = user->number,
                              .role = user->role,
                              .rights = *rights,
                              .limit = aq_rights_whole(),
                              .somewhere = *rights};
}

struct aq_caller aq_caller_internal(const char *name)
{
    const struct aq_rights whole = aq_rights_whole();
    return (struct aq_caller){
        .name = name, .role = "", .internal = true, .rights = whole, .limit = whole, .somewhere = whole};
}

/* ---- projects ------------------------------------------------------------------------------------------- */

void aq_caller_set_grants(struct aq_caller *caller, const struct aq_grant *grants, uint32_t count)
{
    caller->grants = grants;
    caller->grant_count = count;
    caller->somewhere = caller->rights;
    for (uint32_t i = 0; i < count; i++)
        aq_rights_join(&caller->somewhere, &grants[i].rights);
}

const struct aq_grant *aq_caller_grant(const struct aq_caller *caller, const char *project)
{
    uint32_t first = 0, beyond = caller->grant_count;
    while (first < beyond) {
        const uint32_t middle = first + (beyond - first) / 2;
        const int order = strcmp(caller->grants[middle].project, project);
        if (order == 0)
            return &caller->grants[middle];
        if (order < 0)
            first = middle + 1;
        else
            beyond = middle;
    }
    return NULL;
}

bool aq_access_knows_project(const struct aq_caller *caller, const char *project)
{
    const struct aq_permission *read = aq_permission_of(&aq_entity_project, "read");
    return aq_access_scope(caller, read, project) != AQ_SCOPE_NONE || aq_caller_grant(caller, project) != NULL;
}

struct aq_rights aq_caller_rights_in(const struct aq_caller *caller, const char *project)
{
    const struct aq_grant *grant = aq_caller_grant(caller, project);
    struct aq_rights rights = caller->rights;
    if (grant != NULL)
        aq_rights_join(&rights, &grant->rights);
    return rights;
}

bool aq_caller_same_rights(const struct aq_caller *one, const struct aq_caller *other)
{
    if (memcmp(&one->rights, &other->rights, sizeof one->rights) != 0 || one->grant_count != other->grant_count)
        return false;
    for (uint32_t i = 0; i < one->grant_count; i++)
        if (strcmp(one->grants[i].project, other->grants[i].project) != 0 ||
            memcmp(&one->grants[i].rights, &other->grants[i].rights, sizeof one->grants[i].rights) != 0)
            return false;
    return true;
}

static void list_grant(const struct aq_caller *caller, const struct aq_grant *grant, aq_right_fn *right, void *context)
{
    const struct aq_permission *permission;
    enum aq_scope scope;
    char scoped[AQ_SCOPED_SIZE], text[AQ_RIGHT_TEXT_SIZE];
    for (size_t index = 0; (permission = aq_rights_next(&grant->rights, &index, &scope)) != NULL;) {
        if (scope <= aq_rights_scope(&caller->rights, permission))
            continue;
        aq_permission_text(permission, scope, scoped);
        snprintf(text, sizeof text, "%s in %s", scoped, grant->project);
        right(context, text);
    }
}

void aq_caller_list(const struct aq_caller *caller, aq_right_fn *right, void *context)
{
    const struct aq_permission *permission;
    enum aq_scope scope;
    char text[AQ_SCOPED_SIZE];
    for (size_t index = 0; (permission = aq_rights_next(&caller->rights, &index, &scope)) != NULL;) {
        aq_permission_text(permission, scope, text);
        right(context, text);
    }
    for (uint32_t i = 0; i < caller->grant_count; i++)
        list_grant(caller, &caller->grants[i], right, context);
}

/* ---- refusals ------------------------------------------------------------------------------------------- */

int aq_access_check(const struct aq_caller *caller, const struct aq_permission *permission, const char *action,
                    struct aq_error *error)
{
    if (aq_rights_scope(&caller->somewhere, permission) != AQ_SCOPE_NONE)
        return 0;
    if (aq_rights_scope(&caller->limit, permission) == AQ_SCOPE_NONE)
        return aq_fail(error, AQ_E_FORBIDDEN,
                       "%s may not %s: that takes the permission %s, which the token does not give", caller->name,
                       action, permission->name);
    if (caller->project != NULL && !permission->in_project)
        return aq_fail(error, AQ_E_FORBIDDEN,
                       "%s may not %s: that takes the permission %s, and the token acts in project %s only",
                       caller->name, action, permission->name, caller->project);
    return aq_fail(error, AQ_E_FORBIDDEN,
                   "%s may not %s: that takes the permission %s, which the role %s does not give", caller->name, action,
                   permission->name, caller->role);
}

int aq_access_refuse_unknown(const char *name, struct aq_error *error)
{
    return aq_fail(error, AQ_E_FORBIDDEN, "%s is not a user of this cluster", name);
}

/* ---- rows ----------------------------------------------------------------------------------------------- */

enum aq_scope aq_access_scope(const struct aq_caller *caller, const struct aq_permission *permission,
                              const char *project)
{
    const enum aq_scope cluster = aq_rights_scope(&caller->rights, permission);
    if (cluster == AQ_SCOPE_ALL || caller->grant_count == 0 || project == NULL)
        return cluster;
    if (project[0] == '\0')
        return permission->command == NULL ? aq_rights_scope(&caller->somewhere, permission) : cluster;
    const struct aq_grant *grant = aq_caller_grant(caller, project);
    const enum aq_scope there = grant != NULL ? aq_rights_scope(&grant->rights, permission) : AQ_SCOPE_NONE;
    return there > cluster ? there : cluster;
}

bool aq_access_allows(const struct aq_caller *caller, const struct aq_permission *permission, uint64_t owner_number,
                      const char *project)
{
    const enum aq_scope scope = aq_access_scope(caller, permission, project);
    return scope == AQ_SCOPE_ALL || (scope == AQ_SCOPE_OWN && owner_number != 0 && owner_number == caller->number);
}

const struct aq_field *aq_access_owner_field(const struct aq_entity *entity)
{
    if (entity->owner_number == NULL)
        return NULL;
    const struct aq_field *field = aq_record_field(entity->record, entity->owner_number);
    aq_assert(field != NULL && field->type == AQ_TYPE_U64);
    return field;
}

const struct aq_field *aq_access_project_field(const struct aq_entity *entity)
{
    if (entity->project == NULL)
        return NULL;
    const struct aq_field *field = aq_record_field(entity->record, entity->project);
    aq_assert(field != NULL && aq_field_is_text(field));
    return field;
}

bool aq_access_owns_one_row(const struct aq_entity *entity)
{
    return entity->owner != NULL && aq_record_field(entity->record, entity->owner) == aq_entity_key(entity);
}

bool aq_access_rows_are_projects(const struct aq_entity *entity)
{
    return entity->project != NULL && aq_access_project_field(entity) == aq_entity_key(entity);
}

bool aq_access_owns(const struct aq_caller *caller, const struct aq_entity *entity, const void *row)
{
    const struct aq_field *owner = aq_access_owner_field(entity);
    return owner != NULL && caller->number != 0 && aq_field_number(owner, row) == caller->number;
}

bool aq_access_allows_row(const struct aq_caller *caller, const struct aq_permission *permission, const void *row)
{
    if (aq_rights_scope(&caller->rights, permission) == AQ_SCOPE_ALL)
        return true;
    const struct aq_field *project = caller->grant_count > 0 ? aq_access_project_field(permission->entity) : NULL;
    const char *name = project != NULL ? aq_field_text(project, row) : NULL;
    const enum aq_scope scope = aq_access_scope(caller, permission, name);
    return scope == AQ_SCOPE_ALL || (scope == AQ_SCOPE_OWN && aq_access_owns(caller, permission->entity, row));
}
