/* The starter makes one container: it finds or gets the image, mounts the root, and has the OCI runtime create and
 * start the container. The keeper forks it, and takes over the container's main process when the starter has ended
 * well. */
#ifndef AQ_DRIVERS_CONTAINER_STARTER_H
#define AQ_DRIVERS_CONTAINER_STARTER_H

#include "drivers/keeper/kind.h"

pid_t container_starter_start(const struct keeper_start *start, struct aq_error *error);

/* The OCI runtime that the settings ask for; NULL with `error`: it is not installed. Valid until the next call. */
const char *container_runtime(const char *wanted, struct aq_error *error);

#endif
