/* aq-driver-libvirt, which an agent starts: see docs/driver-programs.md. */
#include "drivers/libvirt/libvirt.h"
#include "drivers/program/serve.h"

int main(void)
{
    return driver_serve(&libvirt_driver_type);
}
