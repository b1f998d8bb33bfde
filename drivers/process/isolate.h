/* Shuts the main process of a workload in, between its start and the change to its user. */
#ifndef AQ_DRIVERS_PROCESS_ISOLATE_H
#define AQ_DRIVERS_PROCESS_ISOLATE_H

#include "drivers/process/user.h"

/* Gives this process, which is in a mount namespace of its own, the workload's root, and takes capabilities and system
 * calls from it. `directory` is the workload's. The groups of this process are the user's afterwards. */
int process_isolate(const struct process_job *job, const struct process_user *user, int directory,
                    struct aq_error *error) AQ_MUST_CHECK;

/* After the change of user: takes the rest, and enters the directory where the workload runs. */
int process_isolate_end(const struct process_job *job, const struct process_user *user,
                        struct aq_error *error) AQ_MUST_CHECK;

#endif
