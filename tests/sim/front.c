#include "tests/sim/front.h"

#include "controller/serve/begin.h"
#include "controller/serve/metrics.h"
#include "controller/serve/network.h"
#include "controller/serve/steps.h"
#include "controller/serve/stream.h"
#include "controller/serve/waits.h"
#include "schema/model/access.h"
#include "schema/model/role.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { STREAMS_MAX = 16 };

static struct front_request *front_request_of(const struct request *request)
{
    return (struct front_request *)request; /* whose first member it is */
}

/* ---- where requests come from --------------------------------------------------------------------------- */

static const char *header_of(const struct request *request, const char *name)
{
    return strcmp(name, "Last-Event-ID") == 0 ? front_request_of(request)->last_event_id : NULL;
}

static const struct sockaddr *peer_of(const struct request *request)
{
    return (const struct sockaddr *)&front_request_of(request)->peer;
}

static const struct request_origin origin = {header_of, peer_of};

/* Lets its next step run, or more of its answer be read. */
static void resume(struct request *request)
{
    struct front_request *resumed = front_request_of(request);
    if (resumed->is_resumed)
        return;
    resumed->is_resumed = true;
    resumed->next_resumed = resumed->front->resumed;
    resumed->front->resumed = resumed;
}

/* ---- requests ------------------------------------------------------------------------------------------- */

static void run_step(struct front_request *request, const struct aq_clocks *now)
{
    struct front *front = request->front;
    bool is_log = request->request.handler == view_log;
    request->request.now = *now;
    front->fetching -= request->fetches;
    request->is_answered = request->request.step(&request->request) == ANSWERED;
    /* It rests for a seq before its own step has run, and after that for the hub. */
    request->fetches = is_log && !request->is_answered && request->request.work != NULL;
    front->fetching += request->fetches;
}

static void take_caller(struct request *request, const struct front_caller *caller)
{
    request->caller = caller->as;
    request->caller.name = aq_arena_text(&request->arena, caller->as.name, strlen(caller->as.name));
    request->caller.role = aq_arena_text(&request->arena, caller->as.role, strlen(caller->as.role));
    request->known = true;
    request_set_seq(request, caller->seq);
}

static struct front_request *new_request(struct front *front, const char *uri)
{
    struct front_request *own = aq_calloc(1, sizeof *own);
    struct request *request = &own->request;
    own->front = front;
    own->next = front->all;
    front->all = own;
    request->backend = &front->backend;
    request->origin = &origin;
    request->method = METHOD_GET;
    request->path = aq_arena_text(&request->arena, uri, strlen(uri));
    own->peer = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return own;
}

struct front_request *front_get(struct front *front, const struct front_caller *caller, const char *uri,
                                const char *last_event_id, const struct aq_clocks *now)
{
    struct front_request *own = new_request(front, uri);
    struct request *request = &own->request;
    if (last_event_id != NULL)
        own->last_event_id = aq_arena_text(&request->arena, last_event_id, strlen(last_event_id));
    take_caller(request, caller);
    request_route(request, &front->routes);
    request->step = request_begin;
    run_step(own, now);
    return own;
}

struct front_request *front_get_metadata(struct front *front, const char *address, const struct aq_clocks *now)
{
    struct front_request *own = new_request(front, "/meta/v1/data");
    if (inet_pton(AF_INET, address, &own->peer.sin_addr) != 1)
        abort();
    own->request.metadata_only = true;
    request_route(&own->request, &front->routes);
    own->request.step = request_begin;
    run_step(own, now);
    return own;
}

static void unlink_from(struct front_request **link, struct front_request *request)
{
    while (*link != request)
        link = &(*link)->next;
    *link = request->next;
}

void front_end(struct front_request *request)
{
    const struct request_source *source = &request->request.source;
    aq_assert(!request->is_resumed);
    if (source->end != NULL)
        source->end(source->context);
    unlink_from(&request->front->all, request);
    aq_arena_free(&request->request.arena);
    aq_buffer_free(&request->request.out);
    aq_buffer_free(&request->request.body);
    free(request);
}

/* ---- the thread's part ---------------------------------------------------------------------------------- */

static void run_resumed(struct front *front, const struct aq_clocks *now)
{
    struct front_request *request;
    while ((request = front->resumed) != NULL) {
        front->resumed = request->next_resumed;
        request->is_resumed = false;
        if (request->is_answered)
            continue; /* a stream, which its reader reads anyway */
        run_step(request, now);
        if (request->is_answered)
            request->answered(request);
    }
}

/* Those whose output the hub has. */
static void take_woken(struct front *front)
{
    struct request *next;
    for (struct request *woken = wakes_take(&front->wakes); woken != NULL; woken = next) {
        next = woken->next_woken;
        resume(woken);
    }
}

void front_turn(struct front *front, const struct aq_clocks *now)
{
    take_woken(front);
    uint64_t seq = writer_seq(front->backend.writer);
    if (seq != front->seen_seq)
        streams_feed(front->backend.streams, seq);
    front->seen_seq = seq;
    waits_check(front->backend.waits, seq, now->steady_ms);
    streams_check(front->backend.streams, now->steady_ms);
    run_resumed(front, now);
}

void front_open(struct front *front, struct writer *writer, struct state *state, struct live *live, struct hub *hub)
{
    static const char *network = FRONT_NETWORK;
    struct aq_error error;
    *front = (struct front){.config = {.streams = STREAMS_MAX}};
    routes_gather(&front->routes, false);
    front->backend.writer = writer;
    front->backend.state = state;
    front->backend.live = live;
    front->backend.hub = hub;
    front->backend.wakes = &front->wakes;
    front->backend.networks = front->networks = aq_calloc(1, sizeof *front->networks);
    front->backend.metrics = front->metrics = aq_calloc(1, sizeof *front->metrics);
    if (wakes_init(&front->wakes, &error) != 0 ||
        networks_parse(front->networks, &(struct aq_list){&network, 1}, &error) != 0)
        abort();
    front->backend.waits = waits_new(resume);
    front->backend.streams = streams_new(writer, state, &front->config, resume);
}

bool front_fetches(const struct front *front)
{
    return front->fetching > 0;
}

bool front_is_open(const struct front *front)
{
    return front->backend.writer != NULL;
}

void front_close(struct front *front)
{
    struct front_request *request, *next;
    if (!front_is_open(front))
        return;
    waits_close(front->backend.waits);
    waits_check(front->backend.waits, 0, 0);
    take_woken(front); /* the hub has ended, and with it what waited for agents */
    for (; front->resumed != NULL; front->resumed = front->resumed->next_resumed)
        front->resumed->is_resumed = false;
    for (request = front->all; request != NULL; request = next) {
        next = request->next;
        front_end(request);
    }
    waits_free(front->backend.waits);
    streams_free(front->backend.streams);
    wakes_free(&front->wakes);
    free(front->networks);
    free(front->metrics);
    *front = (struct front){.all = NULL};
}
