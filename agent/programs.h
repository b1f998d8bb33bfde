/* Drivers that are programs: aq-driver-NAME in the directory that the settings name (docs/driver-programs.md). */
#ifndef AQ_AGENT_PROGRAMS_H
#define AQ_AGENT_PROGRAMS_H

#include "agent/drivers.h"

/* Adds those in `directory`, "": none, that `wanted` names, or all if it is empty, and that are not open yet; those
 * that are open and rest are started at once, and those whose file is gone, or may not be run any more, are withdrawn.
 * One that cannot be used is left out, with the reason in the journal. Returns how many were added. */
uint32_t programs_find(struct drivers *drivers, const char *node, const char *directory, const struct aq_list *wanted);

#endif
