/* Writes a workload's output (drivers/output.h) in files of limited size. A file ends at the end of a line if possible.
 *
 * Output that cannot be written, because the disk is full, is dropped and counted, so that the workload never waits for
 * the disk. As soon as there is room, a line in the log says how much was lost. */
#ifndef AQ_DRIVERS_KEEPER_LOG_H
#define AQ_DRIVERS_KEEPER_LOG_H

#include "schema/base/error.h"
#include "schema/drivers/driver.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keeper_log {
    int directory;  /* the workload's; belongs to the caller */
    int fd;         /* of the newest file */
    uint64_t start; /* position at which it begins */
    uint64_t size;  /* of a full file, in bytes */
    uint64_t used;  /* of the newest file */
    unsigned files; /* how many files are kept, 1 to AQ_LOG_FILES_MAX */
    bool mid_line;  /* the last byte written did not end a line */
    uint64_t lost;  /* bytes dropped since the last successful write */
    int lost_errno;
};

int keeper_log_open(struct keeper_log *log, int directory, uint64_t size, unsigned files,
                    struct aq_error *error) AQ_MUST_CHECK;
void keeper_log_write(struct keeper_log *log, const char *bytes, size_t length);
void keeper_log_close(struct keeper_log *log);

#endif
