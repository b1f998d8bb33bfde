#include "controller/serve/stream.h"

#include "controller/serve/about.h"
#include "controller/serve/answer.h"
#include "controller/serve/steps.h"
#include "controller/state/events.h"
#include "schema/base/clock.h"
#include "schema/base/journal.h"
#include "schema/codec/entry.h"
#include "schema/codec/reload.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { FILL_ROUNDS_MAX = 8 };

struct stream {
    struct stream *next;
    struct streams *streams;
    struct request *request;
    const struct aq_entity *entity; /* NULL: all */
    struct about about;             /* one row; its entity is NULL: all */
    uint64_t position;              /* the last event that was rendered or skipped */
    uint64_t target;                /* ends after this event; UINT64_MAX: never */
    uint64_t behind_max;            /* events; a reader farther behind has to start over */
    uint64_t comment_ms;            /* when the next comment is due, while it is idle */
    struct aq_buffer buffer;
    size_t sent; /* bytes of the buffer */
    bool idle;   /* has nothing to send, and waits for events */
    bool ending; /* ends when the buffer is sent */
};

/* A rendered event. */
struct ring_event {
    uint64_t seq;
    const struct aq_entity *entity;
    char *text;
    size_t length;
};

struct streams {
    struct writer *writer;
    struct state *state;
    void (*resume)(struct request *request);
    struct stream *all;
    const struct aq_config_api *config;
    unsigned count;
    bool closed;                                /* opens no more */
    struct ring_event ring[STREAM_RING_LENGTH]; /* event `seq` is at seq modulo the length */
    uint64_t first, last;                       /* what the ring holds; first > last: nothing */
    size_t bytes;                               /* of the texts in the ring */
    uint64_t seen_seq;                          /* where the writer was at the last streams_feed() */
    uint64_t due_ms;                            /* when the next comment is due, or earlier */
    uint64_t sent;                              /* events */
};

struct streams *streams_new(struct writer *writer, struct state *state, const struct aq_config_api *config,
                            void (*resume)(struct request *request))
{
    struct streams *streams = aq_calloc(1, sizeof *streams);
    streams->writer = writer;
    streams->state = state;
    streams->config = config;
    streams->resume = resume;
    streams->first = 1;
    streams->due_ms = UINT64_MAX;
    return streams;
}

static void render_event(const struct aq_event *event, struct aq_buffer *out)
{
    aq_buffer_format(out, "id: %" PRIu64 "\nevent: %s\ndata: ", event->seq, event->type->record->name);
    aq_event_to_json(event, out);
    aq_buffer_text(out, "\n\n");
}

/* ---- the ring --------------------------------------------------------------------------------------------- */

static struct ring_event *ring_at(struct streams *streams, uint64_t seq)
{
    return &streams->ring[seq % STREAM_RING_LENGTH];
}

static bool ring_holds(const struct streams *streams, uint64_t seq)
{
    return seq >= streams->first && seq <= streams->last;
}

static void ring_drop(struct streams *streams)
{
    struct ring_event *event = ring_at(streams, streams->first++);
    streams->bytes -= event->length;
    free(event->text);
    event->text = NULL;
}

/* Empties the ring; its next event is `seq`. */
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
    render_event(event, &text);
    while (streams->first <= streams->last && (streams->last - streams->first + 1 == STREAM_RING_LENGTH ||
                                               streams->bytes + text.length > STREAM_RING_BYTES_MAX))
        ring_drop(streams);
    *ring_at(streams, event->seq) = (struct ring_event){event->seq, event->type->entity, text.data, text.length};
    streams->last = event->seq;
    streams->bytes += text.length;
    return true;
}

/* Renders the events from `from` to `seq`, once for all streams. */
static void ring_extend(struct streams *streams, uint64_t from, uint64_t seq)
{
    struct aq_error error = {0};
    if (seq >= STREAM_RING_LENGTH && from < seq - STREAM_RING_LENGTH + 1)
        from = seq - STREAM_RING_LENGTH + 1;
    if (seq < from)
        return;
    if (from != streams->last + 1)
        ring_restart(streams, from);
    if (events_scan(writer_events(streams->writer), from, seq, ring_add, streams, &error) != 0) {
        aq_journal(AQ_WARN, "cannot read the log for event streams", "error", error.message, NULL);
        ring_restart(streams, seq + 1);
    }
}

/* ---- filling ---------------------------------------------------------------------------------------------- */

static void take_rendered(struct stream *stream, const struct ring_event *event)
{
    stream->position = event->seq;
    if (stream->entity != NULL && stream->entity != event->entity)
        return;
    aq_buffer_add(&stream->buffer, event->text, event->length);
    stream->streams->sent++;
}

