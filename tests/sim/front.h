/* REST without connections: the steps of controller/serve, for requests of the simulator and on its time. It lives in
 * the controller's process and ends with it: who waits for an answer then gets none. */
#ifndef AQ_TESTS_SIM_FRONT_H
#define AQ_TESTS_SIM_FRONT_H

#include "controller/serve/backend.h"
#include "controller/serve/request.h"
#include "controller/serve/routes.h"
#include "controller/settings/settings.h"
#include "schema/base/turn.h"

#include <netinet/in.h>

struct front {
    struct backend backend;
    struct routes routes;
    struct aq_config_api config;
    struct wakes wakes;
    struct networks *networks; /* of the metadata service */
    struct metrics *metrics;
    uint64_t seen_seq;
    unsigned fetching; /* requests that wait for an agent */
    struct front_request *all, *resumed;
};

/* Someone who sends requests. The token was verified when the tables were at `seq`. */
struct front_caller {
    struct aq_caller as;
    uint64_t seq;
};

struct front_request {
    struct request request; /* first: its answer */
    struct front *front;
    struct front_request *next, *next_resumed;
    const char *last_event_id; /* the header; NULL: not sent */
    bool is_answered, is_resumed;
    bool fetches;                                    /* it waits for an agent */
    struct sockaddr_in peer;                         /* where it comes from */
    void (*answered)(struct front_request *request); /* after a rest; it may end the request */
    void *context;
};

#define FRONT_NETWORK "10.1.0.0/16" /* where callers of the metadata service are known by their address */

void front_open(struct front *front, struct writer *writer, struct state *state, struct live *live, struct hub *hub);
void front_close(struct front *front); /* nobody gets an answer any more; a closed one is fine */
bool front_is_open(const struct front *front);

/* The output of workloads: requests that wait for it may not be closed before the hub. */
bool front_fetches(const struct front *front);

/* A resource asks for its metadata, from its address, without a token. It is answered at once. */
struct front_request *front_get_metadata(struct front *front, const char *address, const struct aq_clocks *now);

/* GET of a path with its query. If the request is not answered at once, it rests: `answered` is called later. */
struct front_request *front_get(struct front *front, const struct front_caller *caller, const char *uri,
                                const char *last_event_id, const struct aq_clocks *now);
/* The client has its answer, or has left. */
void front_end(struct front_request *request);

/* What the serving thread does after a commit and as time passes. */
void front_turn(struct front *front, const struct aq_clocks *now);

#endif
