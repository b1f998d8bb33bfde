#include "fs/tree/tree.h"

#include "fs/link/news.h"
#include "fs/tree/related.h"

#include <string.h>

/* ---- directories that are always there ---------------------------------------------------------------- */

static bool list_fixed(enum tree_kind parent, tree_entry_fn *entry, void *context)
{
    const struct tree_fixed *fixed;
    for (size_t i = 0; (fixed = tree_fixed_at(i)) != NULL; i++) {
        struct tree_node node = tree_node(fixed->kind, NULL, "");
        if (fixed->parent == parent && !entry(context, fixed->name, &node))
            return false;
    }
    return true;
}

static void list_tables(tree_entry_fn *entry, void *context)
{
    const struct aq_entity *entity;
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++) {
        struct tree_node node = tree_node(TREE_TABLE, entity, "");
        if (!entry(context, entity->plural, &node))
            return;
    }
}

static void list_members(const struct aq_now *now, tree_entry_fn *entry, void *context)
{
    for (uint32_t i = 0; i < now->members.count; i++) {
        const char *name = AQ_ITEM(now->members, struct aq_member, i)->name;
        struct tree_node node = tree_node(TREE_MEMBER, NULL, name);
        if (!entry(context, name, &node))
            return;
    }
}

static void list_record(const struct aq_record *record, const struct tree_node *parent, enum tree_kind kind,
                        tree_entry_fn *entry, void *context)
{
    for (size_t i = 0; i < record->count; i++) {
        const struct aq_field *field = &record->fields[i];
        struct tree_node node = tree_node(kind, parent->entity, parent->key);
        node.field = field;
        if (!(field->rules & (AQ_KEY | AQ_SECRET)) && !entry(context, field->name, &node))
            return;
    }
}

void tree_list(struct look *look, const struct tree_node *parent, tree_entry_fn *entry, void *context)
{
    if (!list_fixed(parent->kind, entry, context))
        return;
    switch (parent->kind) {
    case TREE_ROOT:
        list_tables(entry, context);
        break;
    case TREE_MEMBERS:
        list_members(news_now(look->sources->news), entry, context);
        break;
    case TREE_MEMBER:
        list_record(&aq_member_record, parent, TREE_MEMBER_FIELD, entry, context);
        break;
    case TREE_TABLE:
        directory_list_table(look, parent->entity, entry, context);
        break;
    case TREE_GROUP:
        directory_list_group(look, parent->entity, parent->key, entry, context);
        break;
    case TREE_ROW:
        directory_list_row(look, parent->entity, parent->key, entry, context);
        break;
    case TREE_RELATED:
        related_list(look, parent->entity, parent->key, TREE_RELATED_ROW, entry, context);
        break;
    case TREE_LIVE:
        list_record(parent->entity->live, parent, TREE_LIVE_FIELD, entry, context);
        break;
    default:
        break;
    }
}

/* ---- finding ------------------------------------------------------------------------------------------ */

struct search {
    const char *name;
    struct tree_node *child;
    bool found;
};

static bool note_if_named(void *context, const char *name, const struct tree_node *node)
{
    struct search *search = context;
    search->found = strcmp(name, search->name) == 0;
    if (search->found)
        *search->child = *node;
    return !search->found;
}

bool tree_find(struct look *look, const struct tree_node *parent, const char *name, struct tree_node *child)
{
    switch (parent->kind) {
    case TREE_TABLE:
        return directory_find_in_table(look, parent->entity, name, child);
    case TREE_GROUP:
        return directory_find_in_group(look, parent->entity, parent->key, name, child);
    case TREE_ROW:
        return directory_find_in_row(look, parent->entity, parent->key, name, child);
    case TREE_RELATED:
        return related_find(look, parent->entity, parent->key, name, child);
    default: { /* few entries */
        struct search search = {.name = name, .child = child};
        tree_list(look, parent, note_if_named, &search);
        return search.found;
    }
    }
}
