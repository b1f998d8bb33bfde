/* The agent: says hello to the hub, asks for work, runs it through the drivers, reports what happens.
 *
 * One thread, one loop, nothing in it waits. Workloads do not depend on it: they go on while it restarts, and while the
 * hub is not to be reached. What is to be told is kept and repeated until the hub says that it is durable. */
#ifndef AQ_AGENT_AGENT_H
#define AQ_AGENT_AGENT_H

#include "agent/settings/settings.h"
#include "schema/base/memory.h"

#include <stdbool.h>

struct agent;

/* Checks what the declaration of the settings cannot: the controller's address, the drivers' names. Fills an empty
 * name. */
int agent_check(struct aq_config_agent *config, struct aq_arena *arena, struct aq_error *error) AQ_MUST_CHECK;

/* Takes the directory, opens the drivers, finds workloads again. `config` was checked; it is copied. */
int agent_open(struct agent **agent, const struct aq_config_agent *config, struct aq_error *error) AQ_MUST_CHECK;
void agent_close(struct agent *agent); /* leaves workloads running; NULL is fine */

/* Other capacity and identifiers: the hub will be told. The rest of the settings takes a restart. */
void agent_reconfigure(struct agent *agent, const struct aq_config_agent *config);

/* One turn of the loop: waits for at most `wait_ms`, or until `fd` (-1: none) is readable. -1: the hub will not have
 * this agent, and `error` says why: there is no use in going on. */
int agent_turn(struct agent *agent, int fd, int wait_ms, struct aq_error *error) AQ_MUST_CHECK;

bool agent_is_welcome(const struct agent *agent); /* the hub knows it */

#endif
