/* A driver starts, watches and ends one kind of workload. The agent runs everything through drivers.
 *
 * The agent calls probe() once, and does not use a driver whose probe fails. For each assignment it reads the options
 * (schema/drivers/options.h), then calls start(). From then on the driver reports what happens through the callback
 * that open() was given: exactly one DRIVER_STARTED or DRIVER_FAILED for each start(), and exactly one DRIVER_ENDED
 * after each DRIVER_STARTED. DRIVER_STARTED comes again while it runs when its address is another: one that it gets
 * later than its start, for example. stop() asks for the end; DRIVER_ENDED follows when all processes of the workload
 * are gone.
 *
 * No call blocks. A driver does slow work in a process or thread of its own, and wakes the agent through the descriptor
 * that wake_fd() returns. The agent calls work() in each of its turns (schema/base/turn.h), and takes one when that is
 * readable or the time of deadline_ms() has come. Reports come from work(), start() and stop(), always on the agent's
 * thread. On that thread, a driver takes the time from the clocks that open() was given, which are those of the turn.
 *
 * A workload outlives the agent. The driver keeps everything it needs to find the workload again in the workload's
 * `directory`. After a restart the agent calls adopt() for each workload that it had, and the driver continues to
 * report: DRIVER_STARTED again if the workload still runs, and DRIVER_ENDED with the true exit status even if it ended
 * in between; or DRIVER_FAILED if it never ran.
 *
 * A driver writes the workload's output into its directory, in files as output.h describes them, and nothing more after
 * it has reported the end. The agent reads them at any time.
 *
 * A workload may be started again after its end: the agent then calls start() with the same resource, and a directory
 * that is empty but for the output of the earlier runs. The driver goes on with that output. */
#ifndef AQ_DRIVERS_DRIVER_H
#define AQ_DRIVERS_DRIVER_H

#include "schema/base/error.h"
#include "schema/base/memory.h"
#include "schema/base/turn.h"
#include "schema/drivers/allow.h"
#include "schema/drivers/container.h"
#include "schema/drivers/driver.h"
#include "schema/model/secret.h"
#include "schema/model/usage.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum driver_report_kind { DRIVER_STARTED, DRIVER_FAILED, DRIVER_ENDED, DRIVER_COMMAND_ENDED, DRIVER_TASK_ENDED };

/* All texts belong to the driver and are valid only during the call. */
/* In a report of something else than a start. */
#define DRIVER_NOT_STARTED .identifier = "", .ip_addr = "", .hw_addr = ""

struct driver_report {
    uint64_t resource;
    enum driver_report_kind kind;
    const char *identifier; /* STARTED: the driver's name for it, such as "pid 4711"; never NULL */
    const char *ip_addr;    /* STARTED: its own address; "" if it has none */
    const char *hw_addr;    /* STARTED: as ip_addr */
    bool lease_over;        /* FAILED, ENDED: it was ended, or not begun, because its lease was over */
    int exit_status;        /* both ENDED: 0 to 255 as a shell has it: 128 + n after signal n */
    const char *reason;     /* FAILED, ENDED: such as "exit status 3", "killed by signal 9: out of memory"; TASK_ENDED:
                             * why it failed; "" if it did not */
    uint64_t command;       /* COMMAND_ENDED: its number */
    uint64_t task;          /* TASK_ENDED: its number */
    const char *result;     /* TASK_ENDED: what came of it, a JSON object such as {"image":"golden:1"}; NULL: nothing */
};

typedef void driver_report_fn(void *context, const struct driver_report *report);

/* Where a workload finds its secrets, one file each. */
#define DRIVER_SECRETS "/run/aquarium/secrets"

