/* The contents of files, and what stat() returns for any node of the tree. */
#ifndef AQ_FS_TREE_CONTENT_H
#define AQ_FS_TREE_CONTENT_H

#include "fs/tree/look.h"

#include <sys/stat.h>

/* Appends the content of a file for this caller. Not for /events and fetched files, which are read in other ways. Fails
 * with AQ_E_NOT_FOUND if the file does not exist (any more). */
int content_write(struct look *look, const struct tree_node *node, struct aq_buffer *out,
                  struct aq_error *error) AQ_MUST_CHECK;

/* False: the node does not exist (any more), or the caller may not see it. */
bool content_stat(struct look *look, const struct tree_node *node, struct stat *stat);

bool content_is_fetched(const struct tree_node *node);

#endif
