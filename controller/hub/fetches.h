/* Fetches of workloads' logs. A fetch becomes a question (aq_ask) in the next delivery to the node's agent, which
 * answers (aq_told) with its next report. */
#ifndef AQ_CONTROLLER_HUB_FETCHES_H
#define AQ_CONTROLLER_HUB_FETCHES_H

#include "controller/hub/base.h"
#include "controller/hub/hub.h"

#include <stdatomic.h>

struct hub_fetch;

/* Where a resource that has ended ran: its log may still be there. */
struct hub_trace {
    uint64_t resource;
    char node[HUB_NAME_SIZE];
};

struct hub_fetches {
    struct hub_base *base;
    struct hub_fetch *first, **end; /* open ones, oldest first */
    uint64_t last_number;
    atomic_uint count;        /* open, or on their way to this thread; any thread */
    struct hub_trace *traces; /* of resources that ended lately */
};

void fetches_open(struct hub_fetches *fetches, struct hub_base *base);
void fetches_close(struct hub_fetches *fetches); /* none may be open */

/* hub_fetch(); any thread. */
int fetches_begin(struct hub_fetches *fetches, uint64_t resource, size_t size, hub_fetch_fn *done, void *context,
                  struct aq_error *error) AQ_MUST_CHECK;
/* FETCH, from the file view. */
void fetches_begin_for_view(struct hub_fetches *fetches, struct hub_question *question, const struct aq_fetch *message);

/* The node has told that the resource ended. */
void fetches_note_end(struct hub_fetches *fetches, uint64_t resource, const char *node);

/* Does the agent have questions that must be delivered? */
bool fetches_wait(const struct hub_fetches *fetches, const struct hub_agent *agent);
/* Adds them to a delivery; they are allocated in the base's arena. */
void fetches_add(struct hub_fetches *fetches, const struct hub_agent *agent, struct aq_work *work);
/* The agent has seen delivery `seen`: those that went with later ones must be delivered again. */
void fetches_seen(struct hub_fetches *fetches, const struct hub_agent *agent, uint64_t seen);

/* Answers of the agent: a list of aq_told. */
void fetches_told(struct hub_fetches *fetches, const struct hub_agent *agent, const struct aq_list *told);
void fetches_drop(struct hub_fetches *fetches, const struct hub_agent *agent); /* it will never answer */
void fetches_expire(struct hub_fetches *fetches, bool all); /* ends those that have waited too long */

#endif
