/* Directories of the host that a label names. They are opened with the rights of the workload's user, and do not lead
 * out of the directory that the node's owner allows, by whatever links. */
#ifndef AQ_DRIVERS_PROCESS_PLACE_H
#define AQ_DRIVERS_PROCESS_PLACE_H

#include "drivers/process/job.h"

/* Returns an O_PATH descriptor in this process's mount namespace; -1 with `error`. */
int process_place_open(const struct process_place *place, struct aq_error *error) AQ_MUST_CHECK;

#endif