static bool take_event(void *context, const struct aq_event *event)
{
    struct stream *stream = context;
    stream->position = event->seq;
    bool wanted = stream->about.entity != NULL ? about_takes(&stream->about, event)
                                               : stream->entity == NULL || stream->entity == event->type->entity;
    if (wanted) {
        render_event(event, &stream->buffer);
        stream->streams->sent++;
    }
    return stream->buffer.length < STREAM_FILL_BYTES_MAX;
}

static void fill_from_ring(struct stream *stream, uint64_t last)
{
    struct streams *streams = stream->streams;
    while (stream->position < last && ring_holds(streams, stream->position + 1) &&
           stream->buffer.length < STREAM_FILL_BYTES_MAX) {
        const struct ring_event *event = ring_at(streams, stream->position + 1);
        aq_assert(event->seq == stream->position + 1);
        take_rendered(stream, event);
    }
}

static void fill_from_log(struct stream *stream, uint64_t last)
{
    struct aq_error error = {0};
    uint64_t most = stream->position + STREAM_FILL_EVENTS_MAX;
    if (events_scan(writer_events(stream->streams->writer), stream->position + 1, last < most ? last : most, take_event,
                    stream, &error) == 0)
        return;
    aq_journal(AQ_WARN, "cannot read the log for an event stream", "error", error.message, NULL);
    aq_buffer_format(&stream->buffer, "event: failed\ndata: {\"error\":\"%s\"}\n\n", aq_error_name(error.code));
    stream->ending = true;
}

/* Tells the reader to start over: to read the tables, and to follow from their seq. */
static void end_as_behind(struct stream *stream, uint64_t first, uint64_t seq)
{
    aq_buffer_format(&stream->buffer, "event: behind\ndata: {\"seq\":%" PRIu64 ",\"first\":%" PRIu64 "}\n\n", seq,
                     first);
    stream->ending = true;
}

/* Fills the empty buffer. Leaves it empty if there is nothing to send now. */
static void fill_buffer(struct stream *stream)
{
    struct streams *streams = stream->streams;
    aq_buffer_reset(&stream->buffer);
    stream->sent = 0;
    for (int round = 0; round < FILL_ROUNDS_MAX && stream->buffer.length == 0 && !stream->ending; round++) {
        uint64_t seq = writer_seq(streams->writer), last = seq < stream->target ? seq : stream->target;
        if (stream->position >= last) {
            stream->ending = stream->position >= stream->target;
            return;
        }
        uint64_t before = stream->position;
        if (stream->about.entity == NULL && ring_holds(streams, before + 1)) {
            fill_from_ring(stream, last);
        } else {
            uint64_t first = events_first(writer_events(streams->writer));
            if (before + 1 < first || seq - before > stream->behind_max)
                end_as_behind(stream, first, seq);
            else
                fill_from_log(stream, last);
        }
        if (stream->position == before)
            return;
    }
    if (stream->buffer.length == 0 && !stream->ending)
        aq_buffer_text(&stream->buffer, ":\n\n"); /* still looking for an event of this entity */
}

/* ---- sending ---------------------------------------------------------------------------------------------- */

/* The `read` function of the request's source. */
static ssize_t read_stream(void *context, char *out, size_t max)
{
    struct stream *stream = context;
    struct streams *streams = stream->streams;
    if (stream->sent == stream->buffer.length && !stream->ending)
        fill_buffer(stream);
    size_t left = stream->buffer.length - stream->sent;
    if (left == 0 && stream->ending)
        return SOURCE_END;
    if (left == 0) {
        stream->idle = true;
        stream->comment_ms = aq_clock_ms() + STREAM_COMMENT_MS;
        if (stream->comment_ms < streams->due_ms)
            streams->due_ms = stream->comment_ms;
        return 0;
    }
    size_t length = left < max ? left : max;
    memcpy(out, stream->buffer.data + stream->sent, length);
    stream->sent += length;
    return (ssize_t)length;
}

static void resume_stream(struct stream *stream)
{
    stream->idle = false;
    stream->streams->resume(stream->request);
}

void streams_feed(struct streams *streams, uint64_t seq)
{
    uint64_t from = streams->seen_seq + 1;
    streams->seen_seq = seq;
    if (streams->all == NULL) {
        ring_restart(streams, 1);
        return;
    }
    ring_extend(streams, from, seq);
    for (struct stream *stream = streams->all; stream != NULL; stream = stream->next) {
        if (!stream->idle)
            continue;
        fill_buffer(stream);
        if (stream->buffer.length > 0 || stream->ending)
            resume_stream(stream);
    }
}

/* False: the user was deleted, is no longer an admin, or has a new token. */
static bool may_go_on(const struct stream *stream)
{
    const struct aq_user *reader = &stream->request->user;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_error error;
    struct aq_user user;
    struct state_txn *txn;
    if (state_read(stream->streams->state, &txn, &error) != 0)
        return true;
    bool may = state_user(txn, reader->name, &user, &arena) && user.role == AQ_ROLE_ADMIN &&
               strcmp(user.hash, reader->hash) == 0;
    state_end(txn);
    return may;
}

