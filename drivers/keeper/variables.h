/* The environment that every workload gets, whatever runs it: AQUARIUM_RESOURCE, the metadata as AQUARIUM_METADATA and
 * AQ_META_*, where its secrets are, and what its label gives. */
#ifndef AQ_DRIVERS_KEEPER_VARIABLES_H
#define AQ_DRIVERS_KEEPER_VARIABLES_H

#include "drivers/driver.h"

/* Appends the variables as "NAME=value", each with a NUL, those of the label (`given`) last. `path` is that of a
 * workload whose label gives none; NULL: none. Returns their number. */
uint32_t kept_variables(struct aq_buffer *texts, const struct driver_spec *spec, const struct aq_list *given,
                        const char *path);

#endif
