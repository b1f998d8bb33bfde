/* Makes a program of a driver: an ordinary struct driver_type, which need not know that the agent is another process.
 */
#ifndef AQ_DRIVERS_PROGRAM_SERVE_H
#define AQ_DRIVERS_PROGRAM_SERVE_H

#include "drivers/driver.h"

/* Speaks for the driver on standard input and output (docs/driver-programs.md) until the agent is gone. The driver must
 * be one that schema/drivers declares: by that declaration the agent reads its options. Returns the exit status:
 *     int main(void) { return driver_serve(&libvirt_driver_type); } */
int driver_serve(const struct driver_type *type);

#endif
