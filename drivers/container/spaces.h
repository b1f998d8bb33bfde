/* Namespaces of a container that are there before it: the runtime has it enter them. So its root can be mounted as its
 * users see it, and its network is ready when its first process begins. */
#ifndef AQ_DRIVERS_CONTAINER_SPACES_H
#define AQ_DRIVERS_CONTAINER_SPACES_H

#include "schema/base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Descriptors. The namespaces end with the last process in them, and with these. */
struct container_spaces {
    int users;   /* user namespace with the container's users */
    int network; /* network namespace that belongs to it; -1: none was made */
};

int container_spaces_make(struct container_spaces *spaces, uint32_t first_user, bool network,
                          struct aq_error *error) AQ_MUST_CHECK;

#endif
