/* The counters in the tables. Each is 0 until it is set, and a counter of 0 takes no row.
 *
 * Ids, versions and node numbers are never used again, not even when what had them is deleted. */
#ifndef AQ_CONTROLLER_STATE_COUNTERS_H
#define AQ_CONTROLLER_STATE_COUNTERS_H

#include "controller/state/state.h"

/* The id given last to an application, a label or a resource, or the number given last to a node. */
uint64_t counter_last_id(struct state_txn *txn, const struct aq_entity *entity);
void counter_set_last_id(struct state_txn *txn, const struct aq_entity *entity, uint64_t id);

/* The newest version of a label's name. */
uint64_t counter_label_version(struct state_txn *txn, const char *label);
void counter_set_label_version(struct state_txn *txn, const char *label, uint64_t version);

/* Open applications, by user and by label. */
uint64_t counter_open_of_user(struct state_txn *txn, const char *user);
uint64_t counter_open_of_label(struct state_txn *txn, uint64_t label_id);
void counter_add_open(struct state_txn *txn, const char *user, uint64_t label_id, int change);

/* Nodes that are LOST now. */
uint64_t counter_lost_nodes(struct state_txn *txn);
void counter_add_lost_node(struct state_txn *txn, int change);

/* Any counter, by its name in the table. */
uint64_t counter_get(struct state_txn *txn, const char *name);
void counter_set(struct state_txn *txn, const char *name, uint64_t value);

#endif
