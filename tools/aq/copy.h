/* aq cp: files out of workloads and into them, as tar archives through a command there (exec.h).
 *
 * In the workload, tar runs with the rights of the workload and inside of what it sees, so no link leads out of that.
 * Here, what comes is a stranger's: it is unpacked in a new directory that only this user can enter, and only what was
 * asked for is moved from there to its place. */
#ifndef AQ_TOOLS_AQ_COPY_H
#define AQ_TOOLS_AQ_COPY_H

#include "tools/aq/nouns.h"

/* aq cp APPLICATION:PATH DESTINATION, or aq cp SOURCE APPLICATION:PATH. */
enum cli_exit cli_copy(struct cli *cli, const char *const *words, unsigned count);

#endif
