/* Writes: a command goes to the controller, and the write returns with its outcome. */
#ifndef AQ_FS_KERNEL_WRITES_H
#define AQ_FS_KERNEL_WRITES_H

#include "fs/kernel/filesystem.h"

void operation_write(fuse_req_t request, fuse_ino_t number, const char *data, size_t size, off_t offset,
                     struct fuse_file_info *info);

/* Answers the writes whose rows have settled (settling.h). Call it when tables have changed, and at least each
 * SETTLING_TICK_MS while writes_are_settling(). */
void writes_work(struct filesystem *filesystem);
bool writes_are_settling(const struct filesystem *filesystem);

#endif
