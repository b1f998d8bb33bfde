/* What the rules of the judge share. Private to judge*.c: a file for what runs (judge_work.c), for nodes and how they
 * get in (judge_nodes.c), for labels, users and their tokens (judge_accounts.c), for projects (judge_projects.c),
 * for rights (judge_rights.c), for commands in workloads (judge_execs.c), for secrets (judge_secrets.c), and for tasks
 * (judge_tasks.c). */
#ifndef AQ_TESTS_SIM_JUDGE_RULES_H
#define AQ_TESTS_SIM_JUDGE_RULES_H

#include "tests/sim/judge.h"

/* What the model makes of an event. */
struct judge_taker {
    const struct aq_event_type *type;
    void (*take)(struct judge *judge, const void *data);
};
/* Each ends with a row without a type. */
extern const struct judge_taker judge_work[], judge_nodes[], judge_accounts[], judge_execs[], judge_secrets[],
    judge_tasks[];

/* The row of this number; zeroed, if it is new. */
#define JUDGE_ROW(judge, rows, number)                                                                                 \
    (judge_make_room((void **)&(judge)->rows, &(judge)->n_##rows, &(judge)->rows##_room, sizeof *(judge)->rows,        \
                     (number)),                                                                                        \
     &(judge)->rows[(number)-1])
void judge_make_room(void **rows, size_t *count, size_t *room, size_t size, uint64_t number);

/* Ends the life if the rule does not hold, with `what` of this number. */
void judge_must(struct judge *judge, bool holds, const char *invariant, const char *what, uint64_t number);

bool judge_has_task(const struct judge *judge, uint64_t application); /* one is under way */
void judge_check_tasks(struct judge *judge);                          /* after a decision */

/* That it is there is a rule. */
struct judge_application *judge_open_application(struct judge *judge, uint64_t id);
struct judge_resource *judge_live_resource(struct judge *judge, uint64_t id);

bool judge_is_over(enum aq_application_status status);
uint64_t judge_open_of(const struct judge *judge, const struct judge_user *user); /* applications that are not over */
void judge_note_made(struct judge *judge, uint64_t id);                           /* by the decision */

#endif
