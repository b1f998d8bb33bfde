/* Groups of rows: labels/mac/2 is the row that is member 2 of the group mac. An index maps group and member to the row.
 * Entities with groups have no owners, and all members of a group belong to the same project: the latest one tells
 * whether a caller may see them. */
#ifndef AQ_FS_TREE_GROUPS_H
#define AQ_FS_TREE_GROUPS_H

#include "fs/tree/look.h"

/* Finds the key of a row, as users write it. False: there is no such row. */
bool groups_find(struct look *look, const struct aq_entity *entity, const char *group, const char *member,
                 char key[TREE_KEY_SIZE]);

/* Finds the last member of a group, as users write it. False: there is no such group. */
bool groups_latest(struct look *look, const struct aq_entity *entity, const char *group, char member[TREE_KEY_SIZE]);

/* The latest member that the key names, if the entity has groups, or the row whose key it is. NULL: there is none, or
 * the caller may not see it. */
const void *groups_row(struct look *look, const struct aq_entity *entity, const char *name);

/* Calls `entry` for each group (with key NULL), or for each member of one, in order, until it returns false. */
typedef bool groups_entry_fn(void *context, const char *name, const char *key);
void groups_list(struct look *look, const struct aq_entity *entity, groups_entry_fn *entry, void *context);
void groups_list_members(struct look *look, const struct aq_entity *entity, const char *group, groups_entry_fn *entry,
                         void *context);

#endif
