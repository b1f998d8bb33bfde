#include "controller/serve/stream.h"

#include "controller/serve/answer.h"
#include "controller/serve/service.h"
#include "controller/state/events.h"
#include "schema/base/journal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { FILL_ROUNDS_MAX = 8, BLOCK_SIZE = 16 << 10 };

struct stream {
    struct stream *next;
    struct request *request;
    const struct aq_entity *entity; /* NULL: all */
    uint64_t position;              /* the last event that was taken or passed over */
    uint64_t target;                /* end behind it; UINT64_MAX: never */
    uint64_t behind_max;            /* farther behind than this it must start over */
    uint64_t comment_ms;            /* when to give the next sign of life */
    struct aq_buffer buffer;
    size_t sent; /* of the buffer */
    bool ending; /* when the buffer is empty */
};

void stream_render(const struct aq_event *event, struct aq_buffer *out)
{
    aq_buffer_format(out, "id: %" PRIu64 "\nevent: %s\ndata: ", event->seq, event->type->record->name);
    aq_event_to_json(event, out);
    aq_buffer_text(out, "\n\n");
}

/* ---- the ring --------------------------------------------------------------------------------------------- */

void streams_init(struct streams *streams)
{
    *streams = (struct streams){.first = 1};
}

static struct stream_event *ring_at(struct streams *streams, uint64_t seq)
{
    return &streams->ring[seq % STREAM_RING_LENGTH];
}

static bool ring_holds(const struct streams *streams, uint64_t seq)
{
    return seq >= streams->first && seq <= streams->last;
}

static void ring_drop(struct streams *streams)
{
    struct stream_event *event = ring_at(streams, streams->first++);
    streams->bytes -= event->length;
    free(event->text);
    event->text = NULL;
}

/* The ring is empty, and begins at `seq`. */
static void ring_restart(struct streams *streams, uint64_t seq)
{
    while (streams->first <= streams->last)
        ring_drop(streams);
    streams->first = seq;
    streams->last = seq - 1;
}

static bool ring_add(void *context, const struct aq_event *event)
{
    struct streams *streams = context;
    struct aq_buffer text = {0};
    if (event->seq != streams->last + 1)
        ring_restart(streams, event->seq);
    stream_render(event, &text);
    while (streams->first <= streams->last && (streams->last - streams->first + 1 == STREAM_RING_LENGTH ||
                                               streams->bytes + text.length > STREAM_RING_BYTES_MAX))
        ring_drop(streams);
    *ring_at(streams, event->seq) =
        (struct stream_event){event->seq, aq_entity_find(event->type->entity), text.data, text.length};
    streams->last = event->seq;
    streams->bytes += text.length;
    return true;
}

/* Renders what is new, once for all. */
static void ring_extend(struct serve *serve, uint64_t seq)
{
    struct streams *streams = &serve->streams;
    struct aq_error error = {0};
    uint64_t from = serve->seen_seq + 1;
    if (seq >= STREAM_RING_LENGTH && from < seq - STREAM_RING_LENGTH + 1)
        from = seq - STREAM_RING_LENGTH + 1;
    if (seq < from)
        return;
    if (from != streams->last + 1)
        ring_restart(streams, from);
    if (events_scan(writer_events(serve->options.writer), from, seq, ring_add, streams, &error)) {
        aq_journal(AQ_WARN, "the log cannot be read for event streams", "error", error.message, NULL);
        ring_restart(streams, seq + 1);
    }
}

/* ---- filling ---------------------------------------------------------------------------------------------- */

static void take(struct stream *stream, uint64_t seq, const struct aq_entity *entity, const char *text, size_t length)
{
    stream->position = seq;
    if (stream->entity != NULL && stream->entity != entity)
        return;
    aq_buffer_add(&stream->buffer, text, length);
    stream->request->serve->streams.sent++;
}

static bool take_event(void *context, const struct aq_event *event)
{
    struct stream *stream = context;
    stream->position = event->seq;
    if (stream->entity == NULL || stream->entity == aq_entity_find(event->type->entity)) {
        stream_render(event, &stream->buffer);
        stream->request->serve->streams.sent++;
    }
    return stream->buffer.length < STREAM_FILL_BYTES_MAX;
}

