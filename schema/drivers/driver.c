#include "schema/drivers/driver.h"

#include <string.h>

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const struct aq_driver *const *)a)->name, (*(const struct aq_driver *const *)b)->name);
}

AQ_REGISTRY(drivers, aq_drivers, aq_driver, compare_names)

const struct aq_driver *aq_driver_at(size_t index)
{
    return aq_registry_at(&drivers, index);
}

const struct aq_driver *aq_driver_find(const char *name)
{
    const struct aq_driver *driver;
    for (size_t i = 0; (driver = aq_driver_at(i)) != NULL; i++)
        if (strcmp(driver->name, name) == 0)
            return driver;
    return NULL;
}
