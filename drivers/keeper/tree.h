/* All processes that a process has started, and those that they have started. */
#ifndef AQ_DRIVERS_KEEPER_TREE_H
#define AQ_DRIVERS_KEEPER_TREE_H

#include <sys/types.h>

/* Signals all descendants of the process, in groups or not. Of a subreaper, orphans are children, too. */
void tree_signal(pid_t root, int number);

#endif
