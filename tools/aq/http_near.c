/* HTTP without names, proxies and TLS, on libevent's connections. */
#include "tools/aq/answer.h"
#include "tools/aq/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { TIMEOUT_MOST_MS = 86400000 };

struct near {
    struct cli_http http;
    struct event_base *base;
    struct event *timer;
    struct bufferevent *connection; /* NULL: none */
    bool is_connected;
    bool under_way;
    struct cli_http_request asked;
    struct cli_answer answer;
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
    (void)connect;
    (void)error;
    near->base = event_base_new();
    if (near->base != NULL)
        near->timer = evtimer_new(near->base, time_is_over, NULL);
    if (near->timer == NULL)
        aq_broken(__FILE__, __LINE__, "libevent failed to start");
    return &near->http;
}

static void disconnect(struct near *near)
{
    if (near->connection != NULL)
        bufferevent_free(near->connection);
    near->connection = NULL;
    near->is_connected = false;
}

static void near_stop(struct cli_http *http)
{
    struct near *near = near_of(http);
    if (near->under_way)
        disconnect(near); /* the rest of the answer would come on it */
    near->under_way = false;
    cli_answer_close(&near->answer);
}

static void near_close(struct cli_http *http)
{
    struct near *near = near_of(http);
    near_stop(http);
    disconnect(near);
    event_free(near->timer);
    event_base_free(near->base);
    free(near);
}

/* ---- the end of an exchange ------------------------------------------------------------------------------- */

static void end(struct near *near, enum cli_fault fault, const char *why)
{
    if (fault != CLI_FAULT_NONE || near->answer.closes)
        disconnect(near);
    near->under_way = false;
    near->end = (struct cli_http_end){
        .fault = fault, .why = why, .status = near->answer.status, .retry_after_s = near->answer.retry_after_s};
    if (fault != CLI_FAULT_NONE)
        near->end.status = 0;
    cli_answer_close(&near->answer);
}

static void end_unconnected(struct near *near, int number)
{
    if (number == EACCES || number == EPERM)
        end(near, CLI_FAULT_OTHER,
            "this socket is for root and for the group that the setting api.group names; others can use aq login "
            "https://HOST:8001");
    else if (number == EAGAIN)
        end(near, CLI_FAULT_BROKE, "too many wait for a connection");
    else
        end(near, CLI_FAULT_ABSENT, CLI_WHY_ABSENT);
}

/* ---- what libevent tells ---------------------------------------------------------------------------------- */

static void take_bytes(struct bufferevent *connection, void *context)
{
    struct near *near = context;
    struct evbuffer *input = bufferevent_get_input(connection);
    size_t used;
    if (!near->under_way) {
        disconnect(near); /* it answers what nobody has asked */
        return;
    }
    size_t length = evbuffer_get_length(input);
    enum cli_answer_state state =
        cli_answer_feed(&near->answer, (const char *)evbuffer_pullup(input, -1), length, &used);
    evbuffer_drain(input, used);
    if (state == CLI_ANSWER_BAD)
        end(near, CLI_FAULT_OTHER, CLI_WHY_NO_HTTP);
    else if (state == CLI_ANSWER_STOPPED)
        end(near, CLI_FAULT_STOPPED, "the answer is too large");
    else if (state == CLI_ANSWER_DONE)
        end(near, CLI_FAULT_NONE, NULL);
}

static void take_event(struct bufferevent *connection, short what, void *context)
{
    struct near *near = context;
    int number = EVUTIL_SOCKET_ERROR();
    (void)connection;
    if (what & BEV_EVENT_CONNECTED)
        near->is_connected = true;
    else if (!near->under_way)
        disconnect(near);
    else if (!near->is_connected)
        end_unconnected(near, number);
    else if ((what & BEV_EVENT_EOF) && cli_answer_end(&near->answer))
        end(near, CLI_FAULT_NONE, NULL);
    else
        end(near, CLI_FAULT_BROKE, CLI_WHY_BROKE);
}

/* ---- an exchange ------------------------------------------------------------------------------------------ */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
};

