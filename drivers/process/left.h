/* Copies out of what a workload has left (drivers/left.h): tar runs as the workload's user, in namespaces and a root of
 * its own (drivers/confine/root.h), where it finds the workload's files, read-only, and the host's system directories.
 * So links that the workload has made lead to nothing that it could not see itself. */
#ifndef AQ_DRIVERS_PROCESS_LEFT_H
#define AQ_DRIVERS_PROCESS_LEFT_H

#include "schema/base/error.h"

#include <sys/types.h>

/* For the helper of a command, which has one thread. Starts tar as its child, beside another one, which is process 1 of
 * the namespace; both end with this process. `directory` is the workload's, and `arguments` are those of
 * aq_exec_copy_out(). A reason why it cannot run is written to standard error, with exit status 126. */
pid_t process_left_copy(const char *directory, char *const *arguments, struct aq_error *error) AQ_MUST_CHECK;

#endif
