#include "fs/tree/directories.h"

#include "fs/tree/groups.h"
#include "fs/tree/newest.h"
#include "fs/tree/outputs.h"
#include "fs/tree/paths.h"
#include "fs/tree/views.h"

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

static bool show_row(void *context, const struct state_key *key, const void *row)
{
    struct listing *listing = context;
    char name[TREE_KEY_SIZE];
    (void)key;
    if (!look_may_see(listing->look, listing->entity, row))
        return true;
    state_key_text(listing->entity, row, name, sizeof name);
    struct tree_node node = tree_node(TREE_ROW, listing->entity, name);
    return listing->entry(listing->context, name, &node);
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

void directory_list_table(struct look *look, const struct aq_entity *entity, tree_entry_fn *entry, void *context)
{
    struct listing listing = {look, entity, entry, context};
    if (!list_table_head(look, entity, entry, context))
        return;
    if (entity->group != NULL)
        groups_list(look, entity, show_group, &listing);
    else if (look->caller.known && (entity->owner == NULL || look->caller.role == AQ_ROLE_ADMIN))
        state_scan_keys(look->txn, entity, show_key, &listing);
    else
        state_scan(look->txn, entity, NULL, show_row, &listing);
}

bool directory_find_in_table(struct look *look, const struct aq_entity *entity, const char *name,
                             struct tree_node *child)
{
    char member[TREE_KEY_SIZE];
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
    bool found = entity->group ? groups_latest(look, entity, name, member) : look_row(look, entity, name) != NULL;
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
    char member[TREE_KEY_SIZE];
    if (!groups_latest(look, entity, group, member))
        return;
    struct tree_node latest = tree_node(TREE_LATEST, entity, group);
    if (entry(context, LATEST, &latest))
        groups_list_members(look, entity, group, show_member, &listing);
}

bool directory_find_in_group(struct look *look, const struct aq_entity *entity, const char *group, const char *name,
                             struct tree_node *child)
{
    char key[TREE_KEY_SIZE];
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
    const void *row = field != NULL || command != NULL || view != NULL ? look_row(look, entity, key) : NULL;
    if (row == NULL)
        return false;
    if (field != NULL)
        *child = field_node(entity, key, field);
    else if (command != NULL)
        *child = command_node(entity, key, command);
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
    for (size_t i = 0; (view = tree_view_at(entity, &i)) != NULL;) {
        struct tree_node node;
        if (find_view(look, view, key, row, &node) && !entry(context, view->name, &node))
            return;
    }
}
