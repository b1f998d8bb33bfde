/* The connection to libvirt, which comes and goes: it is opened again and again until the daemon answers, and again
 * when it has gone. Events come on a thread of libvirt's own, and are handed to the owner's thread.
 *
 * All functions are for the owner's thread, but those that jobs use. */
#ifndef AQ_DRIVERS_LIBVIRT_VIRT_H
#define AQ_DRIVERS_LIBVIRT_VIRT_H

#include "drivers/libvirt/pool.h"
#include "schema/base/error.h"

#include <libvirt/libvirt.h>

enum virt_kind { VIRT_QEMU, VIRT_TEST, VIRT_LXC, VIRT_ESX, VIRT_VMWARE };

/* A machine of this node, as libvirt knows it. */
struct virt_machine {
    uint64_t resource;
    char uuid[VIR_UUID_STRING_BUFLEN];
    int state, reason; /* as virDomainGetState() tells them */
};

struct virt_event {
    uint64_t resource;
    char uuid[VIR_UUID_STRING_BUFLEN];
    int event, detail;  /* of virConnectDomainEventLifecycleCallback; */
    char io_reason[32]; /* or, if not "", why the disk of a machine failed: "enospc" */
};

struct virt_watcher {
    /* There is a new connection: these are the machines of the node. */
    void (*connected)(void *context, const struct virt_machine *machines, size_t count);
    void (*happened)(void *context, const struct virt_event *event);
    void *context;
};

struct virt;

/* `bell` is rung for virt_work(). `node` is the node's name. */
struct virt *virt_open(struct pool *pool, int bell, const char *node, struct virt_watcher watcher);
void virt_close(struct virt *connection); /* begins to close it; before pool_close() */
void virt_free(struct virt *connection);  /* after pool_close() has been true */

/* Where to connect, and how long to wait for an answer. Connects; with another URI, anew. */
void virt_configure(struct virt *connection, const char *uri, uint64_t patience_ms, uint64_t now_ms);

/* A reference for a job, which virConnectClose() returns; NULL: there is no connection now. */
virConnectPtr virt_take(struct virt *connection);
enum virt_kind virt_kind(const struct virt *connection); /* of the URI */
const char *virt_fault(const struct virt *connection);   /* why there is no connection; "" if there is one */

/* The connection `open`, which may be gone by now, was found dead. */
void virt_is_dead(struct virt *connection, virConnectPtr open, uint64_t now_ms);

/* The first attempt to connect is under way. */
bool virt_is_undecided(const struct virt *connection);

/* It has not answered in time: another one is opened. What waits for an answer of the old one goes on waiting. */
void virt_doubt(struct virt *connection, virConnectPtr open, uint64_t now_ms);

void virt_work(struct virt *connection, uint64_t now_ms);
uint64_t virt_deadline_ms(const struct virt *connection);

/* The name of a machine: "aquarium-NODE-RESOURCE". */
enum { VIRT_NAME_SIZE = 128 };
void virt_name(char name[VIRT_NAME_SIZE], const char *node, uint64_t resource);
uint64_t virt_resource(const char *name, const char *node); /* 0: it is another's */

/* Whether a machine in this state is paused because its disk cannot be written. */
bool virt_disk_has_failed(int state, int reason);

/* The part of an error's words that says what is wrong. In front of what qemu has said, libvirt puts a time and whole
 * arguments of qemu. */
const char *virt_plain(const char *words);

/* What libvirt said last on this thread, as the reason of a failure. Returns -1. */
int virt_fail(struct aq_error *error, const char *what);

#endif
