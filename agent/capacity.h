/* What the agent offers of its host, and the identifiers that node filters match. */
#ifndef AQ_AGENT_CAPACITY_H
#define AQ_AGENT_CAPACITY_H

#include "agent/drivers.h"
#include "agent/host.h"
#include "schema/base/memory.h"

/* What to offer of what the host has: settings lower it, but never raise it. Slots are those of the settings. */
struct aq_amounts capacity_offer(const struct aq_amounts *detected, const struct aq_agent_capacity *settings);

/* os:linux, arch:<machine>, name:<name>, host:<host name>, what the settings add, and what they allow. In `arena`. */
struct aq_list capacity_identifiers(const struct aq_config_agent *config, const struct host *host,
                                    const struct drivers *drivers, struct aq_arena *arena);

/* Fails if the settings lead to more identifiers than a node can have. */
int capacity_check(const struct aq_config_agent *config, struct aq_error *error) AQ_MUST_CHECK;

#endif
