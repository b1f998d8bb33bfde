/* What a file holds, and what stat() says about anything in the tree. */
#ifndef AQ_FS_TREE_CONTENT_H
#define AQ_FS_TREE_CONTENT_H

#include "fs/tree/look.h"

#include <sys/stat.h>

/* Appends what the file holds for this caller. Not for /events, nor for what has to be fetched: these are read in a way
 * of their own. AQ_E_NOT_FOUND: it is not there (any more). */
int content_write(struct look *look, const struct tree_node *node, struct aq_buffer *out,
                  struct aq_error *error) AQ_MUST_CHECK;

/* False: it is not there (any more), or not for the caller to see. */
bool content_stat(struct look *look, const struct tree_node *node, struct stat *stat);

bool content_is_fetched(const struct tree_node *node);
bool content_is_control(const struct tree_node *node); /* takes writes */

#endif
