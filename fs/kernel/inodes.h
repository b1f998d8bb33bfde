/* Inode numbers: the nodes of the tree that the kernel knows.
 *
 * A number is the hash of its node, so it survives restarts. The table holds exactly what the kernel holds: each lookup
 * adds one to the count of an entry, each forget subtracts from it, and at zero the entry is removed. */
#ifndef AQ_FS_KERNEL_INODES_H
#define AQ_FS_KERNEL_INODES_H

#include "fs/tree/node.h"

struct inodes;

struct inodes *inodes_open(void);         /* holds the root, as number 1 */
void inodes_close(struct inodes *inodes); /* NULL is fine */

/* The number of the node; the kernel holds it once more. */
uint64_t inodes_hold(struct inodes *inodes, const struct tree_node *node);
void inodes_forget(struct inodes *inodes, uint64_t number, uint64_t count);

/* NULL: the kernel does not hold this number. Valid until the next hold or forget. */
const struct tree_node *inodes_find(const struct inodes *inodes, uint64_t number);

size_t inodes_count(const struct inodes *inodes);

#endif
