#include "controller/serve/exchange.h"

#include "controller/serve/answer.h"
#include "controller/serve/begin.h"
#include "controller/serve/browser.h"
#include "controller/serve/identify.h"
#include "controller/serve/metrics.h"
#include "controller/serve/rates.h"
#include "schema/codec/reload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    SPARE_MAX = 64,              /* exchanges kept for later requests */
    BUFFER_KEPT_MAX = 128 << 10, /* bytes of a buffer that is kept with one */
    BODY_DRAIN_MAX = 1 << 20, /* bytes over the limit that are read and dropped, so that the client gets the answer */
    SOURCE_BLOCK_SIZE = 16 << 10
};

enum phase {
    PHASE_HEAD,
    PHASE_IDENTIFYING,
    PHASE_VERIFYING,
    PHASE_BODY,
    PHASE_RUNNING,
    PHASE_RESTING,
    PHASE_SENDING,
    PHASE_PAUSED,
    PHASE_OVER
};

#define TO(phase) (1U << (phase))
static const unsigned moves[] = {
    [PHASE_HEAD] = TO(PHASE_IDENTIFYING) | TO(PHASE_BODY) | TO(PHASE_SENDING) | TO(PHASE_OVER),
    [PHASE_IDENTIFYING] = TO(PHASE_VERIFYING) | TO(PHASE_BODY) | TO(PHASE_OVER),
    [PHASE_VERIFYING] = TO(PHASE_IDENTIFYING),
    [PHASE_BODY] = TO(PHASE_RUNNING) | TO(PHASE_OVER),
    [PHASE_RUNNING] = TO(PHASE_RESTING) | TO(PHASE_SENDING) | TO(PHASE_OVER),
    [PHASE_RESTING] = TO(PHASE_RUNNING),
    [PHASE_SENDING] = TO(PHASE_PAUSED) | TO(PHASE_OVER),
    [PHASE_PAUSED] = TO(PHASE_SENDING),
    [PHASE_OVER] = 0,
};

struct exchange {
    struct request request; /* first: steps see only this part */
    struct exchanges *exchanges;
    struct exchange *next; /* in the list of spare ones */
    struct MHD_Connection *link;
    struct connection *connection;
    enum phase phase;
    uint64_t body_length; /* bytes that arrived, kept or not */
    bool closes;          /* the connection is closed after the answer */
};

struct exchanges {
    const struct backend *backend;
    const struct routes *routes;
    struct connections *connections;
    const struct aq_config_api *config;
    struct exchange *spare;
    unsigned spare_count, suspended;
    unsigned complete; /* requests that have come as a whole, or were refused before, and are not over */
};

static struct exchange *exchange_of(struct request *request)
{
    return (struct exchange *)request;
}

static uint64_t body_max(const struct exchange *exchange)
{
    return AQ_SETTING(exchange->exchanges->config->body_max);
}

/* Is an answer owed? Before, more of the request may come, or nothing ever. */
static bool is_complete(enum phase phase)
{
    return (TO(phase) & (TO(PHASE_RUNNING) | TO(PHASE_RESTING) | TO(PHASE_SENDING) | TO(PHASE_PAUSED))) != 0;
}

static void move_to(struct exchange *exchange, enum phase phase)
{
    aq_assert(moves[exchange->phase] & TO(phase));
    exchange->exchanges->complete -= is_complete(exchange->phase);
    exchange->exchanges->complete += is_complete(phase);
    exchange->phase = phase;
}

/* ---- where requests come from --------------------------------------------------------------------------- */

static const char *header_of(const struct request *request, const char *name)
{
    return MHD_lookup_connection_value(((const struct exchange *)request)->link, MHD_HEADER_KIND, name);
}

