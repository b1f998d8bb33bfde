/* What a caller may do to a node of the tree: the file view's side of the rights (schema/model/access.h). Each node
 * stands for the permission that reading it takes, and a control file for that of its command, too. */
#ifndef AQ_FS_TREE_PERMITS_H
#define AQ_FS_TREE_PERMITS_H

#include "fs/tree/look.h"

#include <sys/stat.h>

/* Fails with AQ_E_FORBIDDEN unless the caller may pass through the directory, to what it may see of it. */
int permits_pass(const struct look *look, const struct tree_node *node, struct aq_error *error) AQ_MUST_CHECK;
/* The same for reading a file, or listing a directory. Whether a row is there for the caller, look_row() says. */
int permits_read(struct look *look, const struct tree_node *node, struct aq_error *error) AQ_MUST_CHECK;
/* The same for writing to a control file. The controller decides again. */
int permits_write(struct look *look, const struct tree_node *node, struct aq_error *error) AQ_MUST_CHECK;

/* The bits of a mode that the present caller has: 4 read, 2 write, 1 pass. */
unsigned permits_bits(struct look *look, const struct tree_node *node);
/* Those that holders of the built-in role user have, to their own rows and those that nobody owns. */
unsigned permits_usual_bits(const struct tree_node *node);

#endif
