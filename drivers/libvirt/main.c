/* aq-driver-libvirt, which an agent starts: see docs/driver-programs.md. */
#include "drivers/libvirt/libvirt.h"
#include "drivers/libvirt/machine_lease.h"
#include "drivers/program/serve.h"
#include "schema/base/version.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("aq-driver-libvirt " AQ_VERSION "\n");
        return 0;
    }
    if (argc == 5 && strcmp(argv[1], "--end-lease") == 0)
        return machine_lease_end(argv[2], argv[3], argv[4]);
    return driver_serve(&libvirt_driver_type);
}