void streams_check(struct streams *streams, uint64_t now_ms)
{
    streams->due_ms = UINT64_MAX;
    for (struct stream *stream = streams->all; stream != NULL; stream = stream->next) {
        if (!stream->idle)
            continue;
        if (now_ms < stream->comment_ms) {
            if (stream->comment_ms < streams->due_ms)
                streams->due_ms = stream->comment_ms;
            continue;
        }
        stream->ending = !may_go_on(stream);
        aq_buffer_reset(&stream->buffer);
        aq_buffer_text(&stream->buffer, ": nothing new\n\n");
        stream->sent = 0;
        resume_stream(stream);
    }
}

uint64_t streams_due_ms(const struct streams *streams)
{
    return streams->due_ms;
}

void streams_close(struct streams *streams)
{
    streams->closed = true;
    for (struct stream *stream = streams->all; stream != NULL; stream = stream->next) {
        stream->ending = true;
        if (stream->idle)
            resume_stream(stream);
    }
}

void streams_free(struct streams *streams)
{
    if (streams == NULL)
        return;
    aq_assert(streams->all == NULL);
    ring_restart(streams, 1);
    free(streams);
}

unsigned streams_count(const struct streams *streams)
{
    return streams->count;
}

uint64_t streams_sent(const struct streams *streams)
{
    return streams->sent;
}

/* ---- begin and end ---------------------------------------------------------------------------------------- */

/* The `end` function of the request's source. */
static void end_stream(void *context)
{
    struct stream *stream = context;
    struct stream **link = &stream->streams->all;
    while (*link != stream)
        link = &(*link)->next;
    *link = stream->next;
    stream->streams->count--;
    about_end(&stream->about);
    aq_buffer_free(&stream->buffer);
    free(stream);
}

/* What the caller wants to read. */
struct stream_query {
    uint64_t since;
    bool follow;
    const struct aq_entity *entity;
    struct about about;
};

static int take_query(struct request *request, uint64_t seq, struct stream_query *wanted)
{
    struct query *query = &request->query;
    struct aq_error *error = &request->error;
    const char *last = request_header(request, "Last-Event-ID");
    *wanted = (struct stream_query){.since = seq, .follow = true};
    if (query_take_number(query, "since", &wanted->since, error) != 0 ||
        query_take_bool(query, "follow", &wanted->follow, error) != 0 ||
        (last != NULL && query_number("Last-Event-ID", last, 0, UINT64_MAX, &wanted->since, error) != 0))
        return -1;
    const char *name = query_take(query, "entity"), *key = query_take(query, "key");
    if (query_end(query, error) != 0 || error->code != AQ_OK)
        return -1;
    wanted->entity = name != NULL ? aq_entity_find(name) : NULL;
    if (name != NULL && wanted->entity == NULL)
        return aq_fail(error, AQ_E_INVALID, "entity is \"%.100s\", but there is no such entity", name);
    if (key != NULL && name == NULL)
        return aq_fail(error, AQ_E_INVALID, "key is given without entity: of what is it the key?");
    if (key != NULL && about_begin(&wanted->about, wanted->entity, key, error) != 0)
        return aq_error_context(error, "key");
    if (wanted->since > seq)
        return aq_fail(error, AQ_E_INVALID, "since is %" PRIu64 ", but the last event is %" PRIu64, wanted->since, seq);
    return 0;
}

static struct stream *add_stream(struct request *request, const struct stream_query *wanted, uint64_t seq)
{
    struct streams *streams = request->backend->streams;
    struct stream *stream = aq_calloc(1, sizeof *stream);
    stream->streams = streams;
    stream->request = request;
    stream->entity = wanted->entity;
    stream->about = wanted->about;
    stream->position = wanted->since;
    stream->target = wanted->follow ? UINT64_MAX : seq;
    stream->behind_max = seq - wanted->since + STREAM_BEHIND_MAX;
    aq_buffer_text(&stream->buffer, "retry: 1000\n\n");
    stream->next = streams->all;
    streams->all = stream;
    streams->count++;
    return stream;
}

enum outcome stream_open(struct request *request)
{
    struct streams *streams = request->backend->streams;
    struct stream_query wanted;
    uint64_t seq = writer_seq(streams->writer);
    request_set_seq(request, seq);
    if (take_query(request, seq, &wanted) != 0)
        return answer_error(request);
    if (streams->closed)
        return answer_fail(request, AQ_E_BUSY, "the controller is stopping");
    if (streams->count >= AQ_SETTING(streams->config->streams))
        return answer_fail(request, AQ_E_BUSY, "%u event streams are already open (api.streams)", streams->count);
    struct stream *stream = add_stream(request, &wanted, seq);
    request->source = (struct request_source){"text/event-stream", read_stream, end_stream, stream};
    return answer_source(request);
}
