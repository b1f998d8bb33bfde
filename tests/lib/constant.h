/* A baseline for reads: a process with the same HTTP library, driven in the same way, that gives a constant answer. */
#ifndef AQ_TESTS_LIB_CONSTANT_H
#define AQ_TESTS_LIB_CONSTANT_H

#include "schema/base/memory.h"

struct constant {
    int pid;
    unsigned port;
};

/* `body` must stay until the end. `pem` is the path of a file with a key and its certificate, for TLS; NULL: without. A
 * failure ends the program, and the process with it. */
void constant_start(struct constant *constant, const struct aq_buffer *body, const char *pem);
void constant_stop(struct constant *constant);

#endif
