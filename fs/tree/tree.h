/* The tree: what stands under which name, and what each thing stands for.
 *
 *   /README  /events  /errors/last  /cluster/{seq,leader,members/<name>/<field>}
 *   /<plural>/                            a table of the registry
 *       new                               its command that creates
 *       last -> <key>                     the newest row of the caller
 *       <key>/                            a row, or <group>/<member>/ with latest -> <member>
 *           <field>                       one field; a symbolic link where it refers to another row
 *           <verb>, update, delete        the commands about the row
 *           why, events, log, ...         what is derived from it: views.h
 */
#ifndef AQ_FS_TREE_TREE_H
#define AQ_FS_TREE_TREE_H

#include "fs/tree/directories.h"

/* Finds `name` in the directory `parent`. False: not there, or not for the caller to see. */
bool tree_find(struct look *look, const struct tree_node *parent, const char *name, struct tree_node *child);

/* Calls `entry` for all that is in the directory, as far as the caller may see it, until it returns false. */
void tree_list(struct look *look, const struct tree_node *parent, tree_entry_fn *entry, void *context);

#endif
