/* REST: one thread that drives libmicrohttpd by its epoll descriptor. Reads are answered from the tables at once;
 * writes go to the writer, and the connection rests until they are durable. */
#ifndef AQ_CONTROLLER_SERVE_SERVE_H
#define AQ_CONTROLLER_SERVE_SERVE_H

#include "controller/auth/credentials.h"
#include "controller/hub/hub.h"
#include "controller/settings/settings.h"
#include "controller/state/live.h"
#include "controller/state/state.h"
#include "controller/write/writer.h"

struct serve;

struct serve_options {
    const struct aq_config_controller *config;
    struct writer *writer;
    struct state *state;
    struct live *live;
    struct credentials *credentials;
    struct hub *hub;
    /* Walks the log and replays it into fresh tables: `aq log verify`. Runs on a thread of its own; blocking. Appends a
     * report in words; 0: all is well. */
    int (*verify)(void *context, struct aq_buffer *report, struct aq_error *error);
    void *verify_context;
};

/* Are its settings good? Touches nothing. */
int serve_check(const struct aq_config_controller *config, struct aq_error *error) AQ_MUST_CHECK;
/* Listens, and starts the thread. Writes the port into <data>/run/api.port. To be called before the writer runs (it
 * registers a watch). */
int serve_start(struct serve **serve, const struct serve_options *options, struct aq_error *error) AQ_MUST_CHECK;
/* All that belongs to a start is done, the first admin is there: /readyz may say so. Any thread. */
void serve_ready(struct serve *serve);
void serve_stop(struct serve *serve); /* closes connections, joins the thread; NULL is fine. The writer must still run,
                                         so that requests under way are answered */

#endif
