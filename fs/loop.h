/* The loop of aq-fs: handles the kernel's requests and the controller's answers as they come, and waits for neither. */
#ifndef AQ_FS_LOOP_H
#define AQ_FS_LOOP_H

#include "fs/fileview.h"

/* Mounts, serves until it is told to end or the tree is unmounted, and unmounts. Calls `ready` when it is mounted. */
int loop_run(struct fileview *view, const struct fileview_signals *signals, void (*ready)(void),
             struct aq_error *error) AQ_MUST_CHECK;

#endif
