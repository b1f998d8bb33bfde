/* The tree: the entries of each directory.
 *
 *   /README  /events  /errors/last  /cluster/{seq,leader,members/<name>/<field>}
 *   /<plural>/                            the rows of an entity
 *       new                               takes the command that creates one
 *       last -> <key>                     the newest row of the caller
 *       <key>/                            a row; or <group>/<member>/, with latest -> <member>
 *           <field>                       a field; a symbolic link if it refers to another row
 *           <verb>, update, delete        the commands for the row
 *           why, events, log, ...         its views (views.h)
 */
#ifndef AQ_FS_TREE_TREE_H
#define AQ_FS_TREE_TREE_H

#include "fs/tree/directories.h"

/* Finds `name` in the directory `parent`. False: there is no such entry, or the caller may not see it. */
bool tree_find(struct look *look, const struct tree_node *parent, const char *name, struct tree_node *child);

/* Calls `entry` for each entry of the directory that the caller may see, until it returns false. */
void tree_list(struct look *look, const struct tree_node *parent, tree_entry_fn *entry, void *context);

#endif
