/* What the kernel asks for, one function per kind of request:
 *   names.c    lookup, stat, links, and what this tree refuses
 *   opendir.c  directories
 *   files.c    open, read, poll, release
 *   writes.c   write
 *
 * The kernel caches neither attributes nor names (time-outs are 0, except for directories that are always there): what
 * is read is true now. Files are opened with direct I/O. */
#ifndef AQ_FS_KERNEL_OPERATIONS_H
#define AQ_FS_KERNEL_OPERATIONS_H

#include <fuse_lowlevel.h>

extern const struct fuse_lowlevel_ops operations; /* the session's user data: struct filesystem */

#endif
