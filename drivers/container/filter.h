/* The filter of system calls of containers (bundle_seccomp()), made once for the host and then kept in a file: making
 * it takes longer than all else of a container.
 *
 * Its program is what the kernel takes, compiled from the rules as a runtime would. crun uses it as it is, instead of
 * compiling the rules for each container; other runtimes read the rules. */
#ifndef AQ_DRIVERS_CONTAINER_FILTER_H
#define AQ_DRIVERS_CONTAINER_FILTER_H

#include "schema/base/error.h"
#include "schema/base/memory.h"

#include <jansson.h>

/* The annotation by which crun gets the program. */
#define FILTER_ANNOTATION "run.oci.seccomp_bpf_data"

struct container_filter {
    json_t *rules; /* `linux.seccomp` of a config.json */
    char *program; /* in base64 */
};

/* For the starter, which may wait: another one may be making it. */
int container_filter_take(struct container_filter *filter, struct aq_error *error) AQ_MUST_CHECK;
void container_filter_free(struct container_filter *filter);

/* Compiles the rules, and appends the program, in base64. */
int container_filter_compile(const json_t *rules, struct aq_buffer *program, struct aq_error *error) AQ_MUST_CHECK;

#endif
