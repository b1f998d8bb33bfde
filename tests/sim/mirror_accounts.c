#include "tests/sim/mirror_rows.h"

#include "schema/model/application.h"
#include "schema/model/membership.h"
#include "schema/model/project.h"
#include "schema/model/resource.h"
#include "schema/model/token.h"
#include "schema/model/user.h"

#include <stdlib.h>
#include <string.h>

/* ---- users --------------------------------------------------------------------------------------------- */

TAKE(user_created)
{
    DATA(user_created);
    struct aq_user *row = mirror_add(mirror, &aq_entity_user, 0, data->name);
    row->number = ++mirror->users;
    row->role = mirror_copy(mirror, data->role);
    row->max_applications = data->max_applications;
    row->first_token = ++mirror->tokens;
    row->created_at = event->time_ms;
    row->created_by = mirror_copy(mirror, event->author);
}

TAKE(user_token_changed)
{
    DATA(user_token_changed);
    struct aq_user *row = mirror_find_name(mirror, &aq_entity_user, data->name);
    (void)event;
    if (row != NULL)
        row->first_token = ++mirror->tokens;
}

TAKE(token_created)
{
    DATA(token_created);
    mirror->tokens = data->id;
}

TAKE(user_uid_set)
{
    DATA(user_uid_set);
    struct aq_user *row = mirror_find_name(mirror, &aq_entity_user, data->name);
    (void)event;
    if (row != NULL)
        row->uid = data->uid;
}

TAKE(user_updated)
{
    DATA(user_updated);
    struct aq_user *row = mirror_find_name(mirror, &aq_entity_user, data->name);
    if (row == NULL)
        return;
    row->role = mirror_copy(mirror, data->role);
    row->max_applications = data->max_applications;
}

/* ---- roles in projects --------------------------------------------------------------------------------------- */

static int compare_projects(const void *one, const void *other)
{
    return strcmp(((const struct aq_user_membership *)one)->project,
                  ((const struct aq_user_membership *)other)->project);
}

/* The copies in the user's row are those of its rows. */
static void set_copies(struct mirror *mirror, const char *name)
{
    const struct mirror_table *table = mirror_table(mirror, &aq_entity_membership);
    struct aq_user *user = mirror_find_name(mirror, &aq_entity_user, name);
    if (user == NULL)
        return;
    struct aq_user_membership *rows = aq_arena_alloc(&mirror->arena, (table->count + 1) * sizeof *rows);
    user->memberships = (struct aq_list){rows, 0};
    for (size_t i = 0; i < table->count; i++) {
        const struct aq_membership *row = table->rows[i];
        if (strcmp(row->user, name) == 0)
            rows[user->memberships.count++] = (struct aq_user_membership){row->project, row->role, row->id};
    }
    qsort(rows, user->memberships.count, sizeof *rows, compare_projects);
}

TAKE(membership_created)
{
    DATA(membership_created);
    const struct aq_user *user = mirror_find_name(mirror, &aq_entity_user, data->user);
    struct aq_membership *row = mirror_add(mirror, &aq_entity_membership, data->id, "");
    row->project = mirror_copy(mirror, data->project);
    row->user = mirror_copy(mirror, data->user);
    row->role = mirror_copy(mirror, data->role);
    row->user_number = user != NULL ? user->number : 0;
    row->created_at = row->changed_at = event->time_ms;
    row->created_by = mirror_copy(mirror, event->author);
    set_copies(mirror, row->user);
}

TAKE(membership_updated)
{
    DATA(membership_updated);
    struct aq_membership *row = mirror_find_number(mirror, &aq_entity_membership, data->id);
    if (row == NULL)
        return;
    row->role = mirror_copy(mirror, data->role);
    row->changed_at = event->time_ms;
    set_copies(mirror, row->user);
}

static void drop_membership(struct mirror *mirror, uint64_t id)
{
    const struct aq_membership *row = mirror_find_number(mirror, &aq_entity_membership, id);
    if (row == NULL)
        return;
    mirror_drop(mirror, &aq_entity_membership, id, "");
    set_copies(mirror, row->user);
}

TAKE(membership_deleted)
{
    DATA(membership_deleted);
    (void)event;
    drop_membership(mirror, data->id);
}

