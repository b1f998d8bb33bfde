/* The REST server. One thread drives libmicrohttpd. Reads are answered from the tables at once; writes go to the
 * writer, and are answered when they are durable. */
#ifndef AQ_CONTROLLER_SERVE_SERVE_H
#define AQ_CONTROLLER_SERVE_SERVE_H

#include "controller/auth/credentials.h"
#include "controller/auth/issuer.h"
#include "controller/hub/hub.h"
#include "controller/secrets/door.h"
#include "controller/settings/settings.h"
#include "controller/state/live.h"
#include "controller/state/state.h"
#include "controller/tls/presented.h"
#include "controller/write/loop.h"

struct serve;

struct serve_options {
    const struct aq_config_controller *config;
    struct writer_loop *loop; /* of the writer; not started yet */
    struct state *state;
    struct usage *usage; /* NULL: it is not kept */
    struct live *live;
    struct credentials *credentials;
    const struct issuer *issuer; /* of join tokens */
    struct door *door;           /* seals secrets; NULL: there are none */
    struct hub *hub;
    struct presented *presented; /* what TLS shows; may be NULL if api.tls.address is empty */
    /* For `aq log verify`: scans the log, and replays it into fresh tables. Appends a report in words; returns 0 if the
     * log is intact. Runs on a thread of its own, and may block. */
    int (*verify)(void *context, struct aq_buffer *report, struct aq_error *error);
    void *verify_context;
};

/* Fails if the settings are not valid. Opens nothing. */
int serve_check(const struct aq_config_controller *config, struct aq_error *error) AQ_MUST_CHECK;
/* Listens, and starts the thread. Writes ports to files in <data>/run, which must exist. Must be called before
 * writer_loop_start(), since it watches the writer. `options->config` must outlive the server. */
int serve_start(struct serve **serve, const struct serve_options *options, struct aq_error *error) AQ_MUST_CHECK;
/* The start of the controller is complete, and the user admin exists: /readyz may say so. Any thread. */
void serve_ready(struct serve *serve);
/* Completes the requests in progress, closes all connections and joins the thread. The writer must still run. NULL is
 * fine. */
void serve_stop(struct serve *serve);

#endif
