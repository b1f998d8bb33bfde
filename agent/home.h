/* What an agent must not forget, in <data>/<name>/, one directory for one agent:
 *
 *   lock                     held while an agent runs: a second one of the same directory is refused
 *   instance                 the number that tells this agent from a namesake
 *   workloads/<resource>/    a workload, until the cluster knows that it is over
 *       assignment           what is wanted, written before it is begun
 *       ended                how it ended, written before it is reported
 *       driver/              the driver's own
 *   ended/<resource>         the log of a workload that is over: kept for the newest few
 *   spare/                   directories of workloads that are over, to be used again
 *   trash/                   on its way out
 *
 * Files are written to a temporary name, synced, and renamed: each is there as a whole or not at all. One thread. */
#ifndef AQ_AGENT_HOME_H
#define AQ_AGENT_HOME_H

#include "schema/base/memory.h"
#include "schema/wire/messages.h"

#include <stdbool.h>

enum { HOME_SPARES_MAX = 16 };

struct home;

/* Makes what is missing. An error says which directory, and what is wrong with it. */
int home_open(struct home **home, const char *data, const char *name, struct aq_error *error) AQ_MUST_CHECK;
void home_close(struct home *home); /* NULL is fine */

const char *home_directory(const struct home *home); /* absolute */
uint64_t home_instance(const struct home *home);

/* A new workload: durable when this returns. After a failure there is nothing of it. */
int home_add(struct home *home, const struct aq_assignment *assignment, struct aq_error *error) AQ_MUST_CHECK;

/* How it ended: durable. */
int home_end(struct home *home, const struct aq_happening *end, struct aq_error *error) AQ_MUST_CHECK;

/* The driver's directory, absolute; in `arena`. */
const char *home_driver_directory(const struct home *home, uint64_t resource, struct aq_arena *arena);

/* Calls `row` for each workload; `end` is NULL for one that has not ended. What cannot be read is put aside, with a
 * line in the journal. Both hold only during the call. */
typedef void home_row_fn(void *context, const struct aq_assignment *assignment, const struct aq_happening *end);
int home_load(struct home *home, home_row_fn *row, void *context, struct aq_error *error) AQ_MUST_CHECK;

/* The cluster knows that it is over: only its log is kept. */
void home_remove(struct home *home, uint64_t resource, const void *log, size_t length);

bool home_is_over(const struct home *home, uint64_t resource); /* removed not long ago */

/* Appends the newest `max` bytes of the log of one that is over. */
int home_log(const struct home *home, uint64_t resource, size_t max, struct aq_buffer *out,
             struct aq_error *error) AQ_MUST_CHECK;

/* Deletes up to `budget` files of what was removed. */
void home_sweep(struct home *home, unsigned budget);
bool home_has_trash(const struct home *home); /* there are more */

#endif