/* Those of a user or of a project that goes; the other is NULL. */
static void drop_memberships(struct mirror *mirror, const char *user, const char *project)
{
    const struct mirror_table *table = mirror_table(mirror, &aq_entity_membership);
    for (size_t i = table->count; i > 0; i--) {
        const struct aq_membership *row = table->rows[i - 1];
        if (user != NULL ? strcmp(row->user, user) == 0 : strcmp(row->project, project) == 0)
            drop_membership(mirror, row->id);
    }
}

TAKE(user_deleted)
{
    DATA(user_deleted);
    mirror_drop(mirror, &aq_entity_user, 0, data->name);
    drop_memberships(mirror, data->name, NULL);
}

/* ---- roles --------------------------------------------------------------------------------------------------- */

TAKE(role_created)
{
    DATA(role_created);
    struct aq_role *row = mirror_add(mirror, &aq_entity_role, 0, data->name);
    row->may = mirror_copy_texts(mirror, &data->may);
    row->description = mirror_copy(mirror, data->description);
    row->created_at = row->changed_at = event->time_ms;
    row->created_by = mirror_copy(mirror, event->author);
}

TAKE(role_updated)
{
    DATA(role_updated);
    struct aq_role *row = mirror_find_name(mirror, &aq_entity_role, data->name);
    if (row == NULL)
        return;
    row->may = mirror_copy_texts(mirror, &data->may);
    row->description = mirror_copy(mirror, data->description);
    row->changed_at = event->time_ms;
}

TAKE(role_deleted)
{
    DATA(role_deleted);
    mirror_drop(mirror, &aq_entity_role, 0, data->name);
}

/* ---- projects ------------------------------------------------------------------------------------------------ */

TAKE(project_created)
{
    DATA(project_created);
    struct aq_project *row = mirror_add(mirror, &aq_entity_project, 0, data->name);
    row->description = mirror_copy(mirror, data->description);
    row->created_at = event->time_ms;
    row->created_by = mirror_copy(mirror, event->author);
}

TAKE(project_quotas_set)
{
    DATA(project_quotas_set);
    struct aq_project *row = mirror_find_name(mirror, &aq_entity_project, data->name);
    (void)event;
    if (row == NULL)
        return;
    AQ_PROJECT_COPY_QUOTA(row, data);
    row->description = mirror_copy(mirror, data->description);
}

TAKE(project_deleted)
{
    DATA(project_deleted);
    drop_memberships(mirror, NULL, data->name);
    mirror_drop(mirror, &aq_entity_project, 0, data->name);
}

struct mirror_usage mirror_usage(const struct mirror *mirror, const char *project, uint64_t user_number)
{
    const struct mirror_table *applications = mirror_table(mirror, &aq_entity_application),
                              *resources = mirror_table(mirror, &aq_entity_resource);
    struct mirror_usage usage = {.open = 0};
    for (size_t i = 0; i < applications->count; i++) {
        const struct aq_application *row = applications->rows[i];
        usage.open += row->ended_at == 0 && row->user_number == user_number && strcmp(row->project, project) == 0;
    }
    for (size_t i = 0; i < resources->count; i++) {
        const struct aq_resource *row = resources->rows[i];
        if (row->user_number == user_number && strcmp(row->project, project) == 0)
            aq_amounts_add(&usage.held, &row->amounts);
    }
    return usage;
}

const struct mirror_taker mirror_accounts[] = {
    {&aq_event_user_created, take_user_created},
    {&aq_event_user_updated, take_user_updated},
    {&aq_event_user_token_changed, take_user_token_changed},
    {&aq_event_user_uid_set, take_user_uid_set},
    {&aq_event_token_created, take_token_created},
    {&aq_event_user_deleted, take_user_deleted},
    {&aq_event_membership_created, take_membership_created},
    {&aq_event_membership_updated, take_membership_updated},
    {&aq_event_membership_deleted, take_membership_deleted},
    {&aq_event_role_created, take_role_created},
    {&aq_event_role_updated, take_role_updated},
    {&aq_event_role_deleted, take_role_deleted},
    {&aq_event_project_created, take_project_created},
    {&aq_event_project_quotas_set, take_project_quotas_set},
    {&aq_event_project_deleted, take_project_deleted},
    {NULL, NULL},
};
