#include "drivers/driver.h"

#include "drivers/container/container.h"
#include "drivers/process/process.h"
#include "drivers/test/test.h"

#include <stddef.h>
#include <string.h>

const struct driver_type *const driver_types[] = {&container_driver_type, &process_driver_type, &test_driver_type,
                                                  NULL};

const struct driver_type *driver_find(const char *name)
{
    for (size_t i = 0; driver_types[i] != NULL; i++)
        if (strcmp(driver_types[i]->declared->name, name) == 0)
            return driver_types[i];
    return NULL;
}
