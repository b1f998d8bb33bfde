/* Commands that pretend to run in workloads, beside those of the driver `test`: `copy NAME STATUS` writes what it
 * reads, to the end of its input, and ends with this status. It does some of that in each turn of the agent. */
#ifndef AQ_TESTS_SIM_PROGRAMS_H
#define AQ_TESTS_SIM_PROGRAMS_H

#include "drivers/driver.h"

struct program;

struct programs {
    struct program *first;
};

bool programs_have(const struct driver_command *command);
void programs_start(struct programs *programs, const struct driver_command *command);
/* Kills one, or all of a workload. */
void programs_kill(struct programs *programs, uint64_t number);
void programs_kill_all(struct programs *programs, uint64_t resource);
/* Lets them go on, and reports those that have ended. */
void programs_work(struct programs *programs, driver_report_fn *report, void *context);
bool programs_are_due(const struct programs *programs);
void programs_close(struct programs *programs); /* nothing is reported any more */

#endif
