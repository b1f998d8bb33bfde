/* What the drivers whose workloads have keepers share: the functions of driver.h, but for those that a driver must
 * write itself. KEPT_DRIVER() fills them in.
 *
 *   agent ──socket──> nursery ──fork──> keeper ──> the workload's processes
 *     └──── pidfd, files in the workload's directory ─────┘
 *
 * Each workload has a keeper: a small process that outlives the agent. It holds the pipe of the workload's output,
 * writes and rotates the log, ends all processes of the workload when the main process has ended, and stores the exit
 * status in a file. So the agent may die and come back, and still learns what became of each workload.
 *
 * Keepers are forked by the nursery: the agent's binary, executed once and idle since. The agent cannot fork them
 * itself. It has threads, whose locks a fork would copy in whatever state they are; a large heap, of which each keeper
 * would hold a copy; and secrets. Executing the binary for each keeper would cost time and memory for dynamic linking.
 * A fork of the nursery costs neither and may use any library function, and the agent only sends a message. While the
 * nursery rests, a spare keeper makes ready for the next workload that is shut in (spare.h).
 *
 * Files in a workload's directory (see files.h, log.h): `state`, `exit`, `output.0` ... */
#ifndef AQ_DRIVERS_KEEPER_DRIVER_H
#define AQ_DRIVERS_KEEPER_DRIVER_H

#include "drivers/keeper/workload.h"

int kept_probe(struct aq_error *error) AQ_MUST_CHECK; /* whether keepers work on this host */

struct driver *kept_open(const struct kept_kind *kind, const char *node, const struct aq_clocks *now,
                         driver_report_fn *report, void *context);
void kept_close(struct driver *driver);
void kept_allow(struct driver *driver, const struct aq_allowance *allowance);
int kept_start(struct driver *driver, const struct driver_spec *spec, struct aq_error *error) AQ_MUST_CHECK;
int kept_adopt(struct driver *driver, uint64_t resource, const char *directory, struct aq_error *error) AQ_MUST_CHECK;
void kept_stop(struct driver *driver, uint64_t resource);
bool kept_sample(struct driver *driver, uint64_t resource, struct aq_sample *sample);
int kept_wake_fd(struct driver *driver);
uint64_t kept_deadline_ms(struct driver *driver);
void kept_work(struct driver *driver);

#endif
