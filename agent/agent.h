/* The agent: greets the hub, asks it for work, runs the work through drivers, and reports what happens.
 *
 * It works in turns (schema/base/turn.h): a turn takes the answers that have come and the reports of drivers, carries
 * out some of what the hub wants, and asks the next questions. No turn waits, except for the disk. The time comes with
 * the turn; messages go through an uplink, the workloads' files into the data directory, and what the agent needs to
 * know about its host is given to it. agent/main.c gives turns on real time, the simulator on virtual time.
 *
 * Workloads do not depend on the agent: they continue while it restarts and while the hub is unreachable. Reports are
 * kept and repeated until the hub has noted them. */
#ifndef AQ_AGENT_AGENT_H
#define AQ_AGENT_AGENT_H

#include "agent/entry.h"
#include "agent/host.h"
#include "agent/settings/settings.h"
#include "schema/base/memory.h"
#include "schema/base/turn.h"
#include "schema/wire/uplink.h"

#include <poll.h>
#include <stdbool.h>

enum { AGENT_FDS_MAX = 40 };

struct agent;

/* Checks what the declaration of the settings cannot: the controller's address, what is allowed, the names of drivers.
 * An empty name is replaced by the host's. */
int agent_check(struct aq_config_agent *config, struct aq_arena *arena, struct aq_error *error) AQ_MUST_CHECK;

/* Locks the data directory, opens the drivers, adopts the workloads of an earlier run, and connects the uplink.
 * `config` must have been checked; it, `host`, and `join`, which may be NULL, are copied. The uplink is the agent's,
 * also after a failure: then it is closed. Fails with AQ_E_EXISTS if another agent has the directory, perhaps one that
 * is just ending. */
int agent_open(struct agent **agent, const struct aq_config_agent *config, const struct host *host,
               const struct agent_join *join, struct aq_uplink *uplink, const struct aq_clocks *now,
               struct aq_error *error) AQ_MUST_CHECK;
void agent_close(struct agent *agent); /* leaves workloads running, and files as they are; NULL is fine */

/* Takes the live settings (AQ_LIVE) from `config`, and tells the hub. */
void agent_reconfigure(struct agent *agent, const struct aq_config_agent *config);

/* Does what can be done now. Returns when the next turn is due at the latest, on the steady clock; a turn before that
 * does no harm. It is due at once when one of the agent's descriptors is readable. */
uint64_t agent_turn(struct agent *agent, const struct aq_clocks *now);
/* The descriptors to poll until the next turn; negative ones among them are none. Returns their number. */
nfds_t agent_fds(const struct agent *agent, struct pollfd fds[AGENT_FDS_MAX]);

bool agent_waits_for(const struct agent *agent, pid_t child); /* a later turn reaps it; nothing else may */
bool agent_is_welcome(const struct agent *agent);             /* the hub has welcomed it */
/* Why the hub does not admit it, in words; "": the hub has not said so. */
const char *agent_refusal(const struct agent *agent);

#endif
