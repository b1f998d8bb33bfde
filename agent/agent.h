/* The agent: greets the hub, asks it for work, runs the work through drivers, and reports what happens.
 *
 * One thread, one loop; no call blocks for long. Workloads do not depend on the agent: they continue while it restarts
 * and while the hub is unreachable. Reports are kept and repeated until the hub has noted them. */
#ifndef AQ_AGENT_AGENT_H
#define AQ_AGENT_AGENT_H

#include "agent/settings/settings.h"
#include "schema/base/memory.h"

#include <stdbool.h>

struct agent;

/* Checks what the declaration of the settings cannot: the controller's address and the names of drivers. An empty name
 * is replaced by the host's. */
int agent_check(struct aq_config_agent *config, struct aq_arena *arena, struct aq_error *error) AQ_MUST_CHECK;

/* Locks the data directory, opens the drivers, adopts the workloads of an earlier run. `config` must have been checked;
 * it is copied. */
int agent_open(struct agent **agent, const struct aq_config_agent *config, struct aq_error *error) AQ_MUST_CHECK;
void agent_close(struct agent *agent); /* leaves workloads running; NULL is fine */

/* Takes the live settings (AQ_LIVE) from `config`, and tells the hub. */
void agent_reconfigure(struct agent *agent, const struct aq_config_agent *config);

/* One turn of the loop: waits for at most `wait_ms`, or until `fd` (-1: none) is readable. */
void agent_turn(struct agent *agent, int fd, int wait_ms);

bool agent_is_welcome(const struct agent *agent); /* the hub has welcomed it */
/* Why the hub does not admit it, in words; "": the hub has not said so. */
const char *agent_refusal(const struct agent *agent);

#endif
