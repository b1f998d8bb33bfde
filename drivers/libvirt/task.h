/* What is made of a machine while it runs: a snapshot, which libvirt keeps in its disks, and an image of its first
 * disk, which labels may name. Each is one job of the pool. */
#ifndef AQ_DRIVERS_LIBVIRT_TASK_H
#define AQ_DRIVERS_LIBVIRT_TASK_H

#include "drivers/driver.h"
#include "drivers/libvirt/pool.h"

#include <libvirt/libvirt.h>

struct tasks;

struct tasks *tasks_open(struct pool *pool, driver_report_fn *report, void *context);
void tasks_free(struct tasks *tasks); /* after pool_close() has been true */

/* `open` is a reference that is taken. `uuid` is the machine's, `disk` the path of its first disk ("": it has none),
 * and `images` the node's directory. */
void tasks_begin(struct tasks *tasks, const struct driver_task *task, virConnectPtr open, const char *uuid,
                 const char *disk, const char *images, uint64_t now_ms);

void tasks_end(struct tasks *tasks, uint64_t number); /* gives it up */

/* On a thread of the pool: a machine that an earlier run of the driver has paused for an image goes on, and the half of
 * the image is removed. `directory` is the machine's. */
void task_resume_paused(const char *directory, virDomainPtr domain);

#endif
