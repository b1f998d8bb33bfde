/* Heartbeats: what is true only now. An LMDB environment of its own, <data>/live/, written by the
 * hub, and where tokens are checked; every process can read it. Empty after a restart; nothing is ever decided from it.
 *
 * Another process reads it from one thread. When the controller replaces the file, that process moves to the new one
 * within 20 ms. */
#ifndef AQ_CONTROLLER_STATE_LIVE_H
#define AQ_CONTROLLER_STATE_LIVE_H

#include "controller/state/state.h"
#include "schema/model/node.h"
#include "schema/model/resource.h"
#include "schema/model/token.h"
#include "schema/wire/messages.h"

struct live;

/* STATE_WRITE removes the heartbeats of an earlier process, and a damaged file. STATE_READ fails with AQ_E_BUSY or
 * AQ_E_CORRUPT until the controller has done so. */
int live_open(struct live **live, const char *directory, enum state_mode mode, struct aq_error *error) AQ_MUST_CHECK;
void live_close(struct live *live); /* NULL is fine */

/* What is known now of the row of an entity that has `live` values, by its key as users see it. False: nothing. Its
 * texts are in `arena`. */
bool live_find(struct live *live, const struct aq_entity *entity, const char *key, void *out, struct aq_arena *arena);

/* False: the node has not been heard from. */
bool live_node(struct live *live, const char *name, struct aq_node_live *out);

/* Writes the heartbeats of `count` nodes in one transaction. After a failure the next call tries again. */
int live_put(struct live *live, const char *const *names, const struct aq_node_live *rows, size_t count,
             struct aq_error *error) AQ_MUST_CHECK;

/* The same as live_put() for what the workloads of resources use, in their order. */
struct live_usage {
    uint64_t resource;
    bool gone; /* removes the row */
    struct aq_usage now;
};
int live_put_usages(struct live *live, const struct live_usage *usages, size_t count,
                    struct aq_error *error) AQ_MUST_CHECK;

/* How much of the log of a running resource is kept. False: its agent has not said so. */
bool live_log(struct live *live, uint64_t resource, struct aq_kept *out);

/* The same as live_put() for the uses of tokens. Any thread of the controller. */
int live_put_tokens(struct live *live, const uint64_t *ids, const struct aq_token_live *rows, size_t count,
                    struct aq_error *error) AQ_MUST_CHECK;

/* The same as live_put() for logs, in their order; an end of 0 removes the entry. */
int live_put_logs(struct live *live, const struct aq_kept *logs, size_t count, struct aq_error *error) AQ_MUST_CHECK;

#endif
