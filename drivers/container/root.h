/* The root file system of a container, in a mount namespace of the starter's own: the image below, seen as if its files
 * belonged to the container's users, and above it a directory that takes what the container writes. Nothing of it is
 * left when the last process of that namespace has ended. */
#ifndef AQ_DRIVERS_CONTAINER_ROOT_H
#define AQ_DRIVERS_CONTAINER_ROOT_H

#include "drivers/container/plan.h"
#include "schema/base/error.h"

#include <stdint.h>

struct root_wish {
    const struct container_plan *plan;
    const char *image;     /* directory of the image's files */
    const char *directory; /* the workload's: gets upper/ and overlay/ */
    uint32_t first_user;   /* of the container */
    int users;             /* its user namespace: a descriptor */
    const char *hostname;
    const char *resolvers; /* contents of /etc/resolv.conf; NULL: the image's own file */
    const char *address;   /* of the container, for /etc/hosts; "": it has none */
};

/* Moves the calling process into a mount namespace of its own, and mounts the root at SLOTS_ROOT there. */
int root_make(const struct root_wish *wish, struct aq_error *error) AQ_MUST_CHECK;

#endif
