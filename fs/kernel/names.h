/* Names, attributes and links, and the operations that always fail: creating, removing and renaming. */
#ifndef AQ_FS_KERNEL_NAMES_H
#define AQ_FS_KERNEL_NAMES_H

#include <fuse_lowlevel.h>

void operation_lookup(fuse_req_t request, fuse_ino_t parent, const char *name);
void operation_forget(fuse_req_t request, fuse_ino_t number, uint64_t count);
void operation_forget_multi(fuse_req_t request, size_t count, struct fuse_forget_data *forgets);
void operation_getattr(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info);
void operation_setattr(fuse_req_t request, fuse_ino_t number, struct stat *wanted, int what,
                       struct fuse_file_info *info);
void operation_readlink(fuse_req_t request, fuse_ino_t number);
void operation_create(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode,
                      struct fuse_file_info *info);
void operation_mknod(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode, dev_t device);
void operation_mkdir(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode);
void operation_unlink(fuse_req_t request, fuse_ino_t parent, const char *name);
void operation_symlink(fuse_req_t request, const char *target, fuse_ino_t parent, const char *name);
void operation_link(fuse_req_t request, fuse_ino_t number, fuse_ino_t parent, const char *name);
void operation_rename(fuse_req_t request, fuse_ino_t parent, const char *name, fuse_ino_t other, const char *other_name,
                      unsigned flags);

#endif
