/* The hub's questions about logs. Those that may wait for output are held until there is some, or their time is over.
 */
#ifndef AQ_AGENT_ASKS_H
#define AQ_AGENT_ASKS_H

#include "agent/report.h"

enum { ASKS_HELD_MAX = 256, ASKS_TURN_MS = 100 /* between two calls of asks_turn() while some are held */ };

/* Zeroed memory is empty. */
struct asks {
    struct held_ask {
        struct aq_ask ask;
        uint64_t until_ms;
    } held[ASKS_HELD_MAX];
    unsigned count;
};

/* Answers the question with the report, or holds it. If too many are held, it is answered at once or not at all. */
void asks_take(struct asks *asks, struct report *report, struct workloads *workloads, const struct aq_ask *ask,
               uint64_t now_ms);
/* Answers those that need not wait any more. */
void asks_turn(struct asks *asks, struct report *report, struct workloads *workloads, uint64_t now_ms);
void asks_clear(struct asks *asks); /* in a new session, the hub asks again */

#endif
