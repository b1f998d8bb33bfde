/* What a machine is made of: the label's options, what was reserved, and what the owner of the node says, put together
 * before anything is done. A plan is made on the driver's thread; a job then carries it out. */
#ifndef AQ_DRIVERS_LIBVIRT_PLAN_H
#define AQ_DRIVERS_LIBVIRT_PLAN_H

#include "drivers/driver.h"
#include "drivers/libvirt/virt.h"
#include "schema/drivers/libvirt.h"

/* What the machine writes to its serial port comes into this file of its directory. */
#define PLAN_CONSOLE_DIRECTORY "console"
#define PLAN_CONSOLE           PLAN_CONSOLE_DIRECTORY "/log"

enum { PLAN_DISKS_MAX = AQ_LIBVIRT_DISKS_MAX + 1, PLAN_MAC_SIZE = 18 };

/* A disk of the machine. */
struct plan_disk {
    const char *image;  /* name of the image below the node's directory; NULL: it begins empty */
    uint64_t least_mib; /* size; with an image, that of the image if it is larger and `exact` is false */
    bool exact;
    char *path; /* of the file that the machine writes to */
};

struct plan {
    struct aq_arena arena; /* of all texts */
    uint64_t resource;
    const char *node, *directory;
    char name[VIRT_NAME_SIZE]; /* for libvirt */
    char uuid[VIR_UUID_STRING_BUFLEN];
    enum virt_kind kind;
    bool kvm;
    struct aq_libvirt_options options;
    struct aq_libvirt_settings settings;
    uint64_t memory_mib;
    uint64_t cpu_milli; /* 0: as one core */
    const char *metadata_json;
    struct aq_list secrets; /* aq_secret: of the metadata, and others; only the seed has them */
    struct plan_disk disks[PLAN_DISKS_MAX];
    uint32_t disk_count;
    char macs[AQ_LIBVIRT_NETWORKS_MAX][PLAN_MAC_SIZE];
    const char *seed; /* path of the seed for cloud-init; NULL: it has none */
};

/* Checks what needs no look at the disk. Fails with what the owner of the node does not allow. On success, the caller
 * frees the plan. */
struct plan *plan_make(const struct driver_spec *spec, const char *node, enum virt_kind kind,
                       const struct aq_libvirt_settings *settings, bool kvm, struct aq_error *error) AQ_MUST_CHECK;
void plan_free(struct plan *plan);

/* The path of an image or kernel: settings->images and its name. */
char *plan_file(const struct aq_libvirt_settings *settings, const char *name, struct aq_arena *arena);

/* ---- on a thread of the pool ---------------------------------------------------------------------------- */

/* Sees to it that kernel, initramfs and images are there (disks.c), and makes the machine's disks. */
int plan_make_disks(struct plan *plan, struct aq_error *error) AQ_MUST_CHECK;

/* Writes the seed, if the plan has one (seed.c). */
int plan_write_seed(const struct plan *plan, struct aq_error *error) AQ_MUST_CHECK;

/* The description for libvirt (domain.c). */
void plan_describe(const struct plan *plan, struct aq_buffer *xml);

#endif
