/* Whether KVM works on this node, found out by booting a kernel with it: that /dev/kvm opens proves nothing. */
#ifndef AQ_DRIVERS_LIBVIRT_KVM_H
#define AQ_DRIVERS_LIBVIRT_KVM_H

#include "drivers/libvirt/pool.h"
#include "schema/drivers/libvirt.h"

#include <libvirt/libvirt.h>

/* Begins the trial; `open` is a reference that is taken. `*works` becomes true when it has succeeded, on the owner's
 * thread, and either outcome is told in the journal. */
void kvm_try(struct pool *pool, virConnectPtr open, const char *node, const struct aq_libvirt_settings *settings,
             uint64_t now_ms, bool *works);

#endif
