/* The lease file: when the agent of this directory was last in touch with its cluster. The agent writes it, and keepers
 * read it: a workload with a lease is ended by its keeper when that was too long ago, whether the agent still runs or
 * not.
 *
 * The time is that of the clock since the boot of the host, which nobody sets and which goes on while the host sleeps;
 * the file names the boot. */
#ifndef AQ_DRIVERS_LEASE_H
#define AQ_DRIVERS_LEASE_H

#include "schema/base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define LEASE_FILE "lease"
#define LEASE_OVER "its lease is over: its node was out of touch with the cluster for too long"

int lease_write(int directory, uint64_t touched_ms, struct aq_error *error) AQ_MUST_CHECK;
/* False: it cannot be read, or is of another boot. */
bool lease_read(const char *path, uint64_t *touched_ms);

#endif
