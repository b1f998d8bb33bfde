/* What the first start creates: the data directory with its keys, and the user admin with its token. */
#ifndef AQ_CONTROLLER_SETUP_H
#define AQ_CONTROLLER_SETUP_H

#include "controller/state/state.h"
#include "controller/write/writer.h"

/* Checks the path of the data directory; creates nothing. */
int setup_check(const char *path, struct aq_error *error) AQ_MUST_CHECK;
/* Creates the data directory (mode 0700) if it is missing, and locks it, for only one controller may use it. `path`
 * must have passed setup_check(). `lock` is a descriptor that holds the lock. */
int setup_directory(const char *path, int *lock, struct aq_error *error) AQ_MUST_CHECK;

/* Only locks the data directory, which must exist. */
int setup_lock(const char *path, int *lock, struct aq_error *error) AQ_MUST_CHECK;

/* Creates the user admin if the cluster has none. Prints its token to standard error, and stores it in a file that only
 * root can read. Waits up to 30 seconds until the writer leads. */
int setup_admin(struct writer *writer, struct state *state, const char *directory,
                struct aq_error *error) AQ_MUST_CHECK;

#endif
