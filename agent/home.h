/* What the agent keeps on disk, in <data>/<name>/:
 *
 *   lock                     locked while an agent runs on this directory
 *   instance                 a number that distinguishes this agent from another of the same name
 *   lease                    when the agent was last in touch with the cluster (drivers/lease.h)
 *   node.key, cluster        who it is, and to which cluster it belongs (identity.h)
 *   workloads/<resource>/    a workload, until the cluster knows that it is over
 *       assignment           what to run; written before it is started
 *       again                that it has ended and is started again, or was; written before either (struct aq_again)
 *       ended                how it ended; written before it is reported
 *       tasks                its tasks that have ended; written before that is reported (workload_tasks.h)
 *       driver/              belongs to the driver
 *   ended/<resource>/        the log of a workload that is over (ended.h)
 *   left/<resource>/         driver/ of one that is over, with the files that it has left (left.h)
 *   spare/                   directories of workloads that are over, to be reused
 *   trash/                   what is being deleted (trash.h)
 *
 * Files are replaced as a whole. Not for several threads. */
#ifndef AQ_AGENT_HOME_H
#define AQ_AGENT_HOME_H

#include "agent/settings/settings.h"
#include "drivers/left.h"
#include "drivers/output.h"
#include "schema/base/memory.h"
#include "schema/base/turn.h"
#include "schema/wire/messages.h"

#include <stdbool.h>

enum { HOME_SPARES_MAX = 16 };

/* clang-format off */
#define aq_again_fields(F, T)                                                                                          \
    F(T, resource,    U64(1, UINT64_MAX),       0,        "number of the resource")                                    \
    F(T, restarts,    U64(0, UINT64_MAX),       0,        "how often it was started again, with this time")            \
    F(T, waits,       BOOL,                     0,        "nothing of it runs, and it is to be started")               \
    F(T, at,          TIME,                     0,        "waits: when")                                               \
    F(T, wait_ms,     U64(0, UINT64_MAX, "ms"), 0,        "how long the wait is in all")                               \
    F(T, exit_status, U64(0, 255),              0,        "of the run before")                                         \
    F(T, unknown,     BOOL,                     0,        "that has none, or none that is known")                      \
    F(T, reason,      TEXT(0, 512),             AQ_LINES, "how that ended")
AQ_DECLARE(aq_again)

#define aq_ended_tasks_fields(F, T)                                                                                    \
    F(T, resource, U64(1, UINT64_MAX),                         0, "number of the resource")                            \
    F(T, ends,     LIST(aq_task_report, 0, AQ_TASKS_OPEN_MAX), 0, "how they ended")
AQ_DECLARE(aq_ended_tasks)
/* clang-format on */

struct home;

/* Opens the directory, creates what is missing, and takes the lock. Does not wait for it: fails with AQ_E_EXISTS if
 * another agent has it. The ages of logs are measured with `now`. */
int home_open(struct home **home, const char *data, const char *name, const struct aq_clocks *now,
              struct aq_error *error) AQ_MUST_CHECK;
void home_close(struct home *home); /* NULL is fine */

int home_root(const struct home *home); /* the directory's descriptor; the home's */
uint64_t home_instance(const struct home *home);
/* Differs in a copy of the directory, and after another start of the host, which `boot` names (host.h). */
uint64_t home_identity(const struct home *home, const char *boot);

/* Stores a new workload, durably. After a failure, nothing of it is left. */
int home_add(struct home *home, const struct aq_assignment *assignment, struct aq_error *error) AQ_MUST_CHECK;

/* Stores how a workload ended, durably. */
int home_end(struct home *home, const struct aq_happening *end, struct aq_error *error) AQ_MUST_CHECK;

/* Stores that a workload is started again, durably. */
int home_set_again(struct home *home, const struct aq_again *again, struct aq_error *error) AQ_MUST_CHECK;
/* False: it never was. Memory from `arena`. */
bool home_again(struct home *home, uint64_t resource, struct aq_again *again, struct aq_arena *arena);
/* Makes driver/ of a workload that has ended anew, with nothing in it but the output. Repeating is harmless. */
int home_renew(struct home *home, uint64_t resource, struct aq_error *error) AQ_MUST_CHECK;
/* Stores how tasks of a workload ended (struct aq_task_report), durably: instead of those that were stored before. */
int home_set_tasks(struct home *home, uint64_t resource, const struct aq_list *ends,
                   struct aq_error *error) AQ_MUST_CHECK;
/* False: none are stored. Memory from `arena`. */
bool home_tasks(struct home *home, uint64_t resource, struct aq_list *ends, struct aq_arena *arena);
/* What it was started with, with memory from `arena`. */
int home_assignment(struct home *home, uint64_t resource, struct aq_assignment *assignment, struct aq_arena *arena,
                    struct aq_error *error) AQ_MUST_CHECK;

const char *home_lease_path(const struct home *home, struct aq_arena *arena); /* absolute; in `arena` */
/* The absolute path of a workload's driver/, in `arena`. */
const char *home_driver_directory(const struct home *home, uint64_t resource, struct aq_arena *arena);

/* Calls `row` for each workload, by number; `end` is NULL if none is stored. Both are valid only during the call. A
 * workload that cannot be read is moved to the trash, with a line in the journal. */
typedef void home_row_fn(void *context, const struct aq_assignment *assignment, const struct aq_happening *end);
int home_load(struct home *home, home_row_fn *row, void *context, struct aq_error *error) AQ_MUST_CHECK;

/* Removes a workload and keeps its log, and the files that it has left. */
void home_remove(struct home *home, uint64_t resource);
/* Notes a workload that is over and never had a directory: its log is empty. */
void home_note_over(struct home *home, uint64_t resource);

bool home_is_over(const struct home *home, uint64_t resource); /* was removed recently */

/* The directory with the output of a workload (drivers/output.h), for the caller to close; -1: there is none. */
int home_output_open(const struct home *home, uint64_t resource, struct aq_error *error) AQ_MUST_CHECK;
/* How far the output of a workload that is not removed goes. Cheap if *seen is of the call before. */
int home_output_look(const struct home *home, uint64_t resource, struct output_seen *seen, struct output_span *span,
                     struct aq_error *error) AQ_MUST_CHECK;
int home_log_open(const struct home *home, uint64_t resource, struct aq_error *error) AQ_MUST_CHECK; /* if it is over */

/* The absolute path, in `arena`, of the driver's directory of a workload that is over, with the files that it has left;
 * NULL: none are kept. `note` says what they are. */
const char *home_left(const struct home *home, uint64_t resource, struct driver_left *note, struct aq_arena *arena,
                      struct aq_error *error) AQ_MUST_CHECK;

/* Bounds of the logs and files that are kept; from now on, and then whenever home_prune() is called. */
void home_keep(struct home *home, const struct aq_agent_keep *keep);
void home_prune(struct home *home);

/* Deletes up to `budget` files from the trash. */
void home_sweep(struct home *home, unsigned budget);
bool home_has_trash(const struct home *home); /* something may be left to delete */

#endif
