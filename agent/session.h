/* The agent's dialogue with the hub, once it is let in (entry.h). It sends HELLO until the hub welcomes it. From then
 * on it asks for work with POLL, reports what happens with REPORT, and sends a BEAT when there is nothing to report.
 *
 * A POLL stays open until there is work, so other questions may be open beside it: one of these, and EXEC while
 * commands run in workloads (exec_sessions.h). A connection on which an answer is late may be dead, and is replaced. */
#ifndef AQ_AGENT_SESSION_H
#define AQ_AGENT_SESSION_H

#include "agent/delivery.h"
#include "agent/entry.h"
#include "agent/host.h"
#include "agent/report.h"
#include "agent/settings/settings.h"
#include "schema/wire/ask.h"

#include <poll.h>

enum { SESSION_FDS = 3 };

/* The agent whose session it is. The settings must have been checked; they may change while the session is open. */
struct session_agent {
    const struct aq_config_agent *config;
    const struct host *host;
    uint64_t instance, home; /* of its directory, see home.h */
    struct workloads *workloads;
    struct delivery *delivery;
    struct entry *entry;
};

struct session;

/* Connects the uplink, without waiting for the connection. The uplink is the session's, also after a failure: then it
 * is closed. */
int session_open(struct session **session, const struct session_agent *agent, struct aq_uplink *uplink,
                 struct aq_error *error) AQ_MUST_CHECK;
void session_close(struct session *session); /* NULL is fine */

bool session_is_welcome(const struct session *session); /* the hub has welcomed the agent */
/* Why the hub does not admit the agent, in words; "": it has not said so. */
const char *session_refusal(const struct session *session);

/* Capacity or identifiers in the settings have changed: sends HELLO again. */
void session_offer_again(struct session *session);

/* Sends what is due. Asks for no work while the last delivery is being carried out. */
void session_ask(struct session *session, const struct aq_clocks *now);

/* The descriptors to poll; -1 for those that there are not. */
void session_fds(const struct session *session, struct pollfd fds[SESSION_FDS]);
/* Until when nothing is due, if no descriptor is readable before. */
uint64_t session_deadline_ms(const struct session *session, uint64_t now_ms);

/* Handles the answers that have come. No refusal is for good: another agent of this name may be lost or renamed, the
 * controller updated. So the agent asks again, and its workloads go on meanwhile. */
void session_take(struct session *session, const struct aq_clocks *now);

#endif
