/* The counters in the tables. Each is 0 until it is set, and a counter of 0 takes no row.
 *
 * Ids, versions and the numbers of nodes and users are never used again, not even when what had them is deleted. */
#ifndef AQ_CONTROLLER_STATE_COUNTERS_H
#define AQ_CONTROLLER_STATE_COUNTERS_H

#include "controller/state/state.h"
#include "schema/model/amounts.h"

/* The id given last to an application, a label or a resource, or the number given last to a node or a user. */
uint64_t counter_last_id(struct state_txn *txn, const struct aq_entity *entity);
void counter_set_last_id(struct state_txn *txn, const struct aq_entity *entity, uint64_t id);

/* The newest version of a label's name. */
uint64_t counter_label_version(struct state_txn *txn, const char *label);
void counter_set_label_version(struct state_txn *txn, const char *label, uint64_t version);

/* Open applications, by user and by label. */
uint64_t counter_open_of_user(struct state_txn *txn, uint64_t user_number);
uint64_t counter_open_of_label(struct state_txn *txn, uint64_t label_id);
void counter_add_open(struct state_txn *txn, uint64_t user_number, uint64_t label_id, int change);

/* What a user's applications in a project hold, and how many of them are open. One row: they change together. */
struct counter_usage {
    struct aq_amounts held;
    uint64_t open;
};
struct counter_usage counter_usage(struct state_txn *txn, const char *project, uint64_t user_number);
void counter_set_usage(struct state_txn *txn, const char *project, uint64_t user_number,
                       const struct counter_usage *usage);

/* What is lost at present. */
enum counter_lost {
    COUNTER_LOST_NODES,  /* nodes that are LOST */
    COUNTER_LOST_EPOCHS, /* epochs that have not ended, and whose keys are lost */
    COUNTER_LOST_KINDS
};
uint64_t counter_lost(struct state_txn *txn, enum counter_lost kind);
bool counter_has_lost(struct state_txn *txn, enum counter_lost kind); /* is it more than 0? Cheap, however often */
void counter_add_lost(struct state_txn *txn, enum counter_lost kind, int change);

/* Any counter, by its name in the table. */
uint64_t counter_get(struct state_txn *txn, const char *name);
void counter_set(struct state_txn *txn, const char *name, uint64_t value);

#endif
