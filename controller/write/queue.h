/* The writer's queue: any thread puts requests in, the writer's thread takes them out, oldest first. Its length is
 * counted in commands, and limited. */
#ifndef AQ_CONTROLLER_WRITE_QUEUE_H
#define AQ_CONTROLLER_WRITE_QUEUE_H

#include "controller/write/request.h"

#include <pthread.h>

struct request_queue {
    pthread_mutex_t lock;
    struct writer_request *first, **last;
    uint64_t commands; /* in all requests of the queue */
    bool closed;
};

void request_queue_open(struct request_queue *queue);
void request_queue_free(struct request_queue *queue);

/* Any thread. An empty queue takes any request; otherwise it fails with AQ_E_BUSY if the queue would have more than
 * `commands_max` commands. Fails with AQ_E_NO_LEADER when the queue is closed. `was_empty` tells whether the writer
 * must be woken. */
int request_queue_put(struct request_queue *queue, struct writer_request *request, uint64_t commands_max,
                      bool *was_empty, struct aq_error *error) AQ_MUST_CHECK;
/* Takes the oldest request if it has at most `commands_max` commands. NULL: it has more, or the queue is empty. */
struct writer_request *request_queue_take(struct request_queue *queue, uint64_t commands_max);
struct writer_request *request_queue_take_all(struct request_queue *queue); /* linked by `next` */

/* Does a request wait? */
bool request_queue_waits(struct request_queue *queue, bool *closed);
/* Any thread. */
uint64_t request_queue_length(const struct request_queue *queue); /* in commands */
void request_queue_close(struct request_queue *queue);            /* keeps the requests that wait, takes no more */

#endif
