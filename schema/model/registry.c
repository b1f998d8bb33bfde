#include "schema/model/registry.h"

#include "schema/base/compiler.h"

#include <stdlib.h>
#include <string.h>

void aq_registry_fill(struct aq_registry *registry, const void *rows, size_t count,
                      int (*compare)(const void *, const void *))
{
    aq_assert(count <= AQ_REGISTRY_MAX);
    memcpy(registry->rows, rows, count * sizeof *registry->rows);
    registry->count = count;
    qsort(registry->rows, count, sizeof *registry->rows, compare);
}

const void *aq_registry_at(const struct aq_registry *registry, size_t index)
{
    return index < registry->count ? registry->rows[index] : NULL;
}