static const struct sockaddr *peer_of(const struct request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(((const struct exchange *)request)->link, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    aq_assert(info != NULL && info->client_addr != NULL);
    return info->client_addr;
}

static const struct request_origin origin = {header_of, peer_of};

/* ---- begin and end -------------------------------------------------------------------------------------- */

/* Called when the first line has arrived, before libmicrohttpd decodes anything in it. */
void *exchange_begin(void *context, const char *uri, struct MHD_Connection *connection)
{
    struct exchanges *exchanges = context;
    struct exchange *exchange = exchanges->spare;
    if (exchange != NULL) {
        exchanges->spare = exchange->next;
        exchanges->spare_count--;
        const struct request *old = &exchange->request;
        struct exchange kept = {.request = {.arena = old->arena, .body = old->body, .out = old->out}};
        *exchange = kept;
    } else {
        exchange = aq_calloc(1, sizeof *exchange);
    }
    struct request *request = &exchange->request;
    exchange->exchanges = exchanges;
    exchange->connection = connection_of(connection);
    exchange->phase = PHASE_HEAD;
    request->backend = exchanges->backend;
    request->origin = &origin;
    exchange->link = connection;
    request->metadata_only = connection_kind(exchange->connection) == LISTENER_META;
    request->is_local = connection_kind(exchange->connection) == LISTENER_LOCAL;
    request->uid = connection_uid(exchange->connection);
    request->path = aq_arena_text(&request->arena, uri, strlen(uri));
    exchanges->backend->metrics->requests++;
    exchanges->backend->metrics->requests_open++;
    return exchange;
}

static void exchange_free(struct exchange *exchange)
{
    aq_arena_free(&exchange->request.arena);
    aq_buffer_free(&exchange->request.body);
    aq_buffer_free(&exchange->request.out);
    free(exchange);
}

static void keep_small(struct aq_buffer *buffer)
{
    if (buffer->capacity > BUFFER_KEPT_MAX)
        aq_buffer_free(buffer);
    aq_buffer_reset(buffer);
}

static void exchange_spare(struct exchange *exchange)
{
    struct exchanges *exchanges = exchange->exchanges;
    if (exchanges->spare_count == SPARE_MAX) {
        exchange_free(exchange);
        return;
    }
    aq_arena_reset(&exchange->request.arena);
    keep_small(&exchange->request.body);
    keep_small(&exchange->request.out);
    exchange->next = exchanges->spare;
    exchanges->spare = exchange;
    exchanges->spare_count++;
}

void exchange_end(void *context, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode how)
{
    struct exchanges *exchanges = context;
    struct exchange *exchange = *state;
    (void)connection;
    (void)how;
    if (exchange == NULL)
        return;
    move_to(exchange, PHASE_OVER);
    *state = NULL;
    const struct request_source *source = &exchange->request.source;
    if (source->end != NULL)
        source->end(source->context);
    if (exchange->request.drop != NULL)
        exchange->request.drop(&exchange->request);
    exchanges->backend->metrics->requests_open--;
    exchange_spare(exchange);
}

/* ---- suspended connections ------------------------------------------------------------------------------ */

static void suspend_in(struct exchange *exchange, enum phase phase)
{
    move_to(exchange, phase);
    exchange->exchanges->suspended++;
    MHD_suspend_connection(exchange->link);
}

void exchange_resume(struct request *request)
{
    static const enum phase next[] = {
        [PHASE_VERIFYING] = PHASE_IDENTIFYING, [PHASE_RESTING] = PHASE_RUNNING, [PHASE_PAUSED] = PHASE_SENDING};
    struct exchange *exchange = exchange_of(request);
    aq_assert(exchange->phase < AQ_LENGTH(next));
    if (exchange->phase == PHASE_VERIFYING)
        connection_verifies(exchange->connection, false);
    move_to(exchange, next[exchange->phase]);
    exchange->exchanges->suspended--;
    MHD_resume_connection(exchange->link);
}

void exchanges_resume_woken(struct exchanges *exchanges)
{
    struct request *request = wakes_take(exchanges->backend->wakes);
    while (request != NULL) {
        struct request *next = request->next_woken;
        exchange_resume(request);
        request = next;
    }
}

/* ---- sending -------------------------------------------------------------------------------------------- */

/* Called when more of an answer with a source can be sent. */
static ssize_t read_source(void *context, uint64_t offset, char *out, size_t max)
{
    struct exchange *exchange = context;
    const struct request_source *source = &exchange->request.source;
    (void)offset;
    exchange->request.now = aq_clocks_read();
    ssize_t length = source->read(source->context, out, max);
    if (length == 0)
        suspend_in(exchange, PHASE_PAUSED);
    return length == SOURCE_END ? MHD_CONTENT_READER_END_OF_STREAM : length;
}

static struct MHD_Response *make_source_response(struct exchange *exchange)
{
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, SOURCE_BLOCK_SIZE, read_source, exchange, NULL);
    aq_assert(response != NULL);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, exchange->request.source.type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    return response;
}

static void add_retry_after(const struct request *request, struct MHD_Response *response)
{
    char seconds[16];
    snprintf(seconds, sizeof seconds, "%u", request->error.retry_s != 0 ? request->error.retry_s : 1);
    MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
}

