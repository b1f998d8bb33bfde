/* A driver starts, watches and ends one kind of workload. The agent knows no other way to run anything.
 *
 * How it is used. The agent calls probe() once; a driver that answers no is left out. For each assignment it
 * reads the options, then calls start(). From then on the driver tells what happens through the `report` callback that
 * open() was given: exactly one DRIVER_STARTED or DRIVER_FAILED for each start(), and exactly one DRIVER_ENDED
 * after each DRIVER_STARTED. stop() asks for the end; DRIVER_ENDED follows when the whole tree is gone.
 *
 * No call blocks. A driver does slow work in a process or thread of its own and wakes the agent through the
 * descriptor that wake_fd() names: when it is readable, or when timeout_ms() has passed, the agent calls work(), and
 * reports come from there (or from start() and stop() themselves), always on the agent's thread.
 *
 * A workload outlives the agent. Everything needed to find it again is kept by the driver under the
 * workload's `directory`; after a restart the agent calls adopt() for each workload it had, and the driver goes on
 * reporting: DRIVER_STARTED again if it still runs, then DRIVER_ENDED with the true exit status even if it ended in
 * between, or DRIVER_FAILED if it had never run. */
#ifndef AQ_DRIVERS_DRIVER_H
#define AQ_DRIVERS_DRIVER_H

#include "schema/base/error.h"
#include "schema/base/memory.h"
#include "schema/model/record.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum driver_report_kind { DRIVER_STARTED, DRIVER_FAILED, DRIVER_ENDED };

/* All texts belong to the driver and hold only during the call. */
struct driver_report {
    uint64_t resource;
    enum driver_report_kind kind;
    const char *identifier; /* STARTED: the driver's own name for it, such as "pid 4711"; never NULL */
    const char *ip_addr;    /* STARTED: "" where there is none of its own */
    const char *hw_addr;    /* STARTED: likewise */
    int exit_status;        /* ENDED: 0 to 255 as the shell tells it: 128 + n when a signal n ended it */
    const char *reason;     /* FAILED, ENDED: in words, such as "exit status 3", "killed by signal 9: out of memory" */
};

typedef void driver_report_fn(void *context, const struct driver_report *report);

/* What to run. Belongs to the caller; the driver copies what it keeps. */
struct driver_spec {
    uint64_t resource;   /* the resource's id: unique in the cluster, for ever */
    const void *options; /* the driver's struct, as driver_options_read() made it of the label's options */
    uint64_t cpu_milli;  /* 0: no limit */
    uint64_t ram_mib;    /* 0: no limit */
    uint64_t slots;
    const char *metadata_json; /* merged metadata of label and application: a JSON object */
    const char *directory;     /* exists, empty, absolute, the driver's alone; removed by the agent after the end */
};

struct driver_option_reader;
struct driver; /* one opened driver: each driver's own */

struct driver_type {
    const char *name; /* as in a label's `driver` */
    const char *help; /* in whole sentences */

    const struct aq_record *options;            /* declared as settings are: see options.h */
    const struct driver_option_reader *readers; /* of options that need one; NULL: none do */

    /* Can it work on this machine? -1 with the reason in `error` if not. No lasting effect. */
    int (*probe)(struct aq_error *error) AQ_MUST_CHECK;

    /* `node` is the agent's name (agents of other names may share the machine). */
    struct driver *(*open)(const char *node, driver_report_fn *report, void *context);
    void (*close)(struct driver *driver); /* leaves workloads running */

    /* -1: nothing was started and no report follows; `error` says why. */
    int (*start)(struct driver *driver, const struct driver_spec *spec, struct aq_error *error) AQ_MUST_CHECK;
    int (*adopt)(struct driver *driver, uint64_t resource, const char *directory, struct aq_error *error) AQ_MUST_CHECK;

    /* Asks politely first (SIGTERM, then the grace time of the options), then ends it. Repeating is harmless. */
    void (*stop)(struct driver *driver, uint64_t resource);

    /* Appends the newest `max` bytes of its output to `out`. An ended workload's log can still be read while its
     * directory stands. */
    int (*logs)(struct driver *driver, uint64_t resource, const char *directory, size_t max, struct aq_buffer *out,
                struct aq_error *error) AQ_MUST_CHECK;

    int (*wake_fd)(struct driver *driver);    /* readable: call work(); -1: none */
    int (*timeout_ms)(struct driver *driver); /* call work() at the latest then; -1: no need */
    void (*work)(struct driver *driver);
};

/* All drivers built in, ended by NULL, in order of their names. */
extern const struct driver_type *const driver_types[];

const struct driver_type *driver_find(const char *name); /* NULL: no such driver */

#endif
