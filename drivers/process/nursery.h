/* The nursery is the process that keepers are forked from; process.h says why there is one.
 *
 * It is the agent's own binary, executed again under another name: a constructor in nursery.c sees that name and
 * never comes to main(). It inherits no descriptor but its socket, and nothing of the environment but LD_LIBRARY_PATH.
 * It ends when the socket's other end does; keepers live on. If it dies before its time, the next request starts
 * another. */
#ifndef AQ_DRIVERS_PROCESS_NURSERY_H
#define AQ_DRIVERS_PROCESS_NURSERY_H

#include "schema/base/error.h"

struct nursery {
    int socket; /* -1: not running */
    int pidfd;
    int pid;
};

void nursery_init(struct nursery *nursery);

/* Starts it where it does not run; takes the time of one fork and exec. */
int nursery_start(struct nursery *nursery, struct aq_error *error) AQ_MUST_CHECK;

/* Asks for a keeper, see keeper.h for the descriptors; they stay the caller's. 0: asked. 1: busy, try again in a
 * moment. -1: failed. */
int nursery_ask(struct nursery *nursery, int job, int status, struct aq_error *error) AQ_MUST_CHECK;

/* What was asked for is still done; waits a little for that. */
void nursery_close(struct nursery *nursery);

#endif
