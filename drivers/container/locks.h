/* Locks that all agents of a host share. A process that holds one may have been stopped, and then never gives it back:
 * each is waited for with a bound. */
#ifndef AQ_DRIVERS_CONTAINER_LOCKS_H
#define AQ_DRIVERS_CONTAINER_LOCKS_H

#include "schema/base/error.h"

#include <stdint.h>

/* Locks the open file as flock(2) does (LOCK_EX or LOCK_SH), until `until_ms` of CLOCK_BOOTTIME. Returns -1 with errno;
 * EWOULDBLOCK: another process still has it. For processes with one thread: the bound comes as a SIGALRM. */
int lock_take(int fd, int operation, uint64_t until_ms) AQ_MUST_CHECK;

/* The same for the file at `path`, which is created if it is missing. Returns a descriptor, which holds the lock until
 * it is closed; -1 with `error`, AQ_E_BUSY if another process still has the lock. */
int lock_open(const char *path, int operation, uint64_t until_ms, struct aq_error *error) AQ_MUST_CHECK;

#endif