static socklen_t address_of(const struct cli_connect *connect, union address *out)
{
    *out = (union address){0};
    if (connect->is_socket) {
        out->local.sun_family = AF_UNIX;
        snprintf(out->local.sun_path, sizeof out->local.sun_path, "%s", connect->address);
        return sizeof out->local;
    }
    if (inet_pton(AF_INET, connect->address, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons(connect->port);
        return sizeof out->v4;
    }
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons(connect->port);
    aq_assert(inet_pton(AF_INET6, connect->address, &out->v6.sin6_addr) == 1);
    return sizeof out->v6;
}

static void connect_to(struct near *near)
{
    union address address;
    socklen_t size = address_of(near->http.connect, &address);
    near->connection = bufferevent_socket_new(near->base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (near->connection == NULL)
        aq_broken(__FILE__, __LINE__, "libevent has no connection");
    bufferevent_setcb(near->connection, take_bytes, NULL, take_event, near);
    /* When it fails at once, take_event() may have been called, and the connection is gone. */
    if (bufferevent_socket_connect(near->connection, &address.any, (int)size) != 0 && near->under_way)
        end_unconnected(near, EVUTIL_SOCKET_ERROR());
}

static void add_credentials(const struct cli_connect *connect, struct evbuffer *out)
{
    struct aq_buffer pair = {0};
    if (connect->user[0] == '\0') {
        evbuffer_add_printf(out, "Authorization: Bearer %s\r\n", connect->token);
        return;
    }
    aq_buffer_format(&pair, "%s:%s", connect->user, connect->token);
    size_t size = sodium_base64_ENCODED_LEN(pair.length, sodium_base64_VARIANT_ORIGINAL);
    char *basic = aq_calloc(1, size);
    sodium_bin2base64(basic, size, (const unsigned char *)aq_buffer_string(&pair), pair.length,
                      sodium_base64_VARIANT_ORIGINAL);
    evbuffer_add_printf(out, "Authorization: Basic %s\r\n", basic);
    sodium_memzero(basic, size);
    sodium_memzero(pair.data, pair.length);
    free(basic);
    aq_buffer_free(&pair);
}

static void send_request(struct near *near)
{
    const struct cli_connect *connect = near->http.connect;
    const struct cli_http_request *asked = &near->asked;
    struct evbuffer *out = bufferevent_get_output(near->connection);
    size_t length = asked->body != NULL ? strlen(asked->body) : 0;
    evbuffer_add_printf(out, "%s %s%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: aq/" CLI_VERSION "\r\nAccept: */*\r\n",
                        asked->method, connect->prefix, asked->path, connect->host_port);
    if (!asked->anonymous && connect->token != NULL)
        add_credentials(connect, out);
    if (asked->idempotency_key != NULL)
        evbuffer_add_printf(out, "Idempotency-Key: %s\r\n", asked->idempotency_key);
    if (asked->minimal)
        evbuffer_add_printf(out, "Prefer: return=minimal\r\n");
    if (asked->body != NULL)
        evbuffer_add_printf(out, "Content-Type: application/json\r\n");
    if (strcmp(asked->method, "GET") != 0)
        evbuffer_add_printf(out, "Content-Length: %zu\r\n", length);
    if (evbuffer_add(out, "\r\n", 2) != 0 || (length > 0 && evbuffer_add(out, asked->body, length) != 0))
        aq_broken(__FILE__, __LINE__, "out of memory");
}

static void near_start(struct cli_http *http, const struct cli_http_request *request)
{
    struct near *near = near_of(http);
    aq_assert(!near->under_way);
    event_base_loop(near->base, EVLOOP_NONBLOCK); /* has the connection been closed since? Then it is a new one */
    near->asked = *request;
    near->end = (struct cli_http_end){0};
    near->answer = (struct cli_answer){.take = request->take, .context = request->context};
    near->under_way = true;
    if (near->connection == NULL)
        connect_to(near);
    if (!near->under_way)
        return;
    send_request(near);
    bufferevent_enable(near->connection, EV_READ | EV_WRITE);
}

static bool near_work(struct cli_http *http, uint64_t timeout_ms, struct cli_http_end *out)
{
    struct near *near = near_of(http);
    if (timeout_ms > TIMEOUT_MOST_MS)
        timeout_ms = TIMEOUT_MOST_MS;
    struct timeval timeout = {.tv_sec = (time_t)(timeout_ms / 1000),
                              .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000};
    if (near->under_way) {
        evtimer_add(near->timer, &timeout);
        event_base_loop(near->base, EVLOOP_ONCE);
        evtimer_del(near->timer);
    }
    *out = near->end;
    return !near->under_way;
}

const struct cli_http_kind cli_http_near = {near_open, near_close, near_start, near_work, near_stop};
