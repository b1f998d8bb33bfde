/* The driver `libvirt`: virtual machines. It is for a program of its own, aq-driver-libvirt, and in no agent: libvirt's
 * calls may block, and its library is large. */
#ifndef AQ_DRIVERS_LIBVIRT_LIBVIRT_H
#define AQ_DRIVERS_LIBVIRT_LIBVIRT_H

#include "drivers/driver.h"

extern const struct driver_type libvirt_driver_type;

#endif