/* What to run. It belongs to the caller; the driver copies what it keeps. */
struct driver_spec {
    uint64_t resource;        /* the resource's number: unique in the cluster, and never reused */
    const void *options;      /* the driver's struct, from aq_options_read() */
    const char *options_json; /* what that was read from: a JSON object */
    uint64_t cpu_milli;       /* 0: no limit */
    uint64_t ram_mib;         /* 0: no limit */
    uint64_t disk_mib;        /* size of its disk; 0: it asks for none */
    uint64_t slots;
    const char *metadata_json; /* merged metadata of label and application: a JSON object */
    uint64_t lease_s;          /* it is ended when the agent was out of touch for so long; 0: never */
    const char *lease_file;    /* absolute path of a file that says when it was in touch (drivers/lease.h) */
    struct aq_list arguments;  /* texts: the application's command, instead of that of the options; count 0: none */
    const char *directory;     /* absolute path; empty, only for the driver; the agent removes it after the end */
    /* Secrets are never written to a disk, nor into arguments or the environment. */
    const char *secrets; /* absolute path of a directory on a memory file system, with a file for each secret of
                            the metadata, which everybody may read who gets there; NULL: there are none */
    struct aq_list secret_values; /* aq_secret: all secrets, also those for the driver, such as registry.password */
};

/* A command to run in a workload: with its user, environment, directory, namespaces and limits. Or, with `left`, one
 * that copies out of what a workload has left when it ended (aq_exec_is_copy_out(), drivers/left.h): as its user, and
 * with nothing else in reach. It belongs to the caller; the driver copies what it keeps, the descriptors too. */
struct driver_command {
    uint64_t number;              /* drawn by the caller; none that runs has it */
    uint64_t resource;            /* of the workload, which must run, unless `left` is given */
    const char *left;             /* absolute path of the workload's directory after its end; NULL: it runs */
    const char *const *arguments; /* the program and its arguments; NULL ends them */
    int input, output, errors;    /* become its standard input, output and error */
    bool terminal;                /* they are a terminal, which becomes its controlling terminal */
    const char *term;             /* terminal: TERM; "" or NULL: as the workload has it */
};

enum driver_task_kind { DRIVER_TASK_SNAPSHOT, DRIVER_TASK_IMAGE };

/* Something to make of a workload. It belongs to the caller; the driver copies what it keeps. */
struct driver_task {
    uint64_t number;   /* the task's number: unique in the cluster, and never reused */
    uint64_t resource; /* of the workload, which must run */
    enum driver_task_kind kind;
    const char *name; /* of the snapshot or image: letters, digits, '.', '_', '-'; "": the driver chooses one */
};

/* Settings of the agent that are for drivers. */
struct driver_settings {
    const struct aq_container_settings *container;
    uint16_t metadata_port; /* of the agent's metadata service, on networks of drivers; 0: there is none */
    /* All of them; a program finds those of its own name there (drivers/program/). NULL: there are none. */
    const struct aq_record *record;
    const void *all;
    const void *own; /* those of a driver_type that declares some, as it declares them */
};

/* A network of this host that a driver makes for its workloads, on which they have addresses. No workload can use
 * the address of another. Of this host, workloads reach nothing but sockets that listen at the gateway with the mark
 * (SO_MARK). The device comes with the first workload. */
struct driver_network {
    char device[16];
    char gateway[16]; /* IPv4 address of this host */
    uint32_t mark;
};

struct driver; /* an open driver; each driver defines its own */

/* What a driver has that is a program of its own (drivers/program/): it may end, and begin again. */
struct driver_life {
    const char *(*refusal)(const struct driver *driver); /* why no workload can be started now; NULL: they can */
    bool (*is_settled)(const struct driver *driver);     /* it is known whether it can be used */
    unsigned (*changes)(const struct driver *driver);    /* grows when one of these, or what it can do, has changed */
    void (*retry)(struct driver *driver); /* begins again at once, if it has ended or is another one now */
    /* Its file may not be run any more: no workload can be started, what runs goes on, and it does not begin again
     * until retry() is called. */
    void (*withdraw)(struct driver *driver, const char *why);
    /* The ports of its workloads are those of the host, whatever their options: known only once it has begun. */
    bool (*on_host)(const struct driver *driver);
    /* Appends lines, of texts of AQ_TEXTS_ITEM_MAX bytes at most: what it can do, and its options. NULL: nothing is to
     * be said. */
    void (*describe)(const struct driver *driver, struct aq_list *lines, uint32_t most, struct aq_arena *arena);
    /* It looks itself how this child of the agent ends, in its next work(): nothing else may reap it. */
    bool (*waits_for)(const struct driver *driver, pid_t child);
};

