/* /README: describes the tree, with examples. It is made from the declarations, so it is never out of date. */
#ifndef AQ_FS_TREE_README_H
#define AQ_FS_TREE_README_H

#include "schema/base/memory.h"

/* `mount` is where the tree is mounted. */
void readme_write(const char *mount, struct aq_buffer *out);

#endif
