/* Which user a workload runs as. */
#ifndef AQ_DRIVERS_PROCESS_USER_H
#define AQ_DRIVERS_PROCESS_USER_H

#include "drivers/process/job.h"

#include <stdbool.h>
#include <sys/types.h>

struct process_user {
    bool given; /* not simply the agent's own */
    bool own;   /* no other workload has it */
    bool known; /* has an entry in the user database */
    uid_t uid;
    gid_t gid;
    char name[128];
    char home[256];
};

/* Finds out which user it is, and checks that the node's owner allows that. `numbers`: see drivers/confine/numbers.h.
 */
int process_user_find(const struct process_job *job, int numbers, struct process_user *user,
                      struct aq_error *error) AQ_MUST_CHECK;

/* Whether this process is another user. */
bool process_user_differs(const struct process_user *user);

/* Sets the groups of this process, which its user, too, may then use. */
int process_user_set_groups(const struct process_job *job, const struct process_user *user,
                            struct aq_error *error) AQ_MUST_CHECK;

/* Then its group and its user, for good. */
int process_user_become(const struct process_job *job, const struct process_user *user,
                        struct aq_error *error) AQ_MUST_CHECK;

/* Whose rights count for files: the user's, or again those of this process. */
void process_user_borrow(const struct process_user *user);
void process_user_return(void);

#endif
