/* Files: open, read, poll, release. A descriptor reads the content that the file had when it was opened; /events and
 * the outputs of workloads (logs.h) grow. */
#ifndef AQ_FS_KERNEL_FILES_H
#define AQ_FS_KERNEL_FILES_H

#include "fs/kernel/filesystem.h"

void operation_open(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info);
void operation_read(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset, struct fuse_file_info *info);
void operation_poll(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info, struct fuse_pollhandle *poll);
void operation_release(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info);

/* /events has changed: notifies the processes that poll it. */
void files_wake(struct filesystem *filesystem);

#endif
