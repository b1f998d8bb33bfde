/* A machine, from start() or adopt() to its end: what is to be done next. Calls of libvirt are actions (action.h), one
 * at a time for each machine; in between, events say what has happened. */
#ifndef AQ_DRIVERS_LIBVIRT_MACHINE_H
#define AQ_DRIVERS_LIBVIRT_MACHINE_H

#include "drivers/libvirt/action.h"
#include "drivers/libvirt/console.h"
#include "drivers/libvirt/gauge.h"
#include "drivers/libvirt/task.h"
#include "drivers/libvirt/terminal.h"
#include "drivers/roster.h"
#include "drivers/schedule.h"

enum machine_phase {
    MACHINE_STARTING, /* a plan is to be carried out */
    MACHINE_LOOKING,  /* it was there before: is it still? */
    MACHINE_WAITING,  /* it runs, and its address is awaited */
    MACHINE_RUNNING,
    MACHINE_STOPPING, /* it was asked to shut down */
    MACHINE_KILLING,  /* it is ended by force */
    MACHINE_ENDING,   /* it is over, and what is left of it is removed */
};

struct machine {
    uint64_t resource, serial;
    enum machine_phase phase;
    char *directory;   /* NULL: the agent knows it no longer */
    struct plan *plan; /* STARTING */
    struct machine_record record;
    struct action *action; /* that is under way */
    struct console console;
    int watch;        /* of inotify; -1: none */
    int lease_watch;  /* the same */
    bool stop_wanted; /* by the agent */
    bool is_leftover; /* it is to be ended, whatever it is */
    bool lease_over;
    bool must_tell;         /* STARTED is to be reported */
    bool told_started;      /* it was, or is not to be */
    bool over, never_ran;   /* what has become of it is in `record`: status and reason */
    int early_end;          /* STARTING: it has ended, for this reason of libvirt; 0: not */
    bool drained;           /* its console has been read to the end */
    uint64_t due_ms;        /* when it wants to go on by itself; UINT64_MAX: not */
    uint64_t retry_ms;      /* no action before: one has failed */
    uint64_t until_ms;      /* end of what it waits for in this phase */
    uint64_t full_until_ms; /* its disk has failed, and it is let go on until then; 0: it has not */
    bool disk_failed;       /* since it was last let go on */
    char disk_fault[32];    /* why its disk has failed */
    uint64_t address_wait_s;
    uint64_t tend_ms, often_until_ms;       /* RUNNING: when it is tended next, and until when that is often */
    char told_address[ACTION_ADDRESS_SIZE]; /* in the last report */
    char port[ACTION_PORT_SIZE];            /* "": it has no console */
    struct aq_sample used;                  /* at_ms 0: not known yet */
};

struct driver {
    const struct aq_clocks *now;
    driver_report_fn *report;
    void *context;
    char *node;
    int wake, bell, inotify; /* `wake` is an epoll of the others */
    struct pool *pool;
    struct virt *connection;
    struct terminals *terminals;
    struct tasks *tasks;
    struct gauge *gauge;
    bool kvm_tried;
    bool kvm_works;                      /* a small machine has booted with it */
    struct aq_libvirt_settings settings; /* in `arena` */
    struct aq_arena arena;
    struct roster roster;
    struct schedule schedule;
    uint64_t serials;
    /* Begins an action. False: there is no connection, or it is too early. */
    bool (*begin)(struct driver *driver, struct machine *machine, enum action_kind kind);
    uint64_t *strays; /* machines of this node that the agent has not told of */
    size_t stray_count, stray_capacity;
};

struct machine *machine_add(struct driver *driver, uint64_t resource, const char *directory, enum machine_phase phase);
void machine_free(struct driver *driver, struct machine *machine);

/* Does what can be done now. May report, and may free the machine. */
void machine_go_on(struct driver *driver, struct machine *machine);

/* It is over, as `reason` says. Of several reasons, the first counts. */
void machine_is_over(struct machine *machine, bool never_ran, int exit_status, const char *reason);
/* The same, from a state that libvirt tells. */
void machine_is_off(struct machine *machine, int state, int reason);

/* The same: libvirt does not know it. */
void machine_is_gone(struct machine *machine);

/* It is paused, because its disk cannot be written, as libvirt's `reason` says. */
void machine_disk_failed(struct driver *driver, struct machine *machine, const char *reason);

/* Its lease may be over: then it is ended. */
void machine_look_at_lease(struct driver *driver, struct machine *machine);

/* An action has ended, or is overdue. */
void machine_take(struct driver *driver, struct machine *machine, struct action *action);
void machine_give_up(struct driver *driver, struct machine *machine, struct action *action);

/* What has come from its console goes into its log. */
void machine_copy(struct driver *driver, struct machine *machine);

void machine_wake_at(struct driver *driver, struct machine *machine, uint64_t at_ms);

#endif
