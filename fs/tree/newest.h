/* The caller's newest row of an entity that has one (entity->has_newest): what `last` links to. */
#ifndef AQ_FS_TREE_NEWEST_H
#define AQ_FS_TREE_NEWEST_H

#include "fs/tree/look.h"

uint64_t newest_row(struct look *look, const struct aq_entity *entity); /* its number; 0: none */

#endif
