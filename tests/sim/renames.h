/* The renames of agents that no sync of a directory has made durable: a power cut undoes the last of them.
 *
 * A journaling file system keeps the order of such changes. So what is undone is always the end of what happened, and
 * it ends where something was deleted meanwhile. (On memory file systems, nothing stays anyway.) A sync of a directory
 * makes durable what happened there, and all that happened before. */
#ifndef AQ_TESTS_SIM_RENAMES_H
#define AQ_TESTS_SIM_RENAMES_H

#include "tests/sim/sim.h"

enum { RENAMES_CONTROLLER = 15 /* its number, beside those of hosts */ };

/* From now on the agent of this host works, until renames_end(). renameat(), fsync() and unlinkat() are wrapped by the
 * linker. */
void renames_begin(unsigned host);
void renames_end(void);

/* The power of the host is cut: the last renames that are not durable are undone, as many as chance has it. The rest is
 * durable. */
void renames_lose(struct sim *sim, unsigned host);
/* Its directory is another one now. */
void renames_forget(unsigned host);

#endif
