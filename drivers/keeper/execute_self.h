/* Executes the binary of this process again under another name, such as the agent's as the nursery of keepers. In the
 * new process a constructor sees that name and never reaches main(). */
#ifndef AQ_DRIVERS_KEEPER_EXECUTE_SELF_H
#define AQ_DRIVERS_KEEPER_EXECUTE_SELF_H

#include "schema/base/error.h"

#include <stdbool.h>
#include <sys/types.h>

/* Starts it in a session of its own, without arguments, signal handlers or blocked signals, and with LD_LIBRARY_PATH as
 * its only variable. `forks`: it has many children, so all symbols are bound at its start (LD_BIND_NOW, a second
 * variable): each child that binds its own has own pages for them. `fds` become its descriptors 0, 1, 2, ..., and it
 * has no others; -1 stands for /dev/null. The last one may have any number; each of the others must be -1 or at least
 * `count`. Returns an error number or 0. */
int execute_self(const char *name, bool forks, const int *fds, int count, pid_t *pid) AQ_MUST_CHECK;

#endif
