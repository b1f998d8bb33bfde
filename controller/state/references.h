/* Rows by what people call them (schema/model/key.h): "7", "mac", "mac:2", "web:ann". REST paths, and commands that
 * name a row of another entity, all mean the same row by the same text. */
#ifndef AQ_CONTROLLER_STATE_REFERENCES_H
#define AQ_CONTROLLER_STATE_REFERENCES_H

#include "controller/state/state.h"

/* The number of the row that is member `member` of a group, or its latest member (0). 0: there is none. */
uint64_t state_member(struct state_txn *txn, const struct aq_entity *entity, const char *group, uint64_t member);

/* Makes the key of the row that `text` names. Fails with AQ_E_INVALID when nothing can be called that, or when it is
 * the number of one row and the name of another, and with AQ_E_NOT_FOUND when a group or its member does not exist. A
 * key is made without looking whether there is such a row. */
int state_refer(struct state_txn *txn, const struct aq_entity *entity, const char *text, struct state_key *key,
                struct aq_error *error) AQ_MUST_CHECK;

/* The error AQ_E_NOT_FOUND for a row that the caller may not see, or that is not there, by what it was called: the same
 * in both cases. Returns -1. */
int state_fail_unseen(struct state_txn *txn, const struct aq_entity *entity, const char *text,
                      const struct state_key *key, struct aq_error *error);

#endif
