/* An aq-controller process of this build, on a data directory of the test and on free ports. It dies with the test. */
#ifndef AQ_TESTS_LIB_CONTROLLER_H
#define AQ_TESTS_LIB_CONTROLLER_H

#include <stdbool.h>
#include <sys/types.h>

struct controller {
    char directory[256]; /* its data */
    char login[128];     /* "admin:<token>" */
    unsigned api_port, hub_port;
    pid_t pid; /* 0: not running */
};

/* Starts it and waits until it answers. It gets the ports of its last start, if those are not 0, and the arguments
 * `more`, which end with NULL. Its output is appended to the file `log`. Returns -1, and shows the end of the log, when
 * it ends or does not answer in time. */
int controller_start(struct controller *controller, const char *log, const char *const *more);

/* Whether a request with the admin's login succeeds. The controller may listen, and even lead, a moment before it has
 * its first user. */
bool controller_answers(const struct controller *controller);

/* Sends the signal and waits until the process is gone. Returns -1 when it still runs after a minute, or when it was
 * SIGTERM and the exit status is not 0. */
int controller_stop(struct controller *controller, int signal);

#endif
