/* Begins actions on machines (action.h), and takes what came of them. */
#ifndef AQ_DRIVERS_LIBVIRT_BEGIN_H
#define AQ_DRIVERS_LIBVIRT_BEGIN_H

#include "drivers/libvirt/machine.h"

/* False: there is no connection, or it is too early: then the machine is woken. */
bool action_begin(struct driver *driver, struct machine *machine, enum action_kind kind);

#endif
