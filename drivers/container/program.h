/* Runs another program to its end, within bounds. For processes that may wait, such as the starter. */
#ifndef AQ_DRIVERS_CONTAINER_PROGRAM_H
#define AQ_DRIVERS_CONTAINER_PROGRAM_H

#include "schema/base/error.h"
#include "schema/base/memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct program_run {
    const char *const *arguments; /* the program, found in the usual directories, and its arguments; NULL ends them */
    struct aq_buffer *output;     /* gets its standard output, up to 1 MiB; NULL: /dev/null */
    int inherit;                  /* becomes its standard output and error instead; 0: see `output` */
    int group;                    /* of control groups of version 2, to create it in; 0: that of the caller */
    const char *temporary;        /* its TMPDIR and HOME; NULL: /tmp and / */
    const char *proxy;            /* its HTTP_PROXY and HTTPS_PROXY; NULL or "": none */
    uint64_t until_ms;            /* by aq_clock_boot_ms(): then it is killed; given for every program */
    const char *bound;            /* what says so, "container.call_time of the agent": for the error */
    uint64_t file_bytes;          /* most bytes in a file that it writes; 0: no bound */

    /* Called from time to time while it runs; -1 with `error` ends it. NULL: nothing to do. */
    int (*watch)(void *context, struct aq_error *error);
    void *context;
    bool (*prepare)(void *context); /* called in the new process before exec; false with errno. NULL: nothing */
};

/* Returns 0 if it ended with status 0; otherwise -1, with what it wrote last to standard error. When a bound is passed,
 * it and all its descendants are killed; one that the kernel cannot end is not waited for. */
int program_run(const struct program_run *run, struct aq_error *error) AQ_MUST_CHECK;

/* The path of a program in the usual directories, or NULL. A path with / is checked as it is. Valid until the next
 * call. */
const char *program_find(const char *name);

#endif