/* The headers that HTTP requires with a status. */
static void add_status_headers(const struct request *request, struct MHD_Response *response)
{
    switch (request->status) {
    case MHD_HTTP_UNAUTHORIZED:
        MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Basic realm=\"aquarium\"");
        MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"aquarium\"");
        break;
    case MHD_HTTP_METHOD_NOT_ALLOWED:
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, request->allow);
        break;
    case MHD_HTTP_TOO_MANY_REQUESTS:
        if (request->error.code != AQ_E_LIMIT) /* which does not pass with time */
            add_retry_after(request, response);
        break;
    case MHD_HTTP_SERVICE_UNAVAILABLE:
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
        break;
    default:
        break;
    }
}

/* The response refers to the answer's bytes: the request outlives it. */
static struct MHD_Response *make_response(struct exchange *exchange)
{
    struct request *request = &exchange->request;
    struct MHD_Response *response = MHD_create_response_from_buffer(
        request->out.length, (void *)aq_buffer_string(&request->out), MHD_RESPMEM_PERSISTENT);
    aq_assert(response != NULL);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, request->type);
    if (request->minimal && request->error.code == AQ_OK)
        MHD_add_response_header(response, "Preference-Applied", "return=minimal");
    if (exchange->closes)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    add_status_headers(request, response);
    return response;
}

/* Returns MHD_NO, which closes the connection, if the answer cannot be queued. */
static enum MHD_Result send_answer(struct exchange *exchange)
{
    struct request *request = &exchange->request;
    struct MHD_Response *response =
        request->source.read != NULL ? make_source_response(exchange) : make_response(exchange);
    move_to(exchange, PHASE_SENDING);
    metrics_count_answer(request->backend->metrics, request->status);
    enum MHD_Result taken = MHD_queue_response(exchange->link, request->status, response);
    MHD_destroy_response(response);
    return taken;
}

/* ---- the head ------------------------------------------------------------------------------------------- */

static enum method method_of(const char *name)
{
    static const char *const names[] = {[METHOD_GET] = MHD_HTTP_METHOD_GET,
                                        [METHOD_HEAD] = MHD_HTTP_METHOD_HEAD,
                                        [METHOD_POST] = MHD_HTTP_METHOD_POST,
                                        [METHOD_DELETE] = MHD_HTTP_METHOD_DELETE};
    unsigned method = 0;
    while (method < METHOD_OTHER && strcmp(name, names[method]) != 0)
        method++;
    return (enum method)method;
}

struct framing {
    unsigned lengths; /* how many headers tell the body's length */
    bool chunked, other;
};

static enum MHD_Result note_framing(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct framing *framing = context;
    (void)kind;
    if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0)
        framing->lengths++;
    else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0 && !framing->chunked && value != NULL &&
             strcasecmp(value, "chunked") == 0)
        framing->chunked = true;
    else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0)
        framing->other = true;
    return MHD_YES;
}

/* Where the body ends must be said once. Otherwise a proxy in front may see another end, and send what it takes for a
 * body, and we for a request, in the name of another client. */
static int check_framing(struct exchange *exchange)
{
    struct framing framing = {0};
    MHD_get_connection_values(exchange->link, MHD_HEADER_KIND, note_framing, &framing);
    if (framing.lengths + framing.chunked <= 1 && !framing.other)
        return 0;
    exchange->closes = true;
    exchange->request.error = (struct aq_error){0};
    return aq_fail(&exchange->request.error, AQ_E_INVALID,
                   "the body's length must be told once: by one Content-Length, or by Transfer-Encoding: chunked");
}

