/* All processes that this one has started, and those that they have started. */
#ifndef AQ_DRIVERS_KEEPER_TREE_H
#define AQ_DRIVERS_KEEPER_TREE_H

/* Signals all descendants of this process, in groups or not. Of a subreaper, orphans are children, too. */
void tree_signal(int number);

#endif
