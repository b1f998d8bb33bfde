/* Leases of machines. A process beside the machine keeps its lease, aq-lease (drivers/program/lease/main.c), so that it
 * is kept when agent and driver are dead. When the lease is over, that process becomes `aq-driver-libvirt --end-lease`,
 * which ends the machine: at once, by the pid of its emulator, and then in libvirt, as soon as that answers. */
#ifndef AQ_DRIVERS_LIBVIRT_MACHINE_LEASE_H
#define AQ_DRIVERS_LIBVIRT_MACHINE_LEASE_H

#include "drivers/libvirt/record.h"

/* Sees to it that the lease is kept, if it has one: it may be kept already. Fails if it is over. On a thread of the
 * pool. */
int machine_lease_keep(const struct machine_record *record, const char *directory, virConnectPtr connection,
                       struct aq_error *error) AQ_MUST_CHECK;

/* The file in the machine's directory that says so, for inotify. Valid until the next call. */
const char *machine_lease_path(const char *directory);
bool machine_lease_is_over(const char *directory);
/* There is nothing to keep any more. */
void machine_lease_remove(const char *directory);

/* What `--end-lease DIRECTORY URI UUID` does: returns when the machine is gone, or its lease was removed. */
int machine_lease_end(const char *directory, const char *uri, const char *uuid);

#endif
