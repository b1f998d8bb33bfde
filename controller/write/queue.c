#include "controller/write/queue.h"

#include <inttypes.h>

void request_queue_open(struct request_queue *queue)
{
    *queue = (struct request_queue){.first = NULL};
    queue->last = &queue->first;
    pthread_mutex_init(&queue->lock, NULL);
}

void request_queue_free(struct request_queue *queue)
{
    aq_assert(queue->first == NULL);
    pthread_mutex_destroy(&queue->lock);
}

int request_queue_put(struct request_queue *queue, struct writer_request *request, uint64_t commands_max,
                      bool *was_empty, struct aq_error *error)
{
    request->next = NULL;
    pthread_mutex_lock(&queue->lock);
    bool closed = queue->closed;
    *was_empty = queue->first == NULL;
    bool full = queue->commands + request->count > commands_max + (queue->commands == 0 ? AQ_BATCH_COMMANDS_MAX : 0);
    if (!full && !closed) {
        *queue->last = request;
        queue->last = &request->next;
        queue->commands += request->count;
    }
    pthread_mutex_unlock(&queue->lock);
    if (closed)
        return aq_fail(error, AQ_E_NO_LEADER, "the controller is stopping");
    if (full)
        return aq_fail(error, AQ_E_BUSY, "%" PRIu64 " commands are waiting already (log.queue): try again",
                       commands_max);
    return 0;
}

struct writer_request *request_queue_take(struct request_queue *queue, uint64_t commands_max)
{
    pthread_mutex_lock(&queue->lock);
    struct writer_request *request = queue->first;
    if (request != NULL && request->count > commands_max)
        request = NULL;
    if (request != NULL) {
        queue->first = request->next;
        if (queue->first == NULL)
            queue->last = &queue->first;
        queue->commands -= request->count;
    }
    pthread_mutex_unlock(&queue->lock);
    return request;
}

struct writer_request *request_queue_take_all(struct request_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    struct writer_request *requests = queue->first;
    queue->first = NULL;
    queue->last = &queue->first;
    queue->commands = 0;
    pthread_mutex_unlock(&queue->lock);
    return requests;
}

bool request_queue_waits(struct request_queue *queue, bool *closed)
{
    pthread_mutex_lock(&queue->lock);
    bool waits = queue->first != NULL;
    *closed = queue->closed;
    pthread_mutex_unlock(&queue->lock);
    return waits;
}

uint64_t request_queue_length(const struct request_queue *queue)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)&queue->lock; /* reading does not change the queue */
    pthread_mutex_lock(lock);
    uint64_t commands = queue->commands;
    pthread_mutex_unlock(lock);
    return commands;
}

void request_queue_close(struct request_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_mutex_unlock(&queue->lock);
}
