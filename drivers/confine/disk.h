/* A disk of a fixed size: a file system in a file. When it is full, nothing else is affected. It is there as
 * long as it is mounted anywhere, and needs no cleaning up: the loop device that carries it ends with the last mount.
 */
#ifndef AQ_DRIVERS_CONFINE_DISK_H
#define AQ_DRIVERS_CONFINE_DISK_H

#include "schema/base/error.h"

#include <stdint.h>

enum { CONFINE_DISK_LEAST_MIB = 1 };

/* Makes the file `name` in `directory`, which takes room on the host only as it is filled, puts a file system into it,
 * and returns a detached mount of that, owned by root; -1 with `error`. Takes some 20 ms, and needs root, loop devices
 * and mke2fs(8). */
int confine_disk_make(int directory, const char *name, uint64_t mib, struct aq_error *error) AQ_MUST_CHECK;

/* A detached mount of one that was made and is mounted nowhere any more, read-only. */
int confine_disk_open(int directory, const char *name, struct aq_error *error) AQ_MUST_CHECK;

#endif
