/* What is true only now: heartbeats and load. An LMDB environment of its own, <data>/live/, written by the hub, so that
 * every reader has it too. Empty after a restart; nothing is ever decided from it. Another process that reads follows
 * within 20 ms when it was made anew, and uses it from one thread. */
#ifndef AQ_CONTROLLER_STATE_LIVE_H
#define AQ_CONTROLLER_STATE_LIVE_H

#include "controller/state/state.h"
#include "schema/model/node.h"

struct live;

int live_open(struct live **live, const char *directory, enum state_mode mode, struct aq_error *error) AQ_MUST_CHECK;
void live_close(struct live *live); /* NULL is fine */

bool live_node(struct live *live, const char *name, struct aq_node_live *out); /* false: not heard of */

/* Writing: one transaction for many nodes. Returns -1 when the store failed; the next one tries anew. */
int live_put(struct live *live, const char *const *names, const struct aq_node_live *rows, size_t count,
             struct aq_error *error) AQ_MUST_CHECK;

#endif
