/* The writer's queue: any thread puts requests in, the writer's thread takes them out, oldest first. Its length is
 * bounded by the commands in all requests. */
#ifndef AQ_CONTROLLER_WRITE_QUEUE_H
#define AQ_CONTROLLER_WRITE_QUEUE_H

#include "controller/write/request.h"

#include <pthread.h>

struct request_queue {
    pthread_mutex_t lock;
    struct writer_request *first, **last;
    uint64_t commands; /* in all requests that wait */
    bool closed;
};

void request_queue_open(struct request_queue *queue);
void request_queue_free(struct request_queue *queue);

/* Any thread. Fails with AQ_E_BUSY when more than `commands_max` commands would wait, unless nothing waits: an empty
 * queue takes any request. Fails with AQ_E_NO_LEADER when the queue is closed. `was_empty` tells whether the writer
 * must be woken. */
int request_queue_put(struct request_queue *queue, struct writer_request *request, uint64_t commands_max,
                      bool *was_empty, struct aq_error *error) AQ_MUST_CHECK;
/* The oldest request, if it has at most `commands_max` commands; otherwise NULL. */
struct writer_request *request_queue_take(struct request_queue *queue, uint64_t commands_max);
struct writer_request *request_queue_take_all(struct request_queue *queue); /* linked by `next` */

/* Does a request wait? */
bool request_queue_waits(struct request_queue *queue, bool *closed);
uint64_t request_queue_length(const struct request_queue *queue); /* in commands; any thread */
void request_queue_close(struct request_queue *queue);            /* takes no more; what waits stays; any thread */

#endif
