/* What is done with a machine on a thread of the pool. An action has all that it needs, and knows the machine by number
 * only: that may be gone when the action ends. */
#ifndef AQ_DRIVERS_LIBVIRT_ACTION_H
#define AQ_DRIVERS_LIBVIRT_ACTION_H

#include "drivers/libvirt/plan.h"
#include "drivers/libvirt/record.h"

#include <stdatomic.h>

enum action_kind {
    ACTION_START,    /* makes disks and seed, defines the machine and starts it */
    ACTION_LOOK,     /* at its state */
    ACTION_TEND,     /* what address it has now, and whether its lease is kept */
    ACTION_SHUTDOWN, /* asks it to shut down */
    ACTION_DESTROY,  /* ends it by force */
    ACTION_RESUME,   /* lets it go on after a fault of a disk */
    ACTION_CLEAN,    /* removes what is left of it; nothing of it runs then */
};

enum { ACTION_ADDRESS_SIZE = RECORD_ADDRESS_SIZE, ACTION_PORT_SIZE = 64 };

struct action {
    struct pool_job job;
    enum action_kind kind;
    void *owner;                       /* for the job's functions */
    uint64_t resource, serial;         /* of the machine */
    virConnectPtr open;                /* a reference */
    char name[VIRT_NAME_SIZE];         /* of the machine */
    char uuid[VIR_UUID_STRING_BUFLEN]; /* "": found by its name */
    char seed[RECORD_SEED_SIZE];       /* CLEAN: to be removed; "": none */
    struct plan *plan;                 /* START: its own */
    struct machine_record record;      /* START: written into the machine's directory; LOOK, TEND: as it is there */
    char *directory;                   /* of the machine; NULL: it has none */
    atomic_bool cancelled;             /* START: it is not wanted any more */

    /* What came of it. */
    bool failed; /* with `error` */
    struct aq_error error;
    bool is_dead;                      /* the connection, which was */
    virConnectPtr used;                /* this one; no reference */
    bool found;                        /* all but START: libvirt knows the machine */
    int state, reason;                 /* LOOK: as virDomainGetState() tells them */
    char port[ACTION_PORT_SIZE];       /* START, LOOK: path of the terminal that is its serial port; "": it has none */
    char ip_addr[ACTION_ADDRESS_SIZE]; /* TEND: "": not known */
};

/* The function `run` of its job. */
void action_run(struct pool_job *job);
void action_free(struct action *action);

#endif
