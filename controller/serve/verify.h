/* GET /api/v1/log/verify: walks the log and replays it, on a thread of its own; one at a time. */
#ifndef AQ_CONTROLLER_SERVE_VERIFY_H
#define AQ_CONTROLLER_SERVE_VERIFY_H

#include "controller/serve/request.h"

#include <pthread.h>

struct verify {
    struct serve *serve;
    pthread_t thread;
    struct aq_buffer report;
    struct aq_error error;
    struct request *request; /* behind serve->mutex; NULL: nobody waits any more */
};

/* The server stops: whoever waits is told so. */
void verify_cancel(struct serve *serve);
/* Waits for the thread, if there is one. */
void verify_join(struct serve *serve);

#endif
