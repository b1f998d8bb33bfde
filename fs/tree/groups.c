#include "fs/tree/groups.h"

#include "controller/state/indexes.h"
#include "schema/model/key.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool prefix_of(const char *group, struct state_key *prefix)
{
    size_t length = strlen(group);
    if (length == 0 || length >= TREE_KEY_SIZE)
        return false;
    *prefix = (struct state_key){0};
    state_key_add_text(prefix, group);
    return true;
}

static void number_text(uint64_t number, char text[TREE_KEY_SIZE])
{
    snprintf(text, TREE_KEY_SIZE, "%" PRIu64, number);
}

static void value_text(const void *value, size_t length, char key[TREE_KEY_SIZE])
{
    uint64_t number;
    aq_assert(length == sizeof number);
    memcpy(&number, value, sizeof number);
    number_text(number, key);
}

bool groups_find(struct look *look, const struct aq_entity *entity, const char *group, const char *member,
                 char key[TREE_KEY_SIZE])
{
    struct state_key name;
    const void *value;
    uint64_t number;
    size_t length;
    if (!prefix_of(group, &name) || !aq_key_read_number(member, &number))
        return false;
    state_key_add_number(&name, number);
    if (!index_get(look->txn, index_of_groups(entity), &name, &value, &length))
        return false;
    value_text(value, length, key);
    return true;
}

bool groups_latest(struct look *look, const struct aq_entity *entity, const char *group, char member[TREE_KEY_SIZE])
{
    struct state_key prefix, last;
    const void *value;
    size_t length;
    if (!prefix_of(group, &prefix) || !index_last(look->txn, index_of_groups(entity), &prefix, &last, &value, &length))
        return false;
    number_text(state_key_number_at(&last, prefix.length), member);
    return true;
}

const void *groups_row(struct look *look, const struct aq_entity *entity, const char *name)
{
    char member[TREE_KEY_SIZE], key[TREE_KEY_SIZE];
    if (entity->group == NULL)
        return look_row(look, entity, name);
    if (!groups_latest(look, entity, name, member) || !groups_find(look, entity, name, member, key))
        return NULL;
    return look_row(look, entity, key);
}

struct listing {
    groups_entry_fn *entry;
    void *context;
    size_t prefix; /* bytes of a key before the member's number */
    bool found;
    char name[TREE_KEY_SIZE];
};

static bool note_group(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct listing *listing = context;
    (void)value;
    (void)length;
    listing->found = true;
    snprintf(listing->name, sizeof listing->name, "%.*s", (int)key->length, (const char *)key->bytes);
    return false;
}

void groups_list(struct look *look, const struct aq_entity *entity, groups_entry_fn *entry, void *context)
{
    const struct state_key all = {0};
    struct state_key after;
    struct listing listing = {0};
    index_scan(look->txn, index_of_groups(entity), &all, note_group, &listing);
    while (listing.found && entry(context, listing.name, NULL)) {
        bool named = prefix_of(listing.name, &after);
        aq_assert(named);
        state_key_add_number(&after, UINT64_MAX); /* after all members of this group */
        listing.found = false;
        index_scan_after(look->txn, index_of_groups(entity), &all, &after, note_group, &listing);
    }
}

static bool show_member(void *context, const struct state_key *name, const void *value, size_t length)
{
    struct listing *listing = context;
    char member[TREE_KEY_SIZE], key[TREE_KEY_SIZE];
    number_text(state_key_number_at(name, listing->prefix), member);
    value_text(value, length, key);
    return listing->entry(listing->context, member, key);
}

void groups_list_members(struct look *look, const struct aq_entity *entity, const char *group, groups_entry_fn *entry,
                         void *context)
{
    struct state_key prefix;
    if (!prefix_of(group, &prefix))
        return;
    struct listing listing = {.entry = entry, .context = context, .prefix = prefix.length};
    index_scan(look->txn, index_of_groups(entity), &prefix, show_member, &listing);
}
