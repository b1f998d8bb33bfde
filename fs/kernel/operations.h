/* What the kernel asks for, one function per kind of request:
 *   names.c    lookup, stat, links, and the operations that always fail
 *   opendir.c  directories
 *   files.c    open, read, poll, release
 *   writes.c   write
 *
 * The kernel caches neither attributes nor names, except those of directories that always exist, and files are opened
 * with direct I/O: what a process reads is always current. */
#ifndef AQ_FS_KERNEL_OPERATIONS_H
#define AQ_FS_KERNEL_OPERATIONS_H

#include <fuse_lowlevel.h>

extern const struct fuse_lowlevel_ops operations; /* the session's user data: struct filesystem */

#endif
