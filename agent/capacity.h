/* What this machine has to offer, and how it is found by node filters. */
#ifndef AQ_AGENT_CAPACITY_H
#define AQ_AGENT_CAPACITY_H

#include "agent/settings/settings.h"
#include "schema/base/memory.h"

/* What there is: processors and memory that this process may use (affinity and control groups count), free disk space
 * where `directory` is. No slots. */
struct aq_amounts capacity_detect(const char *directory);

/* What is offered of it: settings may lower what was detected, never raise it; slots are the settings' own. */
struct aq_amounts capacity_offer(const struct aq_amounts *detected, const struct aq_agent_capacity *settings);

/* os:linux, arch:<machine>, name:<name>, host:<host name>, and the settings' own. In `arena`. */
struct aq_list capacity_identifiers(const char *name, const struct aq_list *more, struct aq_arena *arena);

uint64_t capacity_memory_available(void); /* MiB that are not in use now */
uint64_t capacity_load_milli(void);       /* load average of one minute, in thousandths */

#endif
