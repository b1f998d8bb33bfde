#include "fs/tree/directories.h"

#include "controller/state/references.h"
#include "controller/state/visible.h"
#include "fs/tree/groups.h"
#include "fs/tree/newest.h"
#include "fs/tree/outputs.h"
#include "fs/tree/paths.h"
#include "fs/tree/related.h"
#include "fs/tree/views.h"
#include "schema/codec/pack.h"
#include "schema/model/access.h"

#include <stdio.h>
#include <string.h>

#define NEWEST "last"   /* link in a table, to the caller's newest row */
#define LATEST "latest" /* link in a group, to its last member */

/* ---- commands ----------------------------------------------------------------------------------------- */

/* The command of the table, rather than of a row, whose file has this name; NULL: none. */
static const struct aq_command *table_command(const struct aq_entity *entity, const char *name)
{
    const struct aq_command *command = tree_command_named(entity, name);
    return command != NULL && command->kind == AQ_CREATES ? command : NULL;
}

/* The file that takes a command for a row or, if the key is empty, for the table. */
static struct tree_node command_node(const struct aq_entity *entity, const char *key, const struct aq_command *command)
{
    struct tree_node node = tree_node(TREE_CONTROL, entity, key);
    node.command = command;
    return node;
}

/* ---- tables ------------------------------------------------------------------------------------------- */

/* The entries of a table before its rows. Calls `entry` until it returns false. False: it did. */
static bool list_table_head(struct look *look, const struct aq_entity *entity, tree_entry_fn *entry, void *context)
{
    const struct aq_command *command;
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++) {
        struct tree_node node = command_node(entity, "", command);
        const char *name = tree_command_name(command);
        if (table_command(entity, name) == command && !entry(context, name, &node))
            return false;
    }
    if (entity->has_newest && newest_row(look, entity) != 0) {
        struct tree_node node = tree_node(TREE_NEWEST, entity, "");
        return entry(context, NEWEST, &node);
    }
    return true;
}

struct listing {
    struct look *look;
    const struct aq_entity *entity;
    tree_entry_fn *entry;
    void *context;
};

/* Reads no more of the row than what decides. */
static bool sees_row(const struct visible *visible, const struct state_key *key, struct aq_arena *arena)
{
    const struct aq_entity *entity = visible->entity;
    const struct aq_field *owner = aq_access_owner_field(entity), *project = aq_access_project_field(entity);
    const uint64_t wanted = (owner != NULL ? AQ_FIELD_BIT(entity->record, owner) : 0) |
                            (project != NULL ? AQ_FIELD_BIT(entity->record, project) : 0);
    struct state_packed row;
    void *fields = aq_arena_alloc(arena, entity->record->size);
    return state_find_packed(visible->txn, entity, key, &row) &&
           state_unpack(visible->txn, entity, &row, wanted, fields, arena) && visible_row(visible, fields);
}

/* For callers that see some rows: only the indexes of these are read. */
struct visible_listing {
    struct listing *listing;
    const struct visible *visible;
};

static bool show_visible(void *context, const struct state_key *key, unsigned sources)
{
    const struct visible_listing *some = context;
    const struct visible *visible = some->visible;
    struct listing *listing = some->listing;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    char name[TREE_KEY_SIZE];
    (void)sources;
    if (visible->caller->grant_count > 0 && !sees_row(visible, key, &arena))
        return true;
    state_key_show(listing->entity, key, name, sizeof name);
    struct tree_node node = tree_node(TREE_ROW, listing->entity, name);
    return listing->entry(listing->context, name, &node);
}

/* A group is shown once, for its latest member: all of them belong to the same project. */
static bool show_visible_group(void *context, const struct state_key *key, unsigned sources)
{
    const struct visible_listing *some = context;
    struct listing *listing = some->listing;
    const struct aq_entity *entity = listing->entity;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    void *row = aq_arena_alloc(&arena, entity->record->size);
    (void)sources;
    if (!state_find(some->visible->txn, entity, key, row, &arena) || !visible_row(some->visible, row))
        return true;
    const char *name = aq_field_text(aq_record_field(entity->record, entity->group), row);
    if (state_member(some->visible->txn, entity, name, 0) != state_key_number_at(key, 0))
        return true;
    struct tree_node node = tree_node(TREE_GROUP, entity, name);
    return listing->entry(listing->context, name, &node);
}

