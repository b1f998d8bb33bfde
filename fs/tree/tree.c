#include "fs/tree/tree.h"

#include "fs/fileview.h"
#include "fs/tree/directories.h"
#include "fs/tree/extras.h"
#include "fs/tree/groups.h"
#include "schema/codec/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- nodes -------------------------------------------------------------------------------------------- */

struct tree_node tree_node(enum tree_kind kind, const struct aq_entity *entity, const char *key)
{
    struct tree_node node;
    memset(&node, 0, sizeof node); /* padding too */
    node.kind = kind;
    node.entity = entity;
    memcpy(node.key, key, strnlen(key, sizeof node.key - 1));
    return node;
}

bool tree_node_equal(const struct tree_node *a, const struct tree_node *b)
{
    return a->kind == b->kind && a->entity == b->entity && a->field == b->field && a->command == b->command &&
           a->extra == b->extra && strcmp(a->key, b->key) == 0;
}

/* Eight bytes at once: a listing takes the hash of each name. */
static uint64_t mix(uint64_t hash, const char *text)
{
    size_t length = strlen(text);
    hash ^= length; /* so that "ab", "c" is not "a", "bc" */
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

uint64_t tree_node_hash(const struct tree_node *node)
{
    uint64_t hash = mix((uint64_t)node->kind, node->entity ? node->entity->name : "");
    hash = mix(hash, node->key);
    hash = mix(hash, node->field ? node->field->name : "");
    hash = mix(hash, node->command ? node->command->name : "");
    hash = mix(hash, node->extra ? node->extra->name : "");
    return hash > 1 ? hash : hash + 2;
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
        return TREE_IS_DIRECTORY;
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
    case TREE_EXTRA:
    case TREE_LIVE:
    case TREE_LIVE_FIELD:
        return true;
    case TREE_CONTROL:
        return node->key[0] != '\0';
    default:
        return false;
    }
}

/* ---- directories that are always there ---------------------------------------------------------------- */

static const struct {
    enum tree_kind parent;
    const char *name;
    enum tree_kind kind;
} fixed[] = {
    {TREE_ROOT, "README", TREE_README},    {TREE_ROOT, "events", TREE_EVENTS},      {TREE_ROOT, "errors", TREE_ERRORS},
    {TREE_ROOT, "cluster", TREE_CLUSTER},  {TREE_ERRORS, "last", TREE_LAST_ERROR},  {TREE_CLUSTER, "seq", TREE_SEQ},
    {TREE_CLUSTER, "leader", TREE_LEADER}, {TREE_CLUSTER, "members", TREE_MEMBERS},
};

static bool list_fixed(enum tree_kind parent, tree_entry_fn *entry, void *context)
{
    for (size_t i = 0; i < AQ_LENGTH(fixed); i++) {
        struct tree_node node = tree_node(fixed[i].kind, NULL, "");
        if (fixed[i].parent == parent && !entry(context, fixed[i].name, &node))
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

static void list_members(const struct fileview *view, tree_entry_fn *entry, void *context)
{
    for (uint32_t i = 0; i < view->now.members.count; i++) {
        const char *name = AQ_ITEM(view->now.members, struct aq_member, i)->name;
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
        list_members(look->view, entry, context);
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
    case TREE_LIVE:
        list_record(extras_live_record(), parent, TREE_LIVE_FIELD, entry, context);
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
    default: { /* few entries: looks through them */
        struct search search = {.name = name, .child = child};
        tree_list(look, parent, note_if_named, &search);
        return search.found;
    }
    }
}

/* ---- paths -------------------------------------------------------------------------------------------- */

static void add_row_path(const struct aq_entity *entity, const void *row, struct aq_buffer *out)
{
    aq_buffer_text(out, entity->plural);
    aq_buffer_char(out, '/');
    if (entity->group == NULL) {
        char key[LOOK_KEY_SIZE];
        state_key_text(entity, row, key, sizeof key);
        aq_buffer_text(out, key);
        return;
    }
    aq_field_to_text(aq_record_field(entity->record, entity->group), row, out);
    aq_buffer_char(out, '/');
    aq_field_to_text(aq_record_field(entity->record, entity->member), row, out);
}

/* Where a field leads: to a row that is there, whether the caller may look into it or not. */
static bool link_of_field(struct look *look, const struct tree_node *node, const void *row, struct aq_buffer *out)
{
    const struct aq_entity *target = aq_entity_find(node->field->refers);
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
    char member[LOOK_KEY_SIZE];
    const void *row;
    uint64_t newest;
    switch (node->kind) {
    case TREE_NEWEST:
        newest = extras_newest(look, node->entity);
        if (newest != 0)
            aq_buffer_u64(out, newest);
        return newest != 0;
    case TREE_LATEST:
        if (!groups_latest(look, node->entity, node->key, member))
            return false;
        aq_buffer_text(out, member);
        return true;
    case TREE_LINK:
        row = look_row(look, node->entity, node->key);
        return row != NULL && link_of_field(look, node, row, out);
    default:
        return false;
    }
}

static const char *name_in_row(const struct tree_node *node)
{
    if (node->kind == TREE_LIVE || node->kind == TREE_EXTRA)
        return node->extra->name;
    if (node->kind == TREE_CONTROL)
        return directory_command_name(node->command);
    return node->field ? directory_field_name(node->entity, node->field) : "";
}

void tree_path(struct look *look, const struct tree_node *node, char *out, size_t size)
{
    struct aq_buffer path = {0};
    for (size_t i = 0; i < AQ_LENGTH(fixed); i++)
        if (fixed[i].kind == node->kind)
            aq_buffer_text(&path, fixed[i].name);
    if (node->entity != NULL) {
        const void *row = tree_node_is_row(node) ? look_row(look, node->entity, node->key) : NULL;
        if (row != NULL)
            add_row_path(node->entity, row, &path);
        else
            aq_buffer_format(&path, "%s%s%s", node->entity->plural, node->key[0] ? "/" : "", node->key);
        const char *name = name_in_row(node);
        aq_buffer_format(&path, "%s%s", name[0] ? "/" : "", name);
    }
    snprintf(out, size, "/%s", aq_buffer_string(&path));
    aq_buffer_free(&path);
}
