/* The nursery is the process that forks keepers; driver.h says why there is one.
 *
 * It is the agent's binary, executed again under another name: a constructor in nursery.c sees that name and never
 * reaches main(). It inherits only its socket and LD_LIBRARY_PATH. It ends when the other end of the socket is closed;
 * keepers live on. If it dies earlier, the next request starts another one. */
#ifndef AQ_DRIVERS_KEEPER_NURSERY_H
#define AQ_DRIVERS_KEEPER_NURSERY_H

#include "schema/base/error.h"

struct nursery {
    int socket; /* -1: not running */
    int pidfd;
    int pid;
};

void nursery_init(struct nursery *nursery);

/* Starts the process if it does not run, which takes as long as a fork and an exec. */
int nursery_start(struct nursery *nursery, struct aq_error *error) AQ_MUST_CHECK;

/* Asks for a keeper; keeper.h describes the descriptors, which stay the caller's. Returns 0 if it was asked, 1 if it is
 * busy (try again soon), -1 with `error`. */
int nursery_ask(struct nursery *nursery, int job, int status, struct aq_error *error) AQ_MUST_CHECK;

/* Waits a little for the requests to be done. They are done in any case. */
void nursery_close(struct nursery *nursery);

#endif