static void list_visible(const struct visible *visible, struct listing *listing)
{
    struct visible_listing some = {listing, visible};
    if (visible_is_indexed(listing->entity) && visible_somewhere(visible) != AQ_SCOPE_NONE)
        visible_scan(visible, NULL, false, listing->entity->group != NULL ? show_visible_group : show_visible, &some);
}

/* For callers that may see every row: only the keys are read. */
static bool show_key(void *context, const struct state_key *key)
{
    struct listing *listing = context;
    char name[TREE_KEY_SIZE];
    state_key_show(listing->entity, key, name, sizeof name);
    struct tree_node node = tree_node(TREE_ROW, listing->entity, name);
    return listing->entry(listing->context, name, &node);
}

static bool show_group(void *context, const char *name, const char *key)
{
    struct listing *listing = context;
    (void)key;
    struct tree_node node = tree_node(TREE_GROUP, listing->entity, name);
    return listing->entry(listing->context, name, &node);
}

/* In a mount for one project: what belongs to it, and what belongs to all projects. */
static void list_narrow(struct look *look, const struct aq_entity *entity, tree_entry_fn *entry, void *context)
{
    const char *project = look->sources->project;
    const enum tree_kind kind = entity->group != NULL ? TREE_GROUP : TREE_ROW;
    struct tree_node node = tree_node(TREE_ROW, entity, project);
    if (!aq_access_rows_are_projects(entity)) {
        related_list(look, entity, "", kind, entry, context);
        related_list(look, entity, project, kind, entry, context);
    } else if (look_row(look, entity, project) != NULL) {
        entry(context, project, &node);
    }
}

void directory_list_table(struct look *look, const struct aq_entity *entity, tree_entry_fn *entry, void *context)
{
    struct listing listing = {look, entity, entry, context};
    const struct visible visible = look_listed(look, entity);
    if (!list_table_head(look, entity, entry, context) || !look->caller.known)
        return;
    if (look_is_narrow(look, entity))
        list_narrow(look, entity, entry, context);
    else if (visible_everywhere(&visible) != AQ_SCOPE_ALL)
        list_visible(&visible, &listing);
    else if (entity->group != NULL)
        groups_list(look, entity, show_group, &listing);
    else
        state_scan_keys(look->txn, entity, show_key, &listing);
}

bool directory_find_in_table(struct look *look, const struct aq_entity *entity, const char *name,
                             struct tree_node *child)
{
    const struct aq_command *command = table_command(entity, name);
    if (command != NULL) {
        *child = command_node(entity, "", command);
        return true;
    }
    if (entity->has_newest && strcmp(name, NEWEST) == 0) {
        *child = tree_node(TREE_NEWEST, entity, "");
        return newest_row(look, entity) != 0;
    }
    if (strlen(name) >= TREE_KEY_SIZE)
        return false;
    bool found = groups_row(look, entity, name) != NULL;
    if (found)
        *child = tree_node(entity->group ? TREE_GROUP : TREE_ROW, entity, name);
    return found;
}

/* ---- groups ------------------------------------------------------------------------------------------- */

static bool show_member(void *context, const char *name, const char *key)
{
    struct listing *listing = context;
    struct tree_node node = tree_node(TREE_ROW, listing->entity, key);
    return listing->entry(listing->context, name, &node);
}

void directory_list_group(struct look *look, const struct aq_entity *entity, const char *group, tree_entry_fn *entry,
                          void *context)
{
    struct listing listing = {look, entity, entry, context};
    const struct visible listed = look_listed(look, entity);
    const void *last = groups_row(look, entity, group);
    if (last == NULL || !visible_row(&listed, last))
        return;
    struct tree_node latest = tree_node(TREE_LATEST, entity, group);
    if (entry(context, LATEST, &latest))
        groups_list_members(look, entity, group, show_member, &listing);
}

bool directory_find_in_group(struct look *look, const struct aq_entity *entity, const char *group, const char *name,
                             struct tree_node *child)
{
    char key[TREE_KEY_SIZE];
    if (groups_row(look, entity, group) == NULL)
        return false;
    if (strcmp(name, LATEST) == 0) {
        *child = tree_node(TREE_LATEST, entity, group);
        return groups_latest(look, entity, group, key);
    }
    if (!groups_find(look, entity, group, name, key))
        return false;
    *child = tree_node(TREE_ROW, entity, key);
    return true;
}

/* ---- rows --------------------------------------------------------------------------------------------- */

