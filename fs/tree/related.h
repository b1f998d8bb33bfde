/* What belongs to a project: projects/web/applications/7 is a link to applications/7, and projects/web/labels/page one
 * to labels/page. An index finds them, so that nothing of other projects is read. */
#ifndef AQ_FS_TREE_RELATED_H
#define AQ_FS_TREE_RELATED_H

#include "fs/tree/directories.h"

/* Calls `entry` for each row of the entity that belongs to the project and that the caller may list, or for each group
 * of them, until it returns false. The nodes are of this kind, with the number of the row or the name of the group as
 * their key. `project` is empty for what belongs to all projects. */
void related_list(struct look *look, const struct aq_entity *entity, const char *project, enum tree_kind kind,
                  tree_entry_fn *entry, void *context);

/* Fills a node of kind TREE_RELATED_ROW. False: nothing of this name belongs to the project, for the caller. */
bool related_find(struct look *look, const struct aq_entity *entity, const char *project, const char *name,
                  struct tree_node *child);

#endif
