#include "drivers/keeper/devices.h"

#include "schema/base/files.h"
#include "schema/base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct device_counters *)a)->name, ((const struct device_counters *)b)->name);
}

/* "  eth0: 1296 15 0 0 0 0 0 0 1296 15 ...": bytes received, and eight numbers later bytes sent. The file is of this
 * process's network namespace, wherever /sys was mounted. */
static void read_all(struct devices *devices)
{
    char line[512];
    AQ_CLEANUP_FILE FILE *file = fopen("/proc/self/net/dev", "re");
    devices->count = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        struct device_counters device;
        if (sscanf(line, " %15[^: ]: %" SCNu64 " %*u %*u %*u %*u %*u %*u %*u %" SCNu64, device.name, &device.received,
                   &device.sent) != 3)
            continue;
        AQ_GROW(devices->sorted, devices->count, devices->capacity);
        devices->sorted[devices->count++] = device;
    }
    if (devices->count > 0)
        qsort(devices->sorted, devices->count, sizeof *devices->sorted, compare);
}

const struct device_counters *devices_find(struct devices *devices, const char *name, uint64_t now_ms)
{
    struct device_counters wanted;
    if (!devices->read || devices->read_ms != now_ms)
        read_all(devices);
    devices->read = true;
    devices->read_ms = now_ms;
    snprintf(wanted.name, sizeof wanted.name, "%s", name);
    return devices->count > 0 ? bsearch(&wanted, devices->sorted, devices->count, sizeof wanted, compare) : NULL;
}

void devices_free(struct devices *devices)
{
    free(devices->sorted);
    *devices = (struct devices){0};
}
