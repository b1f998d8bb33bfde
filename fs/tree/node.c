#include "fs/tree/node.h"

#include "schema/model/view.h"

#include <string.h>

struct tree_node tree_node(enum tree_kind kind, const struct aq_entity *entity, const char *key)
{
    struct tree_node node;
    memset(&node, 0, sizeof node); /* padding as well */
    node.kind = kind;
    node.entity = entity;
    memcpy(node.key, key, strnlen(key, sizeof node.key - 1));
    return node;
}

bool tree_node_equal(const struct tree_node *a, const struct tree_node *b)
{
    return a->kind == b->kind && a->entity == b->entity && a->field == b->field && a->command == b->command &&
           a->view == b->view && a->resource == b->resource && a->base == b->base && strcmp(a->key, b->key) == 0;
}

/* Takes eight bytes at a time, since a listing hashes each of its names. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    size_t length = strlen(text);
    hash ^= length; /* so that "ab", "c" and "a", "bc" differ */
    do {
        uint64_t word = 0;
        size_t part = length < sizeof word ? length : sizeof word;
        memcpy(&word, text, part);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15;
        hash ^= hash >> 32;
        text += part;
        length -= part;
    } while (length > 0);
    return hash;
}

static uint64_t hash_number(uint64_t hash, uint64_t number)
{
    hash = (hash ^ number) * 0x9e3779b97f4a7c15;
    return hash ^ hash >> 32;
}

uint64_t tree_node_hash(const struct tree_node *node)
{
    uint64_t hash = hash_text((uint64_t)node->kind, node->entity ? node->entity->name : "");
    hash = hash_text(hash, node->key);
    hash = hash_text(hash, node->field ? node->field->name : "");
    hash = hash_text(hash, node->command ? node->command->name : "");
    hash = hash_text(hash, node->view ? node->view->name : "");
    hash = hash_number(hash_number(hash, node->resource), node->base);
    return hash > 1 ? hash : hash + 2;
}

bool tree_node_is_control(const struct tree_node *node)
{
    return node->command != NULL;
}

enum tree_shape tree_node_shape(const struct tree_node *node)
{
    switch (node->kind) {
    case TREE_ROOT:
    case TREE_ERRORS:
    case TREE_CLUSTER:
    case TREE_MEMBERS:
    case TREE_MEMBER:
    case TREE_TABLE:
    case TREE_GROUP:
    case TREE_ROW:
    case TREE_LIVE:
    case TREE_RELATED:
        return TREE_IS_DIRECTORY;
    case TREE_RELATED_ROW:
    case TREE_NEWEST:
    case TREE_LATEST:
    case TREE_LINK:
        return TREE_IS_LINK;
    default:
        return TREE_IS_FILE;
    }
}

bool tree_node_is_row(const struct tree_node *node)
{
    switch (node->kind) {
    case TREE_ROW:
    case TREE_FIELD:
    case TREE_LINK:
    case TREE_VIEW:
    case TREE_LIVE:
    case TREE_LIVE_FIELD:
        return true;
    case TREE_CONTROL:
        return node->key[0] != '\0';
    default:
        return false;
    }
}

const struct aq_entity *tree_related_to(const struct aq_entity *entity)
{
    return aq_record_field(entity->record, entity->project)->refers;
}

const struct aq_entity *tree_related_at(const struct aq_entity *to, size_t *index)
{
    const struct aq_entity *entity;
    while ((entity = aq_entity_at((*index)++)) != NULL)
        if (entity->project != NULL && entity != to && tree_related_to(entity) == to)
            return entity;
    return NULL;
}

static const struct tree_fixed fixed[] = {
    {TREE_ROOT, "README", TREE_README},    {TREE_ROOT, "events", TREE_EVENTS},      {TREE_ROOT, "errors", TREE_ERRORS},
    {TREE_ROOT, "cluster", TREE_CLUSTER},  {TREE_ERRORS, "last", TREE_LAST_ERROR},  {TREE_CLUSTER, "seq", TREE_SEQ},
    {TREE_CLUSTER, "leader", TREE_LEADER}, {TREE_CLUSTER, "members", TREE_MEMBERS},
};

const struct tree_fixed *tree_fixed_at(size_t index)
{
    return index < AQ_LENGTH(fixed) ? &fixed[index] : NULL;
}
