/* Fetches of workloads' logs. A fetch becomes a question (aq_ask) in the next delivery to the node's agent, which
 * answers (aq_told) with its next report. */
#ifndef AQ_CONTROLLER_HUB_FETCHES_H
#define AQ_CONTROLLER_HUB_FETCHES_H

#include "controller/hub/base.h"
#include "controller/hub/hub.h"

#include <stdatomic.h>

struct hub_fetch;

struct hub_fetches {
    struct hub_item ending; /* first; posted by fetches_end_soon() */
    struct hub_base *base;
    struct hub_fetch *first, **end; /* open fetches, oldest first */
    uint64_t last_number;
    atomic_uint count; /* fetches that are open or in the mailbox; any thread */
    atomic_bool ends;  /* no fetch begins any more; any thread */
};

void fetches_open(struct hub_fetches *fetches, struct hub_base *base);

/* Does the work of hub_fetch(). Any thread. */
int fetches_begin(struct hub_fetches *fetches, const struct aq_ask *want, hub_fetch_fn *done, void *context,
                  struct aq_error *error) AQ_MUST_CHECK;
/* Handles FETCH, a question of the file view. */
void fetches_begin_for_view(struct hub_fetches *fetches, struct hub_question *question, const struct aq_fetch *message);

/* Are there questions to deliver to the agent? */
bool fetches_are_due(const struct hub_fetches *fetches, const struct hub_agent *agent);
/* Adds them to a delivery. They are allocated in the base's arena. */
void fetches_add_due(struct hub_fetches *fetches, const struct hub_agent *agent, struct aq_work *work);
/* The agent has seen delivery `seen`. Questions that were sent in later ones are due again. */
void fetches_seen(struct hub_fetches *fetches, const struct hub_agent *agent, uint64_t seen);

/* Ends the fetches that the agent answers with `told`, a list of aq_told. */
void fetches_take_answers(struct hub_fetches *fetches, const struct hub_agent *agent, const struct aq_list *told);
/* Ends all fetches from the agent with an error: its node was deleted. */
void fetches_drop(struct hub_fetches *fetches, const struct hub_agent *agent);
/* Ends the fetches that have waited too long with an error. */
void fetches_expire(struct hub_fetches *fetches);
/* Ends all with an error, now. */
void fetches_end(struct hub_fetches *fetches);
/* Lets the hub's thread do that soon. Later ones are refused. Any thread. */
void fetches_end_soon(struct hub_fetches *fetches);

#endif
