#include "fs/tree/related.h"

#include "controller/state/indexes.h"
#include "fs/tree/groups.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct relation {
    struct look *look;
    const struct aq_entity *entity;
    const char *project;
    enum tree_kind kind;
    tree_entry_fn *entry;
    void *context;
};

static bool belongs(struct look *look, const struct aq_entity *entity, const char *project, uint64_t number)
{
    const struct state_key key = index_project_key(project, number);
    const void *value;
    size_t length;
    return index_get(look->txn, index_of_project(entity), &key, &value, &length);
}

/* A group is shown once, for its latest member: all of them belong to the same project. */
static bool show_group(const struct relation *relation, const char *number)
{
    const struct aq_entity *entity = relation->entity;
    char member[TREE_KEY_SIZE], key[TREE_KEY_SIZE];
    const void *row = look_row(relation->look, entity, number);
    if (row == NULL)
        return true;
    const char *group = aq_field_text(aq_record_field(entity->record, entity->group), row);
    struct tree_node node = tree_node(relation->kind, entity, group);
    return !groups_latest(relation->look, entity, node.key, member) ||
           !groups_find(relation->look, entity, node.key, member, key) || strcmp(key, number) != 0 ||
           relation->entry(relation->context, node.key, &node);
}

static bool show_number(void *context, const struct state_key *key, const void *value, size_t length)
{
    const struct relation *relation = context;
    char number[TREE_KEY_SIZE];
    (void)value;
    (void)length;
    snprintf(number, sizeof number, "%" PRIu64, state_key_number_at(key, key->length - sizeof(uint64_t)));
    if (relation->entity->group != NULL)
        return show_group(relation, number);
    struct tree_node node = tree_node(relation->kind, relation->entity, number);
    return relation->entry(relation->context, number, &node);
}

/* A caller that sees only its own rows costs as much as it owns. */
static bool show_own(void *context, const struct state_key *key, const void *value, size_t length)
{
    const struct relation *relation = context;
    uint64_t number = state_key_number_at(key, key->length - sizeof(uint64_t));
    return !belongs(relation->look, relation->entity, relation->project, number) ||
           show_number(context, key, value, length);
}

void related_list(struct look *look, const struct aq_entity *entity, const char *project, enum tree_kind kind,
                  tree_entry_fn *entry, void *context)
{
    struct relation relation = {look, entity, project, kind, entry, context};
    const struct visible visible = look_listed(look, entity);
    const enum aq_scope scope = look->caller.known ? visible_in(&visible, project) : AQ_SCOPE_NONE;
    const struct state_key own = state_key_number(look->caller.as.number), all = index_project_prefix(project);
    if (scope == AQ_SCOPE_ALL)
        index_scan(look->txn, index_of_project(entity), &all, show_number, &relation);
    else if (scope == AQ_SCOPE_OWN && entity->indexed_by_owner)
        index_scan(look->txn, index_of_owner(entity), &own, show_own, &relation);
}

bool related_find(struct look *look, const struct aq_entity *entity, const char *project, const char *name,
                  struct tree_node *child)
{
    if (strlen(name) >= TREE_KEY_SIZE)
        return false;
    const void *row = groups_row(look, entity, name);
    *child = tree_node(TREE_RELATED_ROW, entity, name);
    return row != NULL && strcmp(aq_field_text(aq_access_project_field(entity), row), project) == 0;
}
