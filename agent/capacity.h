/* What this host has to offer, and the identifiers that node filters match. */
#ifndef AQ_AGENT_CAPACITY_H
#define AQ_AGENT_CAPACITY_H

#include "agent/settings/settings.h"
#include "schema/base/memory.h"

/* What the host has: processors and memory that this process may use (as affinity and control groups limit them), and
 * free disk space where `directory` is. Slots are 0. */
struct aq_amounts capacity_detect(const char *directory);

/* What to offer of it: settings lower what was detected, but never raise it. Slots are those of the settings. */
struct aq_amounts capacity_offer(const struct aq_amounts *detected, const struct aq_agent_capacity *settings);

/* os:linux, arch:<machine>, name:<name>, host:<host name>, and `more`. In `arena`. */
struct aq_list capacity_identifiers(const char *name, const struct aq_list *more, struct aq_arena *arena);

uint64_t capacity_memory_available(void); /* MiB that are not in use */
uint64_t capacity_load_milli(void);       /* load average of one minute, in thousandths */

#endif
