/* HTTP without names, proxies and TLS, by libevent. */
#include "tools/aq/http.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
    NO_TIMEOUT_S = 1 << 30, /* libevent's own; ours belongs to the caller */
    TIMEOUT_MOST_MS = 86400000,
    HEAD_SIZE_MAX = 100 << 10 /* as much as libcurl takes in one line */
};

struct near {
    struct cli_http http;
    struct event_base *base;
    struct event *timer;
    struct evhttp_connection *connection;
    struct evhttp_request *request; /* libevent's, which frees it when it is over; NULL: none in progress */
    struct cli_http_request asked;
    struct cli_http_end end;
};

static struct near *near_of(struct cli_http *http)
{
    return (struct near *)http;
}

static void time_is_over(evutil_socket_t unused, short what, void *context)
{
    (void)unused;
    (void)what;
    (void)context; /* the loop returns after any event */
}

static struct cli_http *near_open(const struct cli_connect *connect, struct aq_error *error)
{
    struct near *near = aq_calloc(1, sizeof *near);
    struct timeval no_timeout = {.tv_sec = NO_TIMEOUT_S};
    (void)error;
    near->base = event_base_new();
    if (near->base != NULL)
        near->timer = evtimer_new(near->base, time_is_over, NULL);
    if (near->timer != NULL)
        near->connection = evhttp_connection_base_new(near->base, NULL, connect->address, connect->port);
    if (near->connection == NULL)
        aq_broken(__FILE__, __LINE__, "libevent failed to start");
    evhttp_connection_set_timeout_tv(near->connection, &no_timeout);
    evhttp_connection_set_max_headers_size(near->connection, HEAD_SIZE_MAX);
    return &near->http;
}

static void near_close(struct cli_http *http)
{
    struct near *near = near_of(http);
    evhttp_connection_free(near->connection); /* and the current request */
    event_free(near->timer);
    event_base_free(near->base);
    free(near);
}

/* ---- what libevent tells ---------------------------------------------------------------------------------- */

static void take_piece(struct evhttp_request *request, void *context)
{
    struct near *near = context;
    struct evbuffer *body = evhttp_request_get_input_buffer(request);
    size_t length = evbuffer_get_length(body);
    if (near->end.fault == CLI_FAULT_STOPPED)
        return;
    const char *bytes = (const char *)evbuffer_pullup(body, -1);
    if (!near->asked.take(near->asked.context, evhttp_request_get_response_code(request), bytes, length)) {
        near->end.fault = CLI_FAULT_STOPPED;
        near->end.why = "the answer is too large";
    }
}

/* Called before take_end() when there is more to say than that the connection broke. */
static void take_error(enum evhttp_request_error kind, void *context)
{
    struct near *near = context;
    if (kind == EVREQ_HTTP_INVALID_HEADER)
        near->end = (struct cli_http_end){.fault = CLI_FAULT_OTHER, .why = CLI_WHY_NO_HTTP};
}

/* With a request without status: it did not get a connection. With no request: the connection broke. */
static void take_end(struct evhttp_request *request, void *context)
{
    struct near *near = context;
    near->request = NULL;
    if (near->end.fault != CLI_FAULT_NONE)
        return;
    near->end.status = request ? evhttp_request_get_response_code(request) : 0;
    if (request == NULL) {
        near->end.fault = CLI_FAULT_BROKE;
        near->end.why = CLI_WHY_BROKE;
    } else if (near->end.status == 0) {
        near->end.fault = CLI_FAULT_ABSENT;
        near->end.why = CLI_WHY_ABSENT;
    } else {
        const char *after = evhttp_find_header(evhttp_request_get_input_headers(request), "Retry-After");
        near->end.retry_after_s = after != NULL ? strtoull(after, NULL, 10) : 0;
    }
}

/* ---- an exchange ------------------------------------------------------------------------------------------ */

static void add_header(struct near *near, const char *name, const char *value)
{
    if (evhttp_add_header(evhttp_request_get_output_headers(near->request), name, value) != 0)
        aq_broken(__FILE__, __LINE__, "a header was not accepted");
}

