/* The output of a workload (AQ_VIEW_OUTPUT): what is kept of it, its end, or all that comes, in the order of its
 * positions: what `next` of one answer says is the `after` of the next request. */
#ifndef AQ_TOOLS_AQ_OUTPUT_H
#define AQ_TOOLS_AQ_OUTPUT_H

#include "tools/aq/nouns.h"

struct cli_output {
    bool follow;        /* until the workload has ended; for an application also with its later workloads */
    uint64_t size;      /* only the newest bytes, as whole lines; 0: all that is kept */
    uint64_t lines;     /* only the newest lines, of at most 1 MiB; CLI_ALL_LINES: all */
    uint64_t timeout_s; /* follow: how long at most; 0: no limit */
    bool silent;        /* the caller says that the time is over */
};
#define CLI_ALL_LINES UINT64_MAX

/* Prints the output of the resource or application `key`. While it follows, it waits for a controller or an agent that
 * is gone; an interruption (interrupt.h) ends that. What was dropped before it could be read is noted. */
enum cli_exit cli_output_show(struct cli *cli, const struct aq_entity *entity, const char *key,
                              const struct cli_output *output);

/* Where the newest `lines` lines of the text begin. */
size_t cli_output_tail(const char *text, size_t length, uint64_t lines);

/* How many bytes at the beginning of `new` are the end of `old`: both are windows on one growing text. */
size_t cli_log_overlap(const struct aq_buffer *old, const struct aq_buffer *new);

#endif
