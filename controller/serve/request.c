#include "controller/serve/request.h"

#include "controller/serve/answer.h"
#include "controller/serve/network.h"
#include "controller/serve/route.h"
#include "controller/serve/service.h"
#include "schema/codec/pack.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER_KEPT_MAX = 128 << 10 };

uint64_t serve_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- begin and end -------------------------------------------------------------------------------------- */

static enum outcome head_step(struct request *request);

static void keep_small(struct aq_buffer *buffer)
{
    if (buffer->capacity > BUFFER_KEPT_MAX)
        aq_buffer_free(buffer);
    aq_buffer_reset(buffer);
}

/* Called by the library as soon as it has the first line, before it decodes anything in it. */
void *request_begin(void *context, const char *uri, struct MHD_Connection *connection)
{
    struct serve *serve = context;
    struct request *request = serve->spare;
    if (request != NULL) {
        serve->spare = request->next;
        serve->figures.spare--;
        struct request kept = {.arena = request->arena, .body = request->body, .out = request->out};
        *request = kept;
    } else {
        request = aq_calloc(1, sizeof *request);
    }
    request->serve = serve;
    request->connection = connection;
    request->phase = PHASE_HEADERS;
    request->step = head_step;
    request->path = aq_arena_text(&request->arena, uri, strlen(uri));
    serve->figures.requests++;
    serve->figures.requests_open++;
    return request;
}

void request_free(struct request *request)
{
    aq_arena_free(&request->arena);
    aq_buffer_free(&request->body);
    aq_buffer_free(&request->out);
    free(request);
}

void request_end(void *context, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode how)
{
    struct serve *serve = context;
    struct request *request = *state;
    (void)connection;
    (void)how;
    if (request == NULL)
        return;
    aq_assert(request->phase != PHASE_RESTING);
    *state = NULL;
    door_done(request);
    stream_end(request);
    serve->figures.requests_open--;
    if (serve->figures.spare == SPARE_REQUESTS_MAX) {
        request_free(request);
        return;
    }
    aq_arena_reset(&request->arena);
    keep_small(&request->body);
    keep_small(&request->out);
    request->next = serve->spare;
    serve->spare = request;
    serve->figures.spare++;
}

/* ---- the head ------------------------------------------------------------------------------------------- */

const char *request_header(struct request *request, const char *name)
{
    const char *value = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
    if (value == NULL || strlen(value) <= HEADER_VALUE_MAX)
        return value;
    aq_fail(&request->error, AQ_E_INVALID, "header %s has more than %d bytes", name, HEADER_VALUE_MAX);
    return NULL;
}

static enum method method_of(const char *name)
{
    if (strcmp(name, MHD_HTTP_METHOD_GET) == 0 || strcmp(name, MHD_HTTP_METHOD_HEAD) == 0)
        return METHOD_GET;
    if (strcmp(name, MHD_HTTP_METHOD_POST) == 0)
        return METHOD_POST;
    return strcmp(name, MHD_HTTP_METHOD_DELETE) == 0 ? METHOD_DELETE : METHOD_OTHER;
}

static int parse_uri(struct request *request)
{
    char *path = aq_arena_text(&request->arena, request->path, strlen(request->path));
    char *parameters = strchr(path, '?');
    if (parameters != NULL)
        *parameters++ = '\0';
    request->path = aq_arena_text(&request->arena, path, strlen(path));
    if (query_split_path(path, request->segments, SEGMENTS_MAX, &request->segment_count, &request->error))
        return -1;
    return query_parse(&request->query, parameters, &request->error);
}

/* A body that is said to be far too large is not even begun with: the connection ends with the answer. */
static bool is_far_too_large(struct request *request)
{
    uint64_t most = request->serve->options.config->api.body_max, length = 0;
    const char *text =
        MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    struct aq_error ignored;
    if (text == NULL || query_number("Content-Length", text, 0, UINT64_MAX, &length, &ignored) || length <= most)
        return false;
    aq_fail(&request->error, AQ_E_TOO_LARGE, "the body has %s bytes, more than %llu (api.body_max)", text,
            (unsigned long long)most);
    return length > most + BODY_DRAIN_MAX;
}

static enum outcome head_step(struct request *request)
{
    if (parse_uri(request) == 0)
        route_find(request);
    if (is_far_too_large(request))
        return answer_error(request);
    bool open = request->access == ACCESS_OPEN || (request->access == ACCESS_LOOPBACK && request_is_loopback(request));
    return request->error.code != AQ_OK || open ? READY : auth_step(request);
}

/* ---- the body ------------------------------------------------------------------------------------------- */

static enum MHD_Result take_body(struct request *request, const char *bytes, size_t length)
{
    uint64_t most = request->serve->options.config->api.body_max;
    request->body_length += length;
    if (request->error.code == AQ_OK && request->body_length > most)
        aq_fail(&request->error, AQ_E_TOO_LARGE, "the body has more than %llu bytes (api.body_max)",
                (unsigned long long)most);
    if (request->error.code == AQ_OK)
        aq_buffer_add(&request->body, bytes, length);
    else
        aq_buffer_free(&request->body);
    return request->body_length > most + BODY_DRAIN_MAX ? MHD_NO : MHD_YES;
}

/* ---- running -------------------------------------------------------------------------------------------- */

