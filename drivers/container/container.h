/* The `container` driver runs containers of OCI images. It has no daemon, and no image handling of its own: skopeo gets
 * images, umoci unpacks them, and an OCI runtime (crun or runc) makes the container. Its workloads have keepers
 * (drivers/keeper/driver.h):
 *
 *   agent ──socket──> nursery ──fork──> keeper ──fork──> starter ──> skopeo, umoci, runtime create, runtime start
 *                                          └── main process of the container, which the runtime leaves to its keeper
 *
 *   store.h    images of this host, each unpacked once and shared by all agents
 *   slots.h    what each container of this host has for its own: users, an address, a name for the runtime
 *   starter.h  the process that makes one container, from the image to the start of its program
 *
 * Besides the keeper's files, a workload's directory has `upper/` and `overlay/` (what the container has written),
 * `bundle/` (config.json of the runtime, its log) and `container` (facts.h). */
#ifndef AQ_DRIVERS_CONTAINER_CONTAINER_H
#define AQ_DRIVERS_CONTAINER_CONTAINER_H

#include "drivers/driver.h"

extern const struct driver_type container_driver_type;

#endif
