/* Finds the programs of drivers on this host. */
#ifndef AQ_DRIVERS_PROGRAM_FIND_H
#define AQ_DRIVERS_PROGRAM_FIND_H

#include "schema/base/error.h"

#define PROGRAM_PREFIX "aq-driver-"

/* `refusal` says why it is not to be used; NULL: it may be. All texts are valid only during the call. */
typedef void program_found_fn(void *context, const char *name, const char *path, const char *refusal);

/* Calls `found` for each aq-driver-NAME in the directory, sorted by name. Fails if the directory cannot be read, or
 * if others than root and the agent's own user could have put something into it. */
int program_find_all(const char *directory, program_found_fn *found, void *context,
                     struct aq_error *error) AQ_MUST_CHECK;

/* The directory of the programs that drivers use, aq-output and aq-lease: that of the drivers, that of the agent, or
 * where they are installed; "": they are nowhere. Valid until the next call. */
const char *program_helpers(const char *directory);

#endif
