/* Inode numbers: which node of the tree the kernel means.
 *
 * A number is the hash of what it stands for, so that it stays the same over restarts. The table holds exactly what
 * the kernel holds: each lookup counts up, each forget counts down, and at zero the entry goes. */
#ifndef AQ_FS_KERNEL_INODES_H
#define AQ_FS_KERNEL_INODES_H

#include "fs/tree/node.h"

struct inodes;

struct inodes *inodes_open(void);         /* with the root in it, as number 1 */
void inodes_close(struct inodes *inodes); /* NULL is fine */

/* The node's number, held once more. */
uint64_t inodes_hold(struct inodes *inodes, const struct tree_node *node);
void inodes_forget(struct inodes *inodes, uint64_t number, uint64_t count);

/* NULL: a number that the kernel does not hold. Valid until the next hold or forget. */
const struct tree_node *inodes_find(const struct inodes *inodes, uint64_t number);

size_t inodes_count(const struct inodes *inodes);

#endif
