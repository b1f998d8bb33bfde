/* Snapshots and images of workloads: aq snapshot, aq image. */
#ifndef AQ_TOOLS_AQ_TASKS_H
#define AQ_TOOLS_AQ_TASKS_H

#include "tools/aq/nouns.h"

/* Creates a task and waits until it is over, with its moves on standard error. What was made is printed, as its driver
 * names it. A task for DEALLOCATE is not waited for. */
enum cli_exit cli_snapshot(struct cli *cli, const char *const *words, unsigned count);
enum cli_exit cli_image(struct cli *cli, const char *const *words, unsigned count);

#endif
