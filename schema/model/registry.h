/* Registration of declarations. Each row lies in a section of the binary that the linker gathers, so that nobody keeps
 * a list: whoever adds an entity, command, event or view touches no other file. A registry is such a section in order.
 */
#ifndef AQ_SCHEMA_MODEL_REGISTRY_H
#define AQ_SCHEMA_MODEL_REGISTRY_H

#include <stddef.h>

enum { AQ_REGISTRY_MAX = 256 };

struct aq_registry {
    const void *rows[AQ_REGISTRY_MAX];
    size_t count;
};

/* Puts the address of `row` into the section `aq_<section>`. */
#define AQ_REGISTER(section_name, type, row)                                                                           \
    static const struct type *const row##_registered __attribute__((used, section(#section_name))) = &row;

/* Fills the registry before main() with the rows of a section, in the order of `compare` (as qsort's, on pointers to
 * the rows' addresses). Lookups then cost no sorting. */
#define AQ_REGISTRY(registry, section_name, type, compare)                                                             \
    extern const struct type *const __start_##section_name[], *const __stop_##section_name[];                          \
    static struct aq_registry registry;                                                                                \
    __attribute__((constructor)) static void registry##_fill(void)                                                     \
    {                                                                                                                  \
        aq_registry_fill(&registry, __start_##section_name, (size_t)(__stop_##section_name - __start_##section_name),  \
                         compare);                                                                                     \
    }

void aq_registry_fill(struct aq_registry *registry, const void *rows, size_t count,
                      int (*compare)(const void *, const void *));

/* NULL after the last. */
const void *aq_registry_at(const struct aq_registry *registry, size_t index);

#endif
