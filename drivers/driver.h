/* A driver starts, watches and ends one kind of workload. The agent runs everything through drivers.
 *
 * The agent calls probe() once, and does not use a driver whose probe fails. For each assignment it reads the options
 * (schema/drivers/options.h), then calls start(). From then on the driver reports what happens through the callback
 * that open() was given: exactly one DRIVER_STARTED or DRIVER_FAILED for each start(), and exactly one DRIVER_ENDED
 * after each DRIVER_STARTED. stop() asks for the end; DRIVER_ENDED follows when all processes of the workload are gone.
 *
 * No call blocks. A driver does slow work in a process or thread of its own, and wakes the agent through the descriptor
 * that wake_fd() returns. When that is readable, or timeout_ms() has passed, the agent calls work(). Reports come from
 * work(), start() and stop(), always on the agent's thread.
 *
 * A workload outlives the agent. The driver keeps everything it needs to find the workload again in the workload's
 * `directory`. After a restart the agent calls adopt() for each workload that it had, and the driver continues to
 * report: DRIVER_STARTED again if the workload still runs, and DRIVER_ENDED with the true exit status even if it ended
 * in between; or DRIVER_FAILED if it never ran.
 *
 * A driver writes the workload's output into its directory, in files as output.h describes them, and nothing more after
 * it has reported the end. The agent reads them at any time. */
#ifndef AQ_DRIVERS_DRIVER_H
#define AQ_DRIVERS_DRIVER_H

#include "schema/base/error.h"
#include "schema/base/memory.h"
#include "schema/drivers/driver.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum driver_report_kind { DRIVER_STARTED, DRIVER_FAILED, DRIVER_ENDED };

/* All texts belong to the driver and are valid only during the call. */
struct driver_report {
    uint64_t resource;
    enum driver_report_kind kind;
    const char *identifier; /* STARTED: the driver's name for it, such as "pid 4711"; never NULL */
    const char *ip_addr;    /* STARTED: its own address; "" if it has none */
    const char *hw_addr;    /* STARTED: as ip_addr */
    int exit_status;        /* ENDED: 0 to 255 as a shell has it: 128 + n after signal n */
    const char *reason;     /* FAILED, ENDED: such as "exit status 3", "killed by signal 9: out of memory" */
};

typedef void driver_report_fn(void *context, const struct driver_report *report);

/* What to run. It belongs to the caller; the driver copies what it keeps. */
struct driver_spec {
    uint64_t resource;   /* the resource's number: unique in the cluster, and never reused */
    const void *options; /* the driver's struct, from aq_options_read() */
    uint64_t cpu_milli;  /* 0: no limit */
    uint64_t ram_mib;    /* 0: no limit */
    uint64_t slots;
    const char *metadata_json; /* merged metadata of label and application: a JSON object */
    const char *directory;     /* absolute path; empty, only for the driver; the agent removes it after the end */
};

struct driver; /* an open driver; each driver defines its own */

struct driver_type {
    const struct aq_driver *declared; /* its name and its options */

    /* Fails if the driver cannot work on this host. Has no lasting effect. */
    int (*probe)(struct aq_error *error) AQ_MUST_CHECK;

    /* `node` is the agent's name: agents of other names may run on the same host. */
    struct driver *(*open)(const char *node, driver_report_fn *report, void *context);
    void (*close)(struct driver *driver); /* leaves workloads running */

    /* After a failure, nothing was started and no report follows. */
    int (*start)(struct driver *driver, const struct driver_spec *spec, struct aq_error *error) AQ_MUST_CHECK;
    int (*adopt)(struct driver *driver, uint64_t resource, const char *directory, struct aq_error *error) AQ_MUST_CHECK;

    /* The agent has no record of this workload, but it may have had one and lost it. Ends what is left of the workload.
     * Returns whether there is anything; if so, DRIVER_ENDED follows when all of it is gone. */
    bool (*end_leftover)(struct driver *driver, uint64_t resource);

    /* Lets the workload end by itself for the grace time, then ends it. Repeating is harmless. */
    void (*stop)(struct driver *driver, uint64_t resource);

    int (*wake_fd)(struct driver *driver);    /* call work() when it is readable; -1: none */
    int (*timeout_ms)(struct driver *driver); /* call work() after this time at the latest; -1: no need */
    void (*work)(struct driver *driver);
};

/* All built-in drivers, sorted by name; NULL ends the list. */
extern const struct driver_type *const driver_types[];

const struct driver_type *driver_find(const char *name); /* NULL: none */

#endif