/* The command for a row whose file has this name; NULL: none. */
static const struct aq_command *row_command(const struct aq_entity *entity, const char *name)
{
    const struct aq_command *command = tree_command_named(entity, name);
    return command != NULL && command->kind != AQ_CREATES ? command : NULL;
}

static const struct aq_field *row_field(const struct aq_entity *entity, const char *name)
{
    for (size_t i = 0; i < entity->record->count; i++) {
        const struct aq_field *field = &entity->record->fields[i];
        if (!(field->rules & AQ_SECRET) && strcmp(tree_field_name(entity, field), name) == 0)
            return field;
    }
    return NULL;
}

/* If a command has the name of the field, the field's file takes its writes. */
static struct tree_node field_node(const struct aq_entity *entity, const char *key, const struct aq_field *field)
{
    struct tree_node node = tree_node(field->refers ? TREE_LINK : TREE_FIELD, entity, key);
    node.field = field;
    if (field->refers == NULL)
        node.command = row_command(entity, tree_field_name(entity, field));
    return node;
}

/* False: the row has no such view (yet). */
static bool find_view(struct look *look, const struct aq_view *view, const char *key, const void *row,
                      struct tree_node *node)
{
    *node = tree_node(view->kind == AQ_VIEW_LIVE ? TREE_LIVE : TREE_VIEW, view->entity, key);
    node->view = view;
    return view->kind != AQ_VIEW_OUTPUT || output_place(look, row, node);
}

/* NULL: nothing of this name belongs to rows of the entity. */
static const struct aq_entity *related_named(const struct aq_entity *entity, const char *name)
{
    const struct aq_entity *related;
    for (size_t i = 0; (related = tree_related_at(entity, &i)) != NULL;)
        if (strcmp(related->plural, name) == 0)
            return related;
    return NULL;
}

static bool leads_somewhere(struct look *look, const struct tree_node *node)
{
    AQ_CLEANUP_BUFFER struct aq_buffer target = {0};
    return node->kind != TREE_LINK || tree_link(look, node, &target);
}

bool directory_find_in_row(struct look *look, const struct aq_entity *entity, const char *key, const char *name,
                           struct tree_node *child)
{
    const struct aq_field *field = row_field(entity, name);
    const struct aq_command *command = row_command(entity, name);
    const struct aq_view *view = tree_view_find(entity, name);
    const struct aq_entity *related = related_named(entity, name);
    bool known = field != NULL || command != NULL || view != NULL || related != NULL;
    const void *row = known ? look_row(look, entity, key) : NULL;
    if (row == NULL)
        return false;
    if (field != NULL)
        *child = field_node(entity, key, field);
    else if (command != NULL)
        *child = command_node(entity, key, command);
    else if (related != NULL)
        *child = tree_node(TREE_RELATED, related, key);
    else
        return find_view(look, view, key, row, child);
    return leads_somewhere(look, child);
}

static bool list_fields(struct look *look, const struct aq_entity *entity, const char *key, tree_entry_fn *entry,
                        void *context)
{
    for (size_t i = 0; i < entity->record->count; i++) {
        const struct aq_field *field = &entity->record->fields[i];
        struct tree_node node = field_node(entity, key, field);
        if (!(field->rules & AQ_SECRET) && leads_somewhere(look, &node) &&
            !entry(context, tree_field_name(entity, field), &node))
            return false;
    }
    return true;
}

static bool list_commands(const struct aq_entity *entity, const char *key, tree_entry_fn *entry, void *context)
{
    const struct aq_command *command;
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++) {
        const char *name = tree_command_name(command);
        struct tree_node node = command_node(entity, key, command);
        if (row_command(entity, name) == command && row_field(entity, name) == NULL && !entry(context, name, &node))
            return false;
    }
    return true;
}

void directory_list_row(struct look *look, const struct aq_entity *entity, const char *key, tree_entry_fn *entry,
                        void *context)
{
    const void *row = look_row(look, entity, key);
    if (row == NULL || !list_fields(look, entity, key, entry, context) || !list_commands(entity, key, entry, context))
        return;
    const struct aq_view *view;
    const struct aq_entity *related;
    for (size_t i = 0; (view = tree_view_at(entity, &i)) != NULL;) {
        struct tree_node node;
        if (find_view(look, view, key, row, &node) && !entry(context, view->name, &node))
            return;
    }
    for (size_t i = 0; (related = tree_related_at(entity, &i)) != NULL;) {
        struct tree_node node = tree_node(TREE_RELATED, related, key);
        if (!entry(context, related->plural, &node))
            return;
    }
}
