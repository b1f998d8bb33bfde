/* The workloads of an agent that are over, and the logs of the newest of them: files in ended/, named by resource. */
#ifndef AQ_AGENT_ENDED_H
#define AQ_AGENT_ENDED_H

#include "schema/base/error.h"
#include "schema/base/memory.h"

#include <stdbool.h>

enum {
    ENDED_LOGS_MAX = 50, /* logs that are kept */
    ENDED_MAX = 1024,    /* resources that are remembered */
    ENDED_LOG_SIZE_MAX = 1 << 20,
};

struct ended {
    int directory;                 /* -1: not open */
    uint64_t resources[ENDED_MAX]; /* oldest first */
    uint32_t count;
};

/* Opens ended/ in `parent`, creates it if it is missing, and reads which workloads have a log. */
int ended_open(struct ended *ended, int parent, struct aq_error *error) AQ_MUST_CHECK;
void ended_close(struct ended *ended);

/* Adds a workload and stores the end of its log, which is cut short if the disk is full. */
void ended_add(struct ended *ended, uint64_t resource, const void *log, size_t length);

bool ended_has(const struct ended *ended, uint64_t resource); /* is remembered */

/* Appends the newest `max` bytes of the log. */
int ended_log(const struct ended *ended, uint64_t resource, size_t max, struct aq_buffer *out,
              struct aq_error *error) AQ_MUST_CHECK;

#endif
