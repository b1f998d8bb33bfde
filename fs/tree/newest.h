/* The newest row of a caller, to which `last` links, for entities that have such a link (entity->has_newest). */
#ifndef AQ_FS_TREE_NEWEST_H
#define AQ_FS_TREE_NEWEST_H

#include "fs/tree/look.h"

uint64_t newest_row(struct look *look, const struct aq_entity *entity); /* its number; 0: none */

#endif
