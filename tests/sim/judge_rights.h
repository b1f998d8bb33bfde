/* What members of projects may do, by the events alone: a rule of its own, which knows nothing of how rights are
 * decided. And whose the rows were that an event takes away, which readers know by it alone.
 */
#ifndef AQ_TESTS_SIM_JUDGE_RIGHTS_H
#define AQ_TESTS_SIM_JUDGE_RIGHTS_H

#include "tests/sim/judge.h"

/* The author of the present decision, if it is a member (`member-...`), may do what the event says, and the event tells
 * the owners of what it takes away. To be asked before the mirror takes the event. */
void judge_rights(const struct judge *judge, const struct aq_event *event);

/* A membership that was created, and a role that was deleted: the mirror has taken the event. */
void judge_membership(struct judge *judge, const void *data);
void judge_role_deleted(struct judge *judge, const void *data);

#endif
