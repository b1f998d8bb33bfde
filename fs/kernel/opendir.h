/* Open directories: what they held when they were opened. */
#ifndef AQ_FS_KERNEL_OPENDIR_H
#define AQ_FS_KERNEL_OPENDIR_H

#include "fs/kernel/filesystem.h"

void operation_opendir(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info);
void operation_readdir(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset, struct fuse_file_info *info);
void operation_releasedir(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info);

void open_directory_free(struct open_directory *directory);

#endif
