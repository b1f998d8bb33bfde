/* How a job comes to its keeper: the descriptors of the job and of the pipe to the agent (keeper.h), over a socket. */
#ifndef AQ_DRIVERS_KEEPER_PASS_H
#define AQ_DRIVERS_KEEPER_PASS_H

#include <stdbool.h>

/* Does not wait. The descriptors stay the caller's. Returns 0, or an error number. */
int pass_send(int socket, int job, int status);

/* Waits. The descriptors become the caller's. False: the other end is closed, or has sent something else. */
bool pass_take(int socket, int *job, int *status);

#endif
