/* Any built-in driver as a program: what drivers/program/serve.h makes of one, for tests and benchmarks. */
#include "drivers/cgroup/cgroup.h"
#include "drivers/program/serve.h"

#include <stdio.h>
#include <stdlib.h>

enum { RESOURCES = 1200 }; /* tests number them from 1 */

/* Those that have a control group. */
static size_t leftovers(struct driver *driver, uint64_t *resources, size_t most)
{
    struct cgroup_host host;
    struct cgroup group;
    size_t count = 0;
    (void)driver;
    cgroup_host_read(&host);
    for (uint64_t resource = 1; resource <= RESOURCES && count < most; resource++) {
        cgroup_name(&group, &host, getenv("AQUARIUM_NODE"), resource);
        if (cgroup_exists(&group))
            resources[count++] = resource;
    }
    return count;
}

int main(void)
{
    const char *name = getenv("AQUARIUM_DRIVER");
    const struct driver_type *found = name != NULL ? driver_find(name) : NULL;
    if (found == NULL) {
        fprintf(stderr, "AQUARIUM_DRIVER names no driver\n");
        return 2;
    }
    struct driver_type type = *found;
    type.leftovers = leftovers;
    return driver_serve(&type);
}
