#include "schema/model/membership.h"

#include "controller/project/memberships.h"
#include "schema/model/user.h"

#include <string.h>

static void store_membership(struct project *project, const struct aq_membership *row)
{
    struct state_key key = state_key_number(row->id);
    state_store(project->txn, &aq_entity_membership, &key, row);
}

static void remove_row(struct project *project, const struct aq_membership *row)
{
    const struct state_key key = state_key_number(row->id), in_project = index_project_key(row->project, row->id);
    struct state_key own = state_key_number(row->user_number);
    state_key_add_number(&own, row->id);
    index_remove(project->txn, INDEX_MEMBERSHIP_USER, &own);
    index_remove(project->txn, INDEX_MEMBERSHIP_PROJECT, &in_project);
    state_remove(project->txn, &aq_entity_membership, &key);
}

/* ---- the copy in the user's row ------------------------------------------------------------------------- */

/* The list without the one in this project and with `more`, unless that is NULL; in order of the projects' names. */
static struct aq_list changed_list(struct project *project, const struct aq_list *old, const char *without,
                                   const struct aq_user_membership *more)
{
    struct aq_list list = {aq_arena_alloc(project->arena, (old->count + 1) * sizeof(struct aq_user_membership)), 0};
    struct aq_user_membership *rows = list.items;
    for (uint32_t i = 0; i < old->count; i++) {
        const struct aq_user_membership *row = AQ_ITEM(*old, struct aq_user_membership, i);
        if (strcmp(row->project, without) == 0)
            continue;
        if (more != NULL && strcmp(more->project, row->project) < 0) {
            rows[list.count++] = *more;
            more = NULL;
        }
        rows[list.count++] = *row;
    }
    if (more != NULL)
        rows[list.count++] = *more;
    return list;
}

static void change_user(struct project *project, const struct aq_membership *row, bool stays)
{
    const struct aq_user_membership more = {row->project, row->role, row->id};
    struct aq_user user;
    if (!project_expect(project, state_user(project->txn, row->user, &user, project->arena)))
        return;
    user.memberships = changed_list(project, &user.memberships, row->project, stays ? &more : NULL);
    struct state_key key = state_key_name(user.name);
    state_store(project->txn, &aq_entity_user, &key, &user);
}

/* ---- events --------------------------------------------------------------------------------------------- */

static void create_membership(struct project *project, const void *data)
{
    const struct aq_membership_created *event = data;
    struct aq_user user;
    if (!project_expect(project, state_user(project->txn, event->user, &user, project->arena)))
        return;
    const struct aq_membership row = {
        .id = event->id,
        .project = event->project,
        .user = event->user,
        .role = event->role,
        .created_at = project->time_ms,
        .created_by = project->author,
        .changed_at = project->time_ms,
        .user_number = user.number,
    };
    const struct state_key in_project = index_project_key(row.project, row.id);
    struct state_key own = state_key_number(row.user_number);
    state_key_add_number(&own, row.id);
    index_put(project->txn, INDEX_MEMBERSHIP_USER, &own, "", 0);
    index_put(project->txn, INDEX_MEMBERSHIP_PROJECT, &in_project, "", 0);
    counter_set_last_id(project->txn, &aq_entity_membership, row.id);
    store_membership(project, &row);
    change_user(project, &row, true);
}
PROJECT(aq_event_membership_created, create_membership);

static void update_membership(struct project *project, const void *data)
{
    const struct aq_membership_updated *event = data;
    struct aq_membership row;
    if (!project_expect(project, state_membership(project->txn, event->id, &row, project->arena)))
        return;
    row.role = event->role;
    row.changed_at = project->time_ms;
    store_membership(project, &row);
    change_user(project, &row, true);
}
PROJECT(aq_event_membership_updated, update_membership);

static void delete_membership(struct project *project, const void *data)
{
    const struct aq_membership_deleted *event = data;
    struct aq_membership row;
    if (!project_expect(project, state_membership(project->txn, event->id, &row, project->arena)))
        return;
    change_user(project, &row, false);
    remove_row(project, &row);
}
PROJECT(aq_event_membership_deleted, delete_membership);

/* ---- taken along ---------------------------------------------------------------------------------------- */

void project_remove_memberships(struct project *project, const struct aq_user *user)
{
    for (uint32_t i = 0; i < user->memberships.count; i++) {
        const uint64_t id = AQ_ITEM(user->memberships, struct aq_user_membership, i)->id;
        struct aq_membership row;
        if (project_expect(project, state_membership(project->txn, id, &row, project->arena)))
            remove_row(project, &row);
    }
}

enum { MEMBERS_AT_ONCE = 256 };
struct members {
    uint64_t ids[MEMBERS_AT_ONCE];
    size_t count;
};

static bool note_member(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct members *members = context;
    (void)value;
    (void)length;
    members->ids[members->count++] = state_key_number_at(key, key->length - sizeof(uint64_t));
    return members->count < MEMBERS_AT_ONCE;
}

void project_remove_members(struct project *project, const char *name)
{
    struct members members = {.count = MEMBERS_AT_ONCE};
    const struct state_key prefix = index_project_prefix(name);
    struct aq_error error;
    while (members.count == MEMBERS_AT_ONCE && !state_failed(project->txn, &error)) {
        members.count = 0;
        index_scan(project->txn, INDEX_MEMBERSHIP_PROJECT, &prefix, note_member, &members);
        for (size_t i = 0; i < members.count; i++) {
            struct aq_membership row;
            if (!project_expect(project, state_membership(project->txn, members.ids[i], &row, project->arena)))
                return;
            change_user(project, &row, false);
            remove_row(project, &row);
        }
    }
}
