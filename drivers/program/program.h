/* A driver that is a program of its own (docs/driver-programs.md), as the agent sees it.
 *
 * The program is started at once, and again when it ends. It is ended when it does not say hello or does not answer in
 * time, and when it says too much that cannot be. Its workloads live on, and are adopted by its next run; a start waits
 * a while for that. Nothing that it does can make the agent wait. */
#ifndef AQ_DRIVERS_PROGRAM_PROGRAM_H
#define AQ_DRIVERS_PROGRAM_PROGRAM_H

#include "drivers/driver.h"

/* The program is started in the first turn. `path` is that of driver `name`; `helpers` is the directory of aq-output
 * and aq-lease, or "". The other arguments are those of driver_type.open(). */
struct driver *program_driver_open(const char *name, const char *path, const char *helpers, const char *node,
                                   const struct aq_clocks *now, driver_report_fn *report, void *context);

/* What the program can do, as long as the driver is open; it changes when the program says hello. */
const struct driver_type *program_driver_type(const struct driver *driver);

#endif
