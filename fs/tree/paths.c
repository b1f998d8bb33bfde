#include "fs/tree/paths.h"

#include "controller/state/state.h"
#include "fs/tree/groups.h"
#include "fs/tree/newest.h"
#include "schema/codec/text.h"
#include "schema/model/view.h"

#include <stdio.h>
#include <string.h>

/* ---- names of files ----------------------------------------------------------------------------------- */

const char *tree_field_name(const struct aq_entity *entity, const struct aq_field *field)
{
    if (entity->file_field != NULL && strcmp(entity->file_field, field->name) == 0)
        return entity->file_name;
    return field->name;
}

const char *tree_command_name(const struct aq_command *command)
{
    switch (command->kind) {
    case AQ_CREATES:
        if (aq_command_goes_by_verb(command))
            return command->verb;
        return "new";
    case AQ_UPDATES:
        return "update";
    case AQ_DELETES:
        return "delete";
    default:
        return command->verb;
    }
}

const struct aq_command *tree_command_named(const struct aq_entity *entity, const char *name)
{
    const struct aq_command *command;
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++)
        if (command->kind != AQ_INTERNAL_COMMAND && command->entity == entity &&
            strcmp(tree_command_name(command), name) == 0)
            return command;
    return NULL;
}

static void add_row_path(const struct aq_entity *entity, const void *row, struct aq_buffer *out)
{
    aq_buffer_text(out, entity->plural);
    aq_buffer_char(out, '/');
    if (entity->group == NULL) {
        char key[TREE_KEY_SIZE];
        state_key_text(entity, row, key, sizeof key);
        aq_buffer_text(out, key);
        return;
    }
    aq_field_to_text(aq_record_field(entity->record, entity->group), row, out);
    aq_buffer_char(out, '/');
    aq_field_to_text(aq_record_field(entity->record, entity->member), row, out);
}

/* ---- links -------------------------------------------------------------------------------------------- */

/* Links to the row that a field refers to, even if the caller may not see it. False: there is no such row. */
static bool link_of_field(struct look *look, const struct tree_node *node, const void *row, struct aq_buffer *out)
{
    const struct aq_entity *target = node->field->refers;
    aq_assert(target != NULL);
    bool by_number = aq_field_is_number(node->field);
    uint64_t number = by_number ? aq_field_number(node->field, row) : 0;
    const char *name = by_number ? "" : aq_field_text(node->field, row);
    if (number == 0 && name[0] == '\0')
        return false;
    struct state_key key = by_number ? state_key_number(number) : state_key_name(name);
    void *found = aq_arena_alloc(look->arena, target->record->size);
    if (!state_find(look->txn, target, &key, found, look->arena))
        return false;
    aq_buffer_text(out, node->entity->group ? "../../../" : "../../");
    add_row_path(target, found, out);
    return true;
}

bool tree_link(struct look *look, const struct tree_node *node, struct aq_buffer *out)
{
    char member[TREE_KEY_SIZE];
    const void *row;
    uint64_t newest;
    switch (node->kind) {
    case TREE_NEWEST:
        newest = newest_row(look, node->entity);
        if (newest != 0)
            aq_buffer_u64(out, newest);
        return newest != 0;
    case TREE_LATEST:
        if (!groups_latest(look, node->entity, node->key, member))
            return false;
        aq_buffer_text(out, member);
        return true;
    case TREE_RELATED_ROW:
        aq_buffer_format(out, "../../../%s/%s", node->entity->plural, node->key);
        return groups_row(look, node->entity, node->key) != NULL;
    case TREE_LINK:
        row = look_row(look, node->entity, node->key);
        return row != NULL && link_of_field(look, node, row, out);
    default:
        return false;
    }
}

/* ---- paths -------------------------------------------------------------------------------------------- */

static const char *name_in_row(const struct tree_node *node)
{
    if (node->kind == TREE_LIVE || node->kind == TREE_VIEW)
        return node->view->name;
    if (node->kind == TREE_CONTROL)
        return tree_command_name(node->command);
    return node->field ? tree_field_name(node->entity, node->field) : "";
}

/* The path of a node that always exists; nothing for others. */
static void add_fixed_path(enum tree_kind kind, struct aq_buffer *out)
{
    const struct tree_fixed *fixed;
    for (size_t i = 0; (fixed = tree_fixed_at(i)) != NULL; i++) {
        if (fixed->kind != kind)
            continue;
        add_fixed_path(fixed->parent, out);
        aq_buffer_format(out, "%s%s", out->length > 0 ? "/" : "", fixed->name);
        return;
    }
}

void tree_path(struct look *look, const struct tree_node *node, char *out, size_t size)
{
    AQ_CLEANUP_BUFFER struct aq_buffer path = {0};
    add_fixed_path(node->kind, &path);
    if (node->kind == TREE_RELATED) {
        aq_buffer_format(&path, "%s/%s/%s", tree_related_to(node->entity)->plural, node->key, node->entity->plural);
    } else if (node->entity != NULL) {
        const void *row = tree_node_is_row(node) ? look_row(look, node->entity, node->key) : NULL;
        if (row != NULL)
            add_row_path(node->entity, row, &path);
        else
            aq_buffer_format(&path, "%s%s%s", node->entity->plural, node->key[0] ? "/" : "", node->key);
        const char *name = name_in_row(node);
        aq_buffer_format(&path, "%s%s", name[0] ? "/" : "", name);
    }
    snprintf(out, size, "/%s", aq_buffer_string(&path));
}
