/* The bundle: config.json, from which the OCI runtime makes a container. Written by ourselves, since what umoci writes
 * would run as root of the host. */
#ifndef AQ_DRIVERS_CONTAINER_BUNDLE_H
#define AQ_DRIVERS_CONTAINER_BUNDLE_H

#include "drivers/container/filter.h"
#include "drivers/container/plan.h"
#include "drivers/container/spaces.h"
#include "schema/base/error.h"

#include <jansson.h>
#include <stdint.h>

struct bundle_user {
    uint32_t uid, gid;
    json_t *groups; /* of numbers; a new reference */
};

struct bundle_wish {
    const struct container_plan *plan;
    const json_t *image; /* what the image says about its program */
    const struct bundle_user *user;
    uint32_t first_user;
    const struct container_spaces *spaces; /* that it enters: of this process, which must be there until it runs */
    const char *hostname;
    const struct container_filter *filter;
    bool compiled;     /* the runtime takes the filter's program */
    const char *group; /* name of the control group below each mount; for runtimes that must have one */
};

/* A new reference. Fails if there is no program to run. */
json_t *bundle_make(const struct bundle_wish *wish, struct aq_error *error) AQ_MUST_CHECK;

/* Finds the user by the files of the image: NAME, NUMBER, or one of them and :GROUP. `root` is the image's directory.
 */
int bundle_find_user(struct bundle_user *user, const char *wanted, int root, struct aq_error *error) AQ_MUST_CHECK;

/* The rules of the usual filter of system calls (seccomp.c), from the profile that the host's container tools bring. A
 * new reference; NULL with `error`. */
json_t *bundle_seccomp(struct aq_error *error) AQ_MUST_CHECK;
extern const char bundle_profile[]; /* path of the profile */

extern const char *const bundle_capabilities[]; /* NULL ends them */

#endif
