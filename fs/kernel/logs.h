/* The outputs of workloads as open files: pieces are fetched from the node, through the controller, as they are read.
 *
 * A read at the end returns end of file, and never waits. A descriptor gets it where the output ended when it was
 * opened or last got it, as in /events. An output that grows is noticed with the heartbeats of its node. When bytes are
 * dropped before a descriptor that reads on has got to them, a line in their place says so. */
#ifndef AQ_FS_KERNEL_LOGS_H
#define AQ_FS_KERNEL_LOGS_H

#include "fs/kernel/filesystem.h"

struct open_file;

enum { LOGS_DOING_SIZE = 128 };

/* Opens the file, or fails and frees it. `doing` is for /errors/last: "opening /resources/7/log". */
void logs_open(fuse_req_t request, const struct fuse_file_info *info, struct open_file *file, const char *doing);
void logs_read(fuse_req_t request, struct open_file *file, size_t size, uint64_t offset);
bool logs_has_more(const struct filesystem *filesystem, const struct open_file *file);

/* Call it at least each QUESTIONS_TICK_MS: notifies the processes that poll outputs which have grown, and asks for the
 * end of those whose workloads have ended. */
void logs_work(struct filesystem *filesystem);

#endif
