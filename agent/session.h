/* The agent's dialogue with the hub. It says HELLO until the hub has welcomed it; from then on it asks for work with a
 * POLL, tells what happens with REPORTs, and otherwise sends BEATs.
 *
 * Two questions may be open at once, for a POLL waits until there is work. A connection on which an answer is late may
 * be dead, and is replaced. */
#ifndef AQ_AGENT_SESSION_H
#define AQ_AGENT_SESSION_H

#include "agent/delivery.h"
#include "agent/report.h"
#include "agent/settings/settings.h"
#include "schema/wire/ask.h"

#include <poll.h>

enum { SESSION_FDS = 2 };

/* What the agent brings to its session; the settings were checked, and may be replaced in place. */
struct session_agent {
    const struct aq_config_agent *config;
    struct aq_amounts detected; /* what the machine has */
    uint64_t instance;
    struct workloads *workloads;
    struct delivery *delivery;
};

struct session;

/* Connects, without waiting for the connection. */
int session_open(struct session **session, const struct session_agent *agent, const struct aq_wire_key *key,
                 struct aq_error *error) AQ_MUST_CHECK;
void session_close(struct session *session); /* NULL is fine */

bool session_is_welcome(const struct session *session); /* the hub knows this agent */

/* Capacity or identifiers in the settings have changed: the hub is told again. */
void session_offer_again(struct session *session);

/* Asks what is due. No work is asked for while the last delivery is being carried out. */
void session_ask(struct session *session, uint64_t now_ms);

/* What to poll, and for how many milliseconds nothing will be due: `wait_ms` at most. */
void session_fds(const struct session *session, struct pollfd fds[SESSION_FDS]);
int session_pause_ms(const struct session *session, uint64_t now_ms, int wait_ms);

/* Takes the answers that have come. -1: the hub refuses this agent for good, and `error` says why. */
int session_take(struct session *session, uint64_t now_ms, struct aq_error *error) AQ_MUST_CHECK;

#endif
