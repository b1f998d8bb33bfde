/* The directories of tables, groups and rows, which follow from the declared entities. Used by tree.c only. */
#ifndef AQ_FS_TREE_DIRECTORIES_H
#define AQ_FS_TREE_DIRECTORIES_H

#include "fs/tree/look.h"
#include "fs/tree/node.h"

/* Called for each entry of a directory, until it returns false. */
typedef bool tree_entry_fn(void *context, const char *name, const struct tree_node *node);

bool directory_find_in_table(struct look *look, const struct aq_entity *entity, const char *name,
                             struct tree_node *child);
bool directory_find_in_group(struct look *look, const struct aq_entity *entity, const char *group, const char *name,
                             struct tree_node *child);
bool directory_find_in_row(struct look *look, const struct aq_entity *entity, const char *key, const char *name,
                           struct tree_node *child);

void directory_list_table(struct look *look, const struct aq_entity *entity, tree_entry_fn *entry, void *context);
void directory_list_group(struct look *look, const struct aq_entity *entity, const char *group, tree_entry_fn *entry,
                          void *context);
void directory_list_row(struct look *look, const struct aq_entity *entity, const char *key, tree_entry_fn *entry,
                        void *context);

#endif
