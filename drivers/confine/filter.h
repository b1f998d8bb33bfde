/* Which system calls a workload may make: a list of those that it may not, comparable to the preset of container
 * runtimes. They fail with EPERM, and clone3(), whose arguments a filter cannot see, with ENOSYS, so that the C library
 * uses clone(). System calls of other architectures that the kernel offers, such as those of 32 bits, fail with ENOSYS.
 *
 * The filter is made once in a process and inherited by its forks, because making it takes a millisecond. */
#ifndef AQ_DRIVERS_CONFINE_FILTER_H
#define AQ_DRIVERS_CONFINE_FILTER_H

#include "schema/base/error.h"

/* Makes the filter, if this process has none yet. */
int confine_filter_prepare(struct aq_error *error) AQ_MUST_CHECK;

/* Applies it to the calling process and all that it starts. Needs no_new_privs or CAP_SYS_ADMIN. */
int confine_filter_apply(struct aq_error *error) AQ_MUST_CHECK;

#endif
