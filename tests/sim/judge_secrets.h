/* Epochs and secrets, for the judge: what may be wrapped by which key, and what a workload must get. */
#ifndef AQ_TESTS_SIM_JUDGE_SECRETS_H
#define AQ_TESTS_SIM_JUDGE_SECRETS_H

#include "drivers/driver.h"
#include "tests/sim/judge.h"

/* Rows that come with secrets, or need them no more; before the event is judged. */
void judge_secrets_see(struct judge *judge, const struct aq_event *event);

/* The tables show the same epochs. */
void judge_secrets_compare(const struct judge *judge, struct state_txn *txn);

/* The hash of a label's recipe, with the secrets of its definitions. */
uint64_t judge_secrets_recipe(const struct judge *judge, uint64_t label, uint64_t hash);
/* It has secrets, and nobody can read them at present: their key is lost. */
bool judge_secrets_are_away(const struct judge *judge, const struct aq_entity *entity, uint64_t id);

/* The log says that the key of its secrets, or of those of its label, is lost: it cannot be started now. */
bool judge_secrets_are_lost(const struct judge *judge, uint64_t application);

/* A workload is started with exactly the secrets of its label and its application. */
void judge_secrets_check_start(const struct judge *judge, uint64_t resource, const struct driver_spec *spec);

#endif