static void fill_from_ring(struct stream *stream, uint64_t last)
{
    struct streams *streams = &stream->request->serve->streams;
    while (stream->position < last && ring_holds(streams, stream->position + 1) &&
           stream->buffer.length < STREAM_FILL_BYTES_MAX) {
        const struct stream_event *event = ring_at(streams, stream->position + 1);
        aq_assert(event->seq == stream->position + 1);
        take(stream, event->seq, event->entity, event->text, event->length);
    }
}

static void fill_from_log(struct stream *stream, uint64_t last)
{
    struct aq_error error = {0};
    uint64_t most = stream->position + STREAM_FILL_EVENTS_MAX;
    if (events_scan(writer_events(stream->request->serve->options.writer), stream->position + 1,
                    last < most ? last : most, take_event, stream, &error) == 0)
        return;
    aq_journal(AQ_WARN, "the log cannot be read for an event stream", "error", error.message, NULL);
    aq_buffer_format(&stream->buffer, "event: failed\ndata: {\"error\":\"%s\"}\n\n", aq_error_name(error.code));
    stream->ending = true;
}

/* The reader has to start over: read the tables, and follow from the seq that they show. */
static void send_away(struct stream *stream, uint64_t first, uint64_t seq)
{
    aq_buffer_format(&stream->buffer, "event: behind\ndata: {\"seq\":%" PRIu64 ",\"first\":%" PRIu64 "}\n\n", seq,
                     first);
    stream->ending = true;
}

/* Puts what there is into the empty buffer, or leaves it empty: then there is nothing to be sent now. */
static void fill(struct stream *stream)
{
    struct serve *serve = stream->request->serve;
    struct streams *streams = &serve->streams;
    aq_buffer_reset(&stream->buffer);
    stream->sent = 0;
    for (int round = 0; round < FILL_ROUNDS_MAX && stream->buffer.length == 0 && !stream->ending; round++) {
        uint64_t seq = writer_seq(serve->options.writer), last = seq < stream->target ? seq : stream->target;
        if (stream->position >= last) {
            stream->ending = stream->position >= stream->target;
            return;
        }
        uint64_t before = stream->position;
        if (ring_holds(streams, before + 1)) {
            fill_from_ring(stream, last);
        } else {
            uint64_t first = events_first(writer_events(serve->options.writer));
            if (before + 1 < first || seq - before > stream->behind_max)
                send_away(stream, first, seq);
            else
                fill_from_log(stream, last);
        }
        if (stream->position == before)
            return;
    }
    if (stream->buffer.length == 0 && !stream->ending)
        aq_buffer_text(&stream->buffer, ":\n\n"); /* still looking for an event of this entity */
}

/* ---- feeding ---------------------------------------------------------------------------------------------- */

static void resume(struct stream *stream)
{
    serve_resume(stream->request->serve, stream->request);
}

static bool rests(const struct stream *stream)
{
    return stream->request->phase == PHASE_RESTING;
}

/* Called by the library when it can send. */
static ssize_t read_stream(void *context, uint64_t offset, char *out, size_t most)
{
    struct stream *stream = context;
    (void)offset;
    if (stream->sent == stream->buffer.length && !stream->ending)
        fill(stream);
    size_t left = stream->buffer.length - stream->sent;
    if (left == 0 && stream->ending)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (left == 0) {
        struct request *request = stream->request;
        request->phase = PHASE_RESTING;
        request->serve->figures.resting++;
        stream->comment_ms = serve_now_ms() + STREAM_COMMENT_MS;
        serve_due(request->serve, stream->comment_ms);
        MHD_suspend_connection(request->connection);
        return 0;
    }
    size_t length = left < most ? left : most;
    memcpy(out, stream->buffer.data + stream->sent, length);
    stream->sent += length;
    return (ssize_t)length;
}

void streams_feed(struct serve *serve, uint64_t seq)
{
    struct streams *streams = &serve->streams;
    if (streams->all == NULL) {
        ring_restart(streams, 1);
        return;
    }
    ring_extend(serve, seq);
    for (struct stream *stream = streams->all; stream != NULL; stream = stream->next) {
        if (!rests(stream))
            continue;
        fill(stream);
        if (stream->buffer.length > 0 || stream->ending)
            resume(stream);
    }
}

