/* The hub answers agents and file views: one thread. Heartbeats are kept in memory and in live/; only what decisions
 * depend on becomes a command. See schema/wire/messages.h for the messages. */
#ifndef AQ_CONTROLLER_HUB_HUB_H
#define AQ_CONTROLLER_HUB_HUB_H

#include "controller/auth/credentials.h"
#include "controller/settings/settings.h"
#include "controller/state/live.h"
#include "controller/state/state.h"
#include "controller/write/writer.h"
#include "schema/wire/messages.h"

struct hub;

struct hub_options {
    const struct aq_config_controller *config;
    struct writer *writer;
    struct state *state;
    struct live *live;
    struct credentials *credentials;
};

/* Checks the settings; opens nothing. */
int hub_check(const struct aq_config_controller *config, struct aq_error *error) AQ_MUST_CHECK;
/* Listens on TCP and on <data>/run/local.sock, writes the TCP port into <data>/run/hub.port, and starts the thread.
 * Call it before the writer is started. */
int hub_start(struct hub **hub, const struct hub_options *options, struct aq_error *error) AQ_MUST_CHECK;
void hub_stop(struct hub *hub); /* NULL is fine; the writer must still run */

/* Asks the agent of a resource's node for bytes of its log, even if the resource has ended. Of `want`, the hub sets
 * number and extent. If it returns 0, `done` is called exactly once, on the hub's thread, within five seconds and
 * want->wait_ms: with the answer, or with an error, and NULL, if the agent does not answer. If too many wait, it does
 * not wait. An older agent sends the newest bytes, whatever position is wanted, and no extent. Any thread. */
typedef void hub_fetch_fn(void *context, const struct aq_error *error, const struct aq_told *told);
int hub_fetch(struct hub *hub, const struct aq_ask *want, hub_fetch_fn *done, void *context,
              struct aq_error *error) AQ_MUST_CHECK;

struct hub_figures {
    uint64_t agents;   /* alive now */
    uint64_t messages; /* received */
    uint64_t unopened; /* dropped because they were not sealed with our keys */
};
void hub_figures(struct hub *hub, struct hub_figures *figures);

#endif