/* A read may ask for at least a seq; so everybody reads their own writes. */
static enum outcome read_step(struct request *request)
{
    uint64_t least = 0, from_header = 0;
    const char *header = request_header(request, "X-Aquarium-Seq");
    if (request->error.code != AQ_OK)
        return answer_error(request);
    if (query_take_number(&request->query, "min_seq", 0, UINT64_MAX, &least, &request->error) ||
        (header != NULL && query_number("X-Aquarium-Seq", header, 0, UINT64_MAX, &from_header, &request->error)))
        return answer_error(request);
    least = from_header > least ? from_header : least;
    request->step = request->handler;
    if (least > writer_seq(request->serve->options.writer))
        return request_wait_seq(request, least, serve_now_ms() + WAIT_SEQ_MS);
    return request->handler(request);
}

static enum outcome complete_step(struct request *request)
{
    if (request->error.code != AQ_OK)
        return answer_error(request);
    if (request->access == ACCESS_ADMIN && !request_is_admin(request))
        return answer_fail(request, AQ_E_FORBIDDEN, "%s is for admins; %s is a %s", request->path, request->user.name,
                           aq_role_words.words[request->user.role]);
    if (request->method == METHOD_GET && request->access >= ACCESS_USER && request->command == NULL)
        return read_step(request);
    return request->handler(request);
}

static enum MHD_Result run(struct request *request)
{
    enum outcome outcome = request->step(request);
    if (request->known)
        door_knows(&request->serve->door, request);
    switch (outcome) {
    case READY:
        aq_assert(!request->complete);
        request->phase = PHASE_BODY;
        break;
    case RESTING:
        request->phase = PHASE_RESTING;
        request->serve->figures.resting++;
        MHD_suspend_connection(request->connection);
        break;
    case ANSWERED:
        aq_assert(request->phase == PHASE_ANSWERED);
        break;
    }
    return request->lost ? MHD_NO : MHD_YES;
}

enum MHD_Result request_take(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                             const char *version, const char *upload, size_t *upload_length, void **state)
{
    struct request *request = *state;
    (void)context;
    (void)connection;
    (void)url;
    (void)version;
    aq_assert(request != NULL && request->phase != PHASE_RESTING);
    if (request->phase == PHASE_HEADERS) {
        request->method = method_of(method);
        door_asks(&request->serve->door, request);
        return run(request);
    }
    if (request->phase == PHASE_BODY && *upload_length > 0) {
        size_t length = *upload_length;
        *upload_length = 0;
        return take_body(request, upload, length);
    }
    if (request->phase == PHASE_BODY) {
        request->phase = PHASE_RUNNING;
        request->complete = true;
        request->step = complete_step;
    }
    return request->phase == PHASE_RUNNING ? run(request) : MHD_YES;
}

/* ---- resting -------------------------------------------------------------------------------------------- */

void request_wake(struct request *request)
{
    struct serve *serve = request->serve;
    pthread_mutex_lock(&serve->mutex);
    bool first = serve->woken == NULL; /* else the loop is on its way, and takes this one, too */
    request->next = serve->woken;
    serve->woken = request;
    pthread_mutex_unlock(&serve->mutex);
    if (first)
        eventfd_write(serve->wake_fd, 1);
}

void serve_resume(struct serve *serve, struct request *request)
{
    aq_assert(request->phase == PHASE_RESTING);
    request->phase = request->stream != NULL ? PHASE_ANSWERED : request->complete ? PHASE_RUNNING : PHASE_HEADERS;
    serve->figures.resting--;
    MHD_resume_connection(request->connection);
}

enum outcome request_wait_seq(struct request *request, uint64_t seq, uint64_t deadline_ms)
{
    struct serve *serve = request->serve;
    request->wait_seq = seq;
    request->deadline_ms = deadline_ms;
    request->next = serve->waiting;
    serve->waiting = request;
    serve_due(serve, deadline_ms);
    return RESTING;
}

uint64_t request_check_waits(struct serve *serve, uint64_t seq, uint64_t now_ms)
{
    uint64_t due_ms = UINT64_MAX;
    for (struct request **link = &serve->waiting; *link != NULL;) {
        struct request *request = *link;
        bool late = now_ms >= request->deadline_ms || serve->draining;
        if (seq < request->wait_seq && !late) {
            due_ms = request->deadline_ms < due_ms ? request->deadline_ms : due_ms;
            link = &request->next;
            continue;
        }
        *link = request->next;
        if (seq < request->wait_seq) {
            aq_fail(&request->error, AQ_E_UNKNOWN, "seq %llu was not reached in time; the tables show %llu",
                    (unsigned long long)request->wait_seq, (unsigned long long)seq);
            request->step = answer_error;
        }
        serve_resume(serve, request);
    }
    return due_ms;
}

/* ---- who asks ------------------------------------------------------------------------------------------- */

bool request_is_admin(const struct request *request)
{
    return request->known && request->user.role == AQ_ROLE_ADMIN;
}

uint64_t request_looks_at(const struct request *request, const struct aq_entity *entity)
{
    if (entity->owner == NULL || request_is_admin(request))
        return 0;
    return AQ_FIELD_BIT(entity->record, aq_record_field(entity->record, entity->owner));
}

bool request_may_see(const struct request *request, const struct aq_entity *entity, const void *row)
{
    if (entity->owner == NULL || request_is_admin(request))
        return true;
    const struct aq_field *field = aq_record_field(entity->record, entity->owner);
    aq_assert(field != NULL && aq_field_is_text(field));
    return request->known && strcmp(aq_field_text(field, row), request->user.name) == 0;
}

const struct sockaddr *request_peer(const struct request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    aq_assert(info != NULL && info->client_addr != NULL);
    return info->client_addr;
}

void request_address(const struct request *request, char *out, size_t size)
{
    network_address_text(request_peer(request), out, size);
}

bool request_is_loopback(const struct request *request)
{
    return network_is_loopback(request_peer(request));
}