/* True: the announced body is so large that it is not read. The connection is closed after the answer. */
static bool is_far_too_large(struct request *request, uint64_t max)
{
    uint64_t length = 0;
    const char *text = header_of(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    struct aq_error ignored;
    if (text == NULL || query_number("Content-Length", text, 0, UINT64_MAX, &length, &ignored) != 0 || length <= max)
        return false;
    aq_fail(&request->error, AQ_E_TOO_LARGE, "the body has %s bytes, more than %" PRIu64 " (api.body_max)", text, max);
    return length > max + BODY_DRAIN_MAX;
}

static enum MHD_Result find_caller(struct exchange *exchange)
{
    struct request *request = &exchange->request;
    request->now = aq_clocks_read();
    bool found = identify(request);
    if (request->known && connection_authenticated(exchange->exchanges->connections, exchange->connection,
                                                   &request->caller, &request->error) != 0)
        exchange->closes = true;
    else if (request->known && rates_count(request->backend->rates, request) != 0)
        found = true;
    if (found) {
        move_to(exchange, PHASE_BODY);
    } else {
        connection_verifies(exchange->connection, true);
        suspend_in(exchange, PHASE_VERIFYING);
    }
    return MHD_YES;
}

/* A proxy on this host speaks for others, and a browser may. */
static bool is_from_this_host(const struct exchange *exchange)
{
    const struct request *request = &exchange->request;
    return AQ_SETTING(exchange->exchanges->config->trust_loopback) && request_is_loopback(request) &&
           header_of(request, "Forwarded") == NULL && header_of(request, "X-Forwarded-For") == NULL &&
           header_of(request, "Via") == NULL && !browser_may_be_misled(header_of(request, "Host"));
}

/* What needs no login, or is refused before anybody asks for one. */
static void count_stranger(struct request *request)
{
    request->now = aq_clocks_read();
    if (!request->is_local)
        (void)(rates_count(request->backend->rates, request) == 0); /* the error is answered when all has come */
}

static enum MHD_Result take_head(struct exchange *exchange, const char *method)
{
    struct request *request = &exchange->request;
    request->method = method_of(method);
    connection_used(exchange->exchanges->connections, exchange->connection);
    request_route(request, exchange->exchanges->routes);
    if (check_framing(exchange) != 0 || is_far_too_large(request, body_max(exchange))) {
        count_stranger(request);
        answer_error(request);
        return send_answer(exchange);
    }
    /* Who shows a token gets what its user may see. */
    bool open = request->access == ACCESS_OPEN || (request->access == ACCESS_LOOPBACK && is_from_this_host(exchange) &&
                                                   request_header(request, "Authorization") == NULL);
    if (request->error.code != AQ_OK || open) {
        move_to(exchange, PHASE_BODY);
        count_stranger(request);
        return MHD_YES;
    }
    move_to(exchange, PHASE_IDENTIFYING);
    return find_caller(exchange);
}

/* ---- the body ------------------------------------------------------------------------------------------- */

static enum MHD_Result take_body(struct exchange *exchange, const char *bytes, size_t length)
{
    struct request *request = &exchange->request;
    uint64_t max = body_max(exchange);
    exchange->body_length += length;
    if (request->error.code == AQ_OK && exchange->body_length > max)
        aq_fail(&request->error, AQ_E_TOO_LARGE, "the body has more than %" PRIu64 " bytes (api.body_max)", max);
    if (request->error.code == AQ_OK)
        aq_buffer_add(&request->body, bytes, length);
    else
        aq_buffer_free(&request->body);
    return exchange->body_length > max + BODY_DRAIN_MAX ? MHD_NO : MHD_YES;
}

/* ---- running -------------------------------------------------------------------------------------------- */

static enum MHD_Result run_step(struct exchange *exchange)
{
    exchange->request.now = aq_clocks_read();
    if (exchange->request.step(&exchange->request) == ANSWERED)
        return send_answer(exchange);
    suspend_in(exchange, PHASE_RESTING);
    return MHD_YES;
}

enum MHD_Result exchange_take(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_length, void **state)
{
    struct exchange *exchange = *state;
    size_t length = *upload_length;
    (void)context;
    (void)connection;
    (void)url;
    (void)version;
    aq_assert(exchange != NULL);
    switch (exchange->phase) {
    case PHASE_HEAD:
        return take_head(exchange, method);
    case PHASE_IDENTIFYING:
        return find_caller(exchange);
    case PHASE_BODY:
        *upload_length = 0;
        if (length > 0)
            return take_body(exchange, upload, length);
        move_to(exchange, PHASE_RUNNING);
        exchange->request.step = request_begin;
        return run_step(exchange);
    case PHASE_RUNNING:
        return run_step(exchange);
    case PHASE_SENDING:
        return MHD_YES;
    case PHASE_VERIFYING:
    case PHASE_RESTING:
    case PHASE_PAUSED:
    case PHASE_OVER:
        break;
    }
    aq_broken(__FILE__, __LINE__, "libmicrohttpd called for an exchange that is suspended or over");
}

/* ---- the exchanges ---------------------------------------------------------------------------------------- */

struct exchanges *exchanges_new(const struct backend *backend, const struct routes *routes,
                                struct connections *connections, const struct aq_config_api *config)
{
    struct exchanges *exchanges = aq_calloc(1, sizeof *exchanges);
    exchanges->backend = backend;
    exchanges->routes = routes;
    exchanges->connections = connections;
    exchanges->config = config;
    return exchanges;
}

void exchanges_free(struct exchanges *exchanges)
{
    if (exchanges == NULL)
        return;
    while (exchanges->spare != NULL) {
        struct exchange *next = exchanges->spare->next;
        exchange_free(exchanges->spare);
        exchanges->spare = next;
    }
    free(exchanges);
}

unsigned exchanges_suspended(const struct exchanges *exchanges)
{
    return exchanges->suspended;
}

unsigned exchanges_complete(const struct exchanges *exchanges)
{
    return exchanges->complete;
}
