#include "controller/serve/exchange.h"

#include "controller/serve/answer.h"
#include "controller/serve/identify.h"
#include "controller/serve/metrics.h"
#include "schema/base/clock.h"
#include "schema/codec/reload.h"
#include "schema/model/access.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SPARE_MAX = 64,              /* exchanges kept for later requests */
    BUFFER_KEPT_MAX = 128 << 10, /* bytes of a buffer that is kept with one */
    WAIT_SEQ_MS = 5000,          /* the longest wait for a seq */
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
    struct exchange *next; /* in the list of spare or of waiting ones */
    struct connection *connection;
    enum phase phase;
    uint64_t body_length;           /* bytes that arrived, kept or not */
    uint64_t wait_seq, deadline_ms; /* if it waits for a seq */
};

struct exchanges {
    const struct backend *backend;
    const struct routes *routes;
    struct connections *connections;
    const struct aq_config_api *config;
    struct exchange *spare, *waiting;
    unsigned spare_count, suspended;
    uint64_t due_ms;
    bool closed;
};

static struct exchange *exchange_of(struct request *request)
{
    return (struct exchange *)request;
}

static uint64_t body_max(const struct exchange *exchange)
{
    return AQ_SETTING(exchange->exchanges->config->body_max);
}

static void move_to(struct exchange *exchange, enum phase phase)
{
    aq_assert(moves[exchange->phase] & TO(phase));
    exchange->phase = phase;
}

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
    request->connection = connection;
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
    MHD_suspend_connection(exchange->request.connection);
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
    MHD_resume_connection(request->connection);
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

/* Returns MHD_NO, which closes the connection, if the answer cannot be queued. */
static enum MHD_Result send_answer(struct exchange *exchange)
{
    struct request *request = &exchange->request;
    struct MHD_Response *response = request->source.read != NULL ? make_source_response(exchange) : request->response;
    move_to(exchange, PHASE_SENDING);
    metrics_count_answer(request->backend->metrics, request->status);
    enum MHD_Result taken = MHD_queue_response(request->connection, request->status, response);
    MHD_destroy_response(response);
    request->response = NULL;
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

static int parse_uri(struct request *request)
{
    char *path = aq_arena_text(&request->arena, request->path, strlen(request->path));
    char *parameters = strchr(path, '?');
    if (parameters != NULL)
        *parameters++ = '\0';
    request->path = aq_arena_text(&request->arena, path, strlen(path));
    if (query_split_path(path, request->segments, SEGMENTS_MAX, &request->segment_count, &request->error) != 0)
        return -1;
    return query_parse(&request->query, parameters, &request->error);
}

/* True: the announced body is so large that it is not read. The connection is closed after the answer. */
static bool is_far_too_large(struct request *request, uint64_t max)
{
    uint64_t length = 0;
    const char *text =
        MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    struct aq_error ignored;
    if (text == NULL || query_number("Content-Length", text, 0, UINT64_MAX, &length, &ignored) != 0 || length <= max)
        return false;
    aq_fail(&request->error, AQ_E_TOO_LARGE, "the body has %s bytes, more than %" PRIu64 " (api.body_max)", text, max);
    return length > max + BODY_DRAIN_MAX;
}

static enum MHD_Result find_caller(struct exchange *exchange)
{
    struct request *request = &exchange->request;
    bool found = identify(request);
    if (request->known)
        connection_authenticated(exchange->exchanges->connections, exchange->connection);
    if (found) {
        move_to(exchange, PHASE_BODY);
    } else {
        connection_verifies(exchange->connection, true);
        suspend_in(exchange, PHASE_VERIFYING);
    }
    return MHD_YES;
}

static enum MHD_Result take_head(struct exchange *exchange, const char *method)
{
    struct request *request = &exchange->request;
    request->method = method_of(method);
    connection_used(exchange->exchanges->connections, exchange->connection);
    if (parse_uri(request) == 0)
        route_find(exchange->exchanges->routes, request);
    if (is_far_too_large(request, body_max(exchange))) {
        answer_error(request);
        return send_answer(exchange);
    }
    bool open = request->access == ACCESS_OPEN || (request->access == ACCESS_LOOPBACK && request_is_loopback(request));
    if (request->error.code != AQ_OK || open) {
        move_to(exchange, PHASE_BODY);
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

/* ---- waiting for a seq ---------------------------------------------------------------------------------- */

static enum outcome wait_for_seq(struct exchange *exchange, uint64_t seq)
{
    struct exchanges *exchanges = exchange->exchanges;
    exchange->wait_seq = seq;
    exchange->deadline_ms = aq_clock_ms() + WAIT_SEQ_MS;
    exchange->next = exchanges->waiting;
    exchanges->waiting = exchange;
    if (exchange->deadline_ms < exchanges->due_ms)
        exchanges->due_ms = exchange->deadline_ms;
    return RESTING;
}

void exchanges_check_waits(struct exchanges *exchanges, uint64_t seq, uint64_t now_ms)
{
    exchanges->due_ms = UINT64_MAX;
    for (struct exchange **link = &exchanges->waiting; *link != NULL;) {
        struct exchange *exchange = *link;
        struct request *request = &exchange->request;
        bool late = now_ms >= exchange->deadline_ms || exchanges->closed;
        if (seq < exchange->wait_seq && !late) {
            if (exchange->deadline_ms < exchanges->due_ms)
                exchanges->due_ms = exchange->deadline_ms;
            link = &exchange->next;
            continue;
        }
        *link = exchange->next;
        if (seq < exchange->wait_seq) {
            request_set_seq(request, seq);
            aq_fail(&request->error, AQ_E_BEHIND, "seq %" PRIu64 " was asked for, but this controller is at %" PRIu64,
                    exchange->wait_seq, seq);
            request->step = answer_error;
        }
        exchange_resume(request);
    }
}

uint64_t exchanges_due_ms(const struct exchanges *exchanges)
{
    return exchanges->due_ms;
}

void exchanges_close(struct exchanges *exchanges)
{
    exchanges->closed = true;
}

/* ---- running -------------------------------------------------------------------------------------------- */

/* A read may ask for a minimum seq, so that callers read their own writes. */
static enum outcome begin_read(struct request *request)
{
    uint64_t least = 0, from_header = 0;
    const char *header = request_header(request, "X-Aquarium-Seq");
    if (request->error.code != AQ_OK || query_take_number(&request->query, "min_seq", &least, &request->error) != 0 ||
        (header != NULL && query_number("X-Aquarium-Seq", header, 0, UINT64_MAX, &from_header, &request->error) != 0))
        return answer_error(request);
    least = from_header > least ? from_header : least;
    request->step = request->handler;
    if (least > writer_seq(request->backend->writer))
        return wait_for_seq(exchange_of(request), least);
    return request->handler(request);
}

static int check_admin(struct request *request)
{
    char action[128];
    snprintf(action, sizeof action, "read %.100s", request->path);
    return aq_access_check_role(AQ_ROLE_ADMIN, action, request->user.name, (enum aq_role)request->user.role,
                                &request->error);
}

/* The first step, when the request is complete. */
static enum outcome begin_steps(struct request *request)
{
    if (request->error.code != AQ_OK)
        return answer_error(request);
    if (request->access == ACCESS_ADMIN && check_admin(request) != 0)
        return answer_error(request);
    if (request_reads(request) && request->access >= ACCESS_USER && request->command == NULL)
        return begin_read(request);
    return request->handler(request);
}

static enum MHD_Result run_step(struct exchange *exchange)
{
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
        exchange->request.step = begin_steps;
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
    exchanges->due_ms = UINT64_MAX;
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
