/* What the first start makes: the data directory with its keys, and the user admin with its token. */
#ifndef AQ_CONTROLLER_SETUP_H
#define AQ_CONTROLLER_SETUP_H

#include "controller/state/state.h"
#include "controller/write/writer.h"

/* Can the data directory have this path? Touches nothing. */
int setup_check(const char *path, struct aq_error *error) AQ_MUST_CHECK;
/* `path` is checked. Makes the directory (mode 0700) with what belongs into it, and locks it: one controller to a
 * directory. `lock` is the descriptor that holds the lock. */
int setup_directory(const char *path, int *lock, struct aq_error *error) AQ_MUST_CHECK;

/* The lock alone, of a directory that is there. */
int setup_lock(const char *path, int *lock, struct aq_error *error) AQ_MUST_CHECK;

/* Makes the user admin if the cluster has none. Its token is printed once to standard error, and kept in a file that
 * only root reads. Waits until the writer leads: 30 seconds at most. */
int setup_admin(struct writer *writer, struct state *state, const char *directory,
                struct aq_error *error) AQ_MUST_CHECK;

#endif
