/* Names, links and paths of nodes. */
#ifndef AQ_FS_TREE_PATHS_H
#define AQ_FS_TREE_PATHS_H

#include "fs/tree/look.h"
#include "fs/tree/node.h"

/* The name of the file that shows a field, and of the file that takes a command. */
const char *tree_field_name(const struct aq_entity *entity, const struct aq_field *field);
const char *tree_command_name(const struct aq_command *command);

/* The command of the entity that the file `name` takes; NULL: none. */
const struct aq_command *tree_command_named(const struct aq_entity *entity, const char *name);

/* Appends the target of a link, as readlink() returns it. False: there is no target (any more). */
bool tree_link(struct look *look, const struct tree_node *node, struct aq_buffer *out);

/* "/labels/mac/2/delete", for messages; cut if it does not fit. */
void tree_path(struct look *look, const struct tree_node *node, char *out, size_t size);

#endif
