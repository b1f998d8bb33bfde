/* What the driver keeps of a machine in its directory, to find it again and to go on. */
#ifndef AQ_DRIVERS_LIBVIRT_RECORD_H
#define AQ_DRIVERS_LIBVIRT_RECORD_H

#include "schema/base/error.h"

#include <libvirt/libvirt.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    RECORD_BOOT_SIZE = 40,
    RECORD_MAC_SIZE = 18,
    RECORD_REASON_SIZE = 400,
    RECORD_SEED_SIZE = 300,
    RECORD_LEASE_SIZE = 1024,
    RECORD_ADDRESS_SIZE = 64
};

struct machine_record {
    char uuid[VIR_UUID_STRING_BUFLEN];
    char boot[RECORD_BOOT_SIZE];       /* of the host, when it was written */
    char mac[RECORD_MAC_SIZE];         /* of its first network; "": it has none */
    char ip_addr[RECORD_ADDRESS_SIZE]; /* the newest that is known; "": none is */
    char seed[RECORD_SEED_SIZE];       /* path; "": it has none */
    uint64_t stop_grace_s;
    uint64_t lease_s;                   /* 0: it has none */
    char lease_file[RECORD_LEASE_SIZE]; /* drivers/lease.h */
    uint64_t log_size, log_files;
    bool defined; /* libvirt may know it */
    bool started; /* it has run */
    bool over;    /* it has ended so: */
    int exit_status;
    char reason[RECORD_REASON_SIZE];
};

/* Both take the machine's directory. Reading one that is not there fails with AQ_E_NOT_FOUND. */
int machine_record_write(const struct machine_record *record, const char *directory,
                         struct aq_error *error) AQ_MUST_CHECK;
int machine_record_read(struct machine_record *record, const char *directory, struct aq_error *error) AQ_MUST_CHECK;

#endif