/* Whoever lost the right to read, or has a new token, reads no more. */
static bool may_go_on(const struct stream *stream)
{
    const struct request *request = stream->request;
    struct aq_arena arena = {0};
    struct aq_error error;
    struct aq_user user;
    struct state_txn *txn;
    if (state_read(request->serve->options.state, &txn, &error))
        return true;
    bool may = state_user(txn, request->user.name, &user, &arena) && user.role == AQ_ROLE_ADMIN &&
               strcmp(user.hash, request->user.hash) == 0;
    state_end(txn);
    aq_arena_free(&arena);
    return may;
}

uint64_t streams_check(struct serve *serve, uint64_t now_ms)
{
    uint64_t due_ms = UINT64_MAX;
    for (struct stream *stream = serve->streams.all; stream != NULL; stream = stream->next) {
        if (!rests(stream))
            continue;
        if (now_ms < stream->comment_ms) {
            due_ms = stream->comment_ms < due_ms ? stream->comment_ms : due_ms;
            continue;
        }
        stream->ending = !may_go_on(stream);
        aq_buffer_reset(&stream->buffer);
        aq_buffer_text(&stream->buffer, ": nothing new\n\n");
        stream->sent = 0;
        resume(stream);
    }
    return due_ms;
}

void streams_close(struct serve *serve)
{
    for (struct stream *stream = serve->streams.all; stream != NULL; stream = stream->next) {
        stream->ending = true;
        if (rests(stream))
            resume(stream);
    }
}

void streams_free(struct streams *streams)
{
    aq_assert(streams->all == NULL);
    ring_restart(streams, 1);
}

/* ---- begin and end ---------------------------------------------------------------------------------------- */

void stream_end(struct request *request)
{
    struct stream *stream = request->stream;
    if (stream == NULL)
        return;
    struct streams *streams = &request->serve->streams;
    struct stream **link = &streams->all;
    while (*link != stream)
        link = &(*link)->next;
    *link = stream->next;
    streams->count--;
    aq_buffer_free(&stream->buffer);
    free(stream);
    request->stream = NULL;
}

struct wish {
    uint64_t since;
    bool follow;
    const struct aq_entity *entity;
};

static int take_wish(struct request *request, uint64_t seq, struct wish *wish)
{
    struct query *query = &request->query;
    struct aq_error *error = &request->error;
    const char *last = request_header(request, "Last-Event-ID");
    *wish = (struct wish){.since = seq, .follow = true};
    if (query_take_number(query, "since", 0, UINT64_MAX, &wish->since, error) ||
        query_take_bool(query, "follow", &wish->follow, error) ||
        (last != NULL && query_number("Last-Event-ID", last, 0, UINT64_MAX, &wish->since, error)))
        return -1;
    const char *name = query_take(query, "entity");
    if (query_end(query, error) || error->code != AQ_OK)
        return -1;
    wish->entity = name != NULL ? aq_entity_find(name) : NULL;
    if (name != NULL && wish->entity == NULL)
        return aq_fail(error, AQ_E_INVALID, "entity is \"%.100s\", but there is none of that name", name);
    if (wish->since > seq)
        return aq_fail(error, AQ_E_INVALID, "since is %" PRIu64 ", but the log has only got to %" PRIu64, wish->since,
                       seq);
    return 0;
}

static struct stream *add_stream(struct request *request, const struct wish *wish, uint64_t seq)
{
    struct streams *streams = &request->serve->streams;
    struct stream *stream = aq_calloc(1, sizeof *stream);
    stream->request = request;
    stream->entity = wish->entity;
    stream->position = wish->since;
    stream->target = wish->follow ? UINT64_MAX : seq;
    stream->behind_max = seq - wish->since + STREAM_BEHIND_MAX;
    aq_buffer_text(&stream->buffer, "retry: 1000\n\n");
    stream->next = streams->all;
    streams->all = stream;
    streams->count++;
    request->stream = stream;
    return stream;
}

enum outcome stream_open(struct request *request)
{
    struct serve *serve = request->serve;
    struct wish wish;
    uint64_t seq = writer_seq(serve->options.writer);
    if (take_wish(request, seq, &wish))
        return answer_error(request);
    if (serve->streams.count >= serve->options.config->api.streams || serve->draining)
        return answer_fail(request, AQ_E_BUSY, "%u event streams are open already (api.streams)", serve->streams.count);
    struct stream *stream = add_stream(request, &wish, seq);
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE, read_stream, stream, NULL);
    aq_assert(response != NULL);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    return answer_queue(request, MHD_HTTP_OK, response);
}