static void add_headers(struct near *near, size_t body_length)
{
    const struct cli_connect *connect = near->http.connect;
    struct aq_buffer pair = {0};
    aq_buffer_format(&pair, "%s:%s", connect->user, connect->token);
    size_t size = sodium_base64_ENCODED_LEN(pair.length, sodium_base64_VARIANT_ORIGINAL), plain = sizeof "Basic " - 1;
    char *basic = aq_calloc(1, plain + size);
    memcpy(basic, "Basic ", plain);
    sodium_bin2base64(basic + plain, size, (const unsigned char *)aq_buffer_string(&pair), pair.length,
                      sodium_base64_VARIANT_ORIGINAL);
    add_header(near, "Host", connect->authority);
    add_header(near, "Authorization", basic);
    add_header(near, "User-Agent", "aq/" CLI_VERSION);
    add_header(near, "Accept", "*/*");
    if (near->asked.idempotency_key != NULL)
        add_header(near, "Idempotency-Key", near->asked.idempotency_key);
    if (near->asked.minimal)
        add_header(near, "Prefer", "return=minimal");
    if (near->asked.body != NULL)
        add_header(near, "Content-Type", "application/json");
    if (strcmp(near->asked.method, "GET") != 0) {
        char length[32];
        snprintf(length, sizeof length, "%zu", body_length);
        add_header(near, "Content-Length", length);
    }
    sodium_memzero(basic, plain + size);
    sodium_memzero(pair.data, pair.length);
    free(basic);
    aq_buffer_free(&pair);
}

static void near_start(struct cli_http *http, const struct cli_http_request *request)
{
    struct near *near = near_of(http);
    struct aq_buffer target = {0};
    size_t body_length = request->body != NULL ? strlen(request->body) : 0;
    aq_assert(near->request == NULL);
    near->asked = *request;
    near->end = (struct cli_http_end){0};
    event_base_loop(near->base, EVLOOP_NONBLOCK); /* has the connection been closed since? Then it is a new one */
    near->request = evhttp_request_new(take_end, near);
    aq_assert(near->request != NULL);
    evhttp_request_set_chunked_cb(near->request, take_piece);
    evhttp_request_set_error_cb(near->request, take_error);
    add_headers(near, body_length);
    if (body_length > 0 &&
        evbuffer_add(evhttp_request_get_output_buffer(near->request), request->body, body_length) != 0)
        aq_broken(__FILE__, __LINE__, "out of memory");
    aq_buffer_format(&target, "%s%s", http->connect->prefix, request->path);
    enum evhttp_cmd_type method = strcmp(request->method, "GET") == 0    ? EVHTTP_REQ_GET
                                  : strcmp(request->method, "POST") == 0 ? EVHTTP_REQ_POST
                                                                         : EVHTTP_REQ_DELETE;
    /* If it fails at once, take_end() has been called, or the request is gone without a callback. */
    if (evhttp_make_request(near->connection, near->request, method, aq_buffer_string(&target)) != 0 &&
        near->request != NULL)
        take_end(NULL, near);
    aq_buffer_free(&target);
}

static void near_stop(struct cli_http *http)
{
    struct near *near = near_of(http);
    if (near->request != NULL)
        evhttp_cancel_request(near->request);
    near->request = NULL;
}

static bool near_work(struct cli_http *http, uint64_t timeout_ms, struct cli_http_end *end)
{
    struct near *near = near_of(http);
    if (timeout_ms > TIMEOUT_MOST_MS)
        timeout_ms = TIMEOUT_MOST_MS;
    struct timeval timeout = {.tv_sec = (time_t)(timeout_ms / 1000),
                              .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000};
    if (near->request != NULL) {
        evtimer_add(near->timer, &timeout);
        event_base_loop(near->base, EVLOOP_ONCE);
        evtimer_del(near->timer);
    }
    if (near->end.fault == CLI_FAULT_STOPPED)
        near_stop(http);
    *end = near->end;
    return near->request == NULL;
}

const struct cli_http_kind cli_http_near = {near_open, near_close, near_start, near_work, near_stop};
