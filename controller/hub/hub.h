/* The hub: where agents and the file view ask. One thread; heartbeats stay in memory and in live/; only what decisions
 * depend on becomes a command. See schema/wire/wire.h for the messages. */
#ifndef AQ_CONTROLLER_HUB_HUB_H
#define AQ_CONTROLLER_HUB_HUB_H

#include "controller/auth/credentials.h"
#include "controller/settings/settings.h"
#include "controller/state/live.h"
#include "controller/state/state.h"
#include "controller/write/writer.h"

struct hub;

struct hub_options {
    const struct aq_config_controller *config;
    struct writer *writer;
    struct state *state;
    struct live *live;
    struct credentials *credentials;
};

/* Are its settings good? Touches nothing. */
int hub_check(const struct aq_config_controller *config, struct aq_error *error) AQ_MUST_CHECK;
/* Listens on TCP (port into <data>/run/hub.port) and on <data>/run/local.sock, and starts the thread. To be called
 * before the writer runs. */
int hub_start(struct hub **hub, const struct hub_options *options, struct aq_error *error) AQ_MUST_CHECK;
void hub_stop(struct hub *hub); /* NULL is fine; the writer must still run */

/* Asks the node of a resource for the newest `size` bytes of its log. `done` is called on the hub's thread, exactly
 * once if 0 was returned: within 5 seconds, with an error if the agent did not answer. Any thread. */
typedef void hub_fetch_fn(void *context, const struct aq_error *error, const void *data, size_t length);
int hub_fetch(struct hub *hub, uint64_t resource, size_t size, hub_fetch_fn *done, void *context,
              struct aq_error *error) AQ_MUST_CHECK;

struct hub_figures {
    uint64_t agents, messages, strangers; /* alive now; taken in; dropped because they did not open */
};
void hub_figures(struct hub *hub, struct hub_figures *figures);

#endif