struct driver_type {
    const struct driver_life *life;   /* NULL: it is built in, and can always be used */
    const struct aq_driver *declared; /* its name and its options */
    const struct aq_record *settings; /* of driver_settings.own; NULL: none */

    bool keeps_leases; /* it ends a workload whose lease is over, even when the agent does not run */

    /* Fails if the driver cannot work on this host. Has no lasting effect. */
    int (*probe)(struct aq_error *error) AQ_MUST_CHECK;

    /* `node` is the agent's name: agents of other names may run on the same host. `now` is set by the agent at the
     * begin of each turn. */
    struct driver *(*open)(const char *node, const struct aq_clocks *now, driver_report_fn *report, void *context);
    void (*close)(struct driver *driver); /* leaves workloads running */

    /* What the owner of the node allows: told after open() and when it changes, for what starts from then on. Copied.
     * NULL: nothing of that concerns the driver. */
    void (*allow)(struct driver *driver, const struct aq_allowance *allowance);

    /* The settings of the agent: told after open() and when they change, for what starts from then on. Copied. NULL:
     * nothing of that concerns the driver. */
    void (*configure)(struct driver *driver, const struct driver_settings *settings);

    /* The network of its workloads, from the settings. False, or NULL: it makes none. */
    bool (*network)(const struct driver *driver, struct driver_network *network);

    /* Refuses what the owner of the node does not allow. After a failure, nothing was started and no report follows. */
    int (*start)(struct driver *driver, const struct driver_spec *spec, struct aq_error *error) AQ_MUST_CHECK;
    int (*adopt)(struct driver *driver, uint64_t resource, const char *directory, struct aq_error *error) AQ_MUST_CHECK;

    /* The agent has no record of this workload, but it may have had one and lost it. Ends what is left of the workload.
     * Returns whether there is anything; if so, DRIVER_ENDED follows when all of it is gone. */
    bool (*end_leftover)(struct driver *driver, uint64_t resource);

    /* The workloads of this node that are on this host, whether or not the driver has a record of them: writes up to
     * `most` numbers, and returns how many. Only a driver that is a program is asked, once. NULL: it has none. */
    size_t (*leftovers)(struct driver *driver, uint64_t *resources, size_t most);

    /* Lets the workload end by itself for the grace time, then ends it. Repeating is harmless. */
    void (*stop)(struct driver *driver, uint64_t resource);

    /* Both are there, or none: then workloads of this driver take no commands. DRIVER_COMMAND_ENDED follows each
     * success once, also when the workload ends first; a program that cannot be run has exit
     * status 126 or 127, as in a shell. A command ends with its workload. end_command() kills it with all that it has
     * started, if it still runs; commands do not outlive close(). */
    int (*command)(struct driver *driver, const struct driver_command *command, struct aq_error *error) AQ_MUST_CHECK;
    void (*end_command)(struct driver *driver, uint64_t number);

    /* What a workload that runs has used since this start, as counters; what is not known stays none. The caller sets
     * `resource` and `at_ms`; a driver that has read them earlier says when. Called for each workload every few
     * seconds, so it must be cheap. False: it does not run, or nothing is known yet. NULL: the driver does not know. */
    bool (*sample)(struct driver *driver, uint64_t resource, struct aq_sample *sample);

    /* Both are there, or none: then nothing can be made of workloads of this driver. DRIVER_TASK_ENDED follows each
     * success of task() once, also when the workload ends first. end_task() gives it up, if it is still under way.
     * Tasks do not outlive close(): the agent starts one that was under way again, so a driver replaces what is half
     * made. */
    int (*task)(struct driver *driver, const struct driver_task *task, struct aq_error *error) AQ_MUST_CHECK;
    void (*end_task)(struct driver *driver, uint64_t number);

    int (*wake_fd)(struct driver *driver);          /* call work() when it is readable; -1: none */
    uint64_t (*deadline_ms)(struct driver *driver); /* steady: call work() then at the latest; UINT64_MAX: no need */
    void (*work)(struct driver *driver);
};

/* All built-in drivers, sorted by name; NULL ends the list. */
extern const struct driver_type *const driver_types[];

const struct driver_type *driver_find(const char *name); /* NULL: none */

#endif
