/* The process that emulates a machine, found without libvirt. */
#ifndef AQ_DRIVERS_LIBVIRT_EMULATOR_H
#define AQ_DRIVERS_LIBVIRT_EMULATOR_H

#include <stdbool.h>

/* Kills each process of this host that has "-uuid UUID" among its arguments, as qemu has them. Returns whether there
 * was one. */
bool emulator_kill(const char *uuid);

#endif
