/* What the network devices of this host have carried. */
#ifndef AQ_DRIVERS_KEEPER_DEVICES_H
#define AQ_DRIVERS_KEEPER_DEVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DEVICE_NAME_SIZE = 16 };

struct device_counters {
    char name[DEVICE_NAME_SIZE];
    uint64_t received, sent; /* bytes, as the host sees them */
};

/* Zeroed memory is empty. */
struct devices {
    struct device_counters *sorted; /* by name */
    size_t count, capacity;
    uint64_t read_ms; /* when, by the clock of the turn */
    bool read;
};

/* NULL: there is no such device. All of them are read at once, and again when `now_ms` is another: a turn that asks for
 * many pays for one. */
const struct device_counters *devices_find(struct devices *devices, const char *name, uint64_t now_ms);
void devices_free(struct devices *devices);

#endif
