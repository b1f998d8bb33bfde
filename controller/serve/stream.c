#include "controller/serve/stream.h"

#include "controller/serve/about.h"
#include "controller/serve/answer.h"
#include "controller/serve/event_row.h"
#include "controller/serve/steps.h"
#include "controller/state/events.h"
#include "schema/base/journal.h"
#include "schema/codec/entry.h"
#include "schema/codec/reload.h"
#include "schema/model/membership.h"
#include "schema/model/project.h"
#include "schema/model/role.h"
#include "schema/model/token.h"
#include "schema/model/user.h"

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
    bool looks;                     /* its reader has a right to some rows, so it must be known whose an event is, */
    bool only_some;                 /* and to no events of all rows */
    struct aq_buffer buffer;
    size_t sent; /* bytes of the buffer */
    bool idle;   /* has nothing to send, and waits for events */
    bool ending; /* ends when the buffer is sent */
};

/* A rendered event. */
struct ring_event {
    uint64_t seq;
    const struct aq_entity *entity;
    const struct aq_permission *permission; /* that seeing it takes */
    bool of_many;                           /* readers of some rows get a part of it, which is not rendered here */
    uint64_t owner;                         /* of the row that it is about, and its project: see event_row.h; both */
    char *project;                          /* are only looked up while there are readers who need that */
    char *text;
    size_t length;
};

struct streams {
    struct writer *writer;
    struct state *state;
    void (*resume)(struct request *request);
    struct stream *all;
    const struct aq_config_api *config;
    unsigned count, looking;                    /* looking: those that look whose an event is */
    struct aq_arena arena;                      /* for that, of one event; */
    struct state_txn *txn;                      /* while events are read; NULL: nobody needs it */
    bool closed;                                /* opens no more */
    struct ring_event ring[STREAM_RING_LENGTH]; /* event `seq` is at seq modulo the length */
    uint64_t first, last;                       /* what the ring holds; first > last: nothing */
    size_t bytes;                               /* of the texts in the ring */
    uint64_t seen_seq;                          /* where the writer was at the last streams_feed(): no stream goes on */
    bool users_changed;                         /* between the last two: its readers may have lost their right */
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
    free(event->project);
    event->text = event->project = NULL;
}

/* Empties the ring; its next event is `seq`. */
static void ring_restart(struct streams *streams, uint64_t seq)
{
    while (streams->first <= streams->last)
        ring_drop(streams);
    streams->first = seq;
    streams->last = seq - 1;
}

/* A project that is deleted takes its memberships and tokens along. */
static bool changes_rights(const struct aq_entity *entity)
{
    return entity == &aq_entity_user || entity == &aq_entity_role || entity == &aq_entity_token ||
           entity == &aq_entity_membership || entity == &aq_entity_project;
}

static struct event_row row_of_event(struct streams *streams, const struct aq_event *event)
{
    aq_arena_reset(&streams->arena);
    return streams->txn != NULL ? event_row_find(streams->txn, event, &streams->arena) : (struct event_row){0};
}

/* Reads events, in order; `looks`: it can be looked up whose they are. */
static int scan(struct streams *streams, bool looks, uint64_t from, uint64_t last,
                bool (*take)(void *context, const struct aq_event *event), void *context, struct aq_error *error)
{
    if (looks && state_read(streams->state, &streams->txn, error) != 0)
        return -1;
    int status = events_scan(writer_events(streams->writer), from, last, take, context, error);
    state_end(streams->txn);
    streams->txn = NULL;
    return status;
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
    const struct event_row row = row_of_event(streams, event);
    *ring_at(streams, event->seq) = (struct ring_event){.seq = event->seq,
                                                        .entity = event->type->entity,
                                                        .permission = aq_permission_of(event->type->entity, "events"),
                                                        .of_many = event_row_is_many(event->type),
                                                        .owner = row.owner,
                                                        .project = row.project != NULL ? aq_strdup(row.project) : NULL,
                                                        .text = text.data,
                                                        .length = text.length};
    streams->last = event->seq;
    streams->bytes += text.length;
    streams->users_changed |= changes_rights(event->type->entity);
    return true;
}

/* Renders the events from `from` to `seq`, once for all streams. */
static void ring_extend(struct streams *streams, uint64_t from, uint64_t seq)
{
    struct aq_error error = {0};
    streams->users_changed = false;
    if (seq >= STREAM_RING_LENGTH && from < seq - STREAM_RING_LENGTH + 1) {
        from = seq - STREAM_RING_LENGTH + 1;
        streams->users_changed = true; /* perhaps */
    }
    if (seq < from)
        return;
    if (from != streams->last + 1)
        ring_restart(streams, from);
    if (scan(streams, streams->looking > 0, from, seq, ring_add, streams, &error) != 0) {
        aq_journal(AQ_WARN, "cannot read the log for event streams", "error", error.message, NULL);
        ring_restart(streams, seq + 1);
        streams->users_changed = true;
    }
}

/* ---- filling ---------------------------------------------------------------------------------------------- */

static void take_rendered(struct stream *stream, const struct ring_event *event)
{
    stream->position = event->seq;
    if ((stream->entity != NULL && stream->entity != event->entity) ||
        !aq_access_allows(&stream->request->caller, event->permission, event->owner, event->project))
        return;
    aq_buffer_add(&stream->buffer, event->text, event->length);
    stream->streams->sent++;
}

static bool sees_all(const struct stream *stream, const struct aq_permission *permission)
{
    return aq_rights_scope(&stream->request->caller.rights, permission) == AQ_SCOPE_ALL;
}

static bool may_see(const struct stream *stream, const struct aq_event *event)
{
    const struct aq_caller *caller = &stream->request->caller;
    const struct aq_permission *permission = aq_permission_of(event->type->entity, "events");
    if (sees_all(stream, permission))
        return true;
    const struct event_row row = row_of_event(stream->streams, event);
    return aq_access_allows(caller, permission, row.owner, row.project);
}

/* The event, or what the reader may see of one that is about many rows; `part` holds that. NULL: nothing. */
static const struct aq_event *part_of(const struct stream *stream, const struct aq_event *event, struct aq_event *part)
{
    struct streams *streams = stream->streams;
    if (!event_row_is_many(event->type) || sees_all(stream, aq_permission_of(event->type->entity, "events")))
        return event;
    aq_arena_reset(&streams->arena);
    return streams->txn != NULL &&
                   event_row_narrow(streams->txn, &stream->request->caller, event, part, &streams->arena)
               ? part
               : NULL;
}

static bool take_event(void *context, const struct aq_event *event)
{
    struct stream *stream = context;
    stream->position = event->seq;
    struct aq_event part;
    const struct aq_event *seen = part_of(stream, event, &part);
    bool wanted = seen != NULL &&
                  (stream->about.entity != NULL ? about_takes(&stream->about, seen)
                                                : stream->entity == NULL || stream->entity == event->type->entity);
    if (wanted && (seen == &part || may_see(stream, event))) {
        render_event(seen, &stream->buffer);
        stream->streams->sent++;
    }
    return stream->buffer.length < STREAM_FILL_BYTES_MAX;
}

static void fill_from_log(struct stream *stream, uint64_t last)
{
    struct aq_error error = {0};
    uint64_t most = stream->position + STREAM_FILL_EVENTS_MAX;
    if (scan(stream->streams, stream->looks, stream->position + 1, last < most ? last : most, take_event, stream,
             &error) == 0)
        return;
    aq_journal(AQ_WARN, "cannot read the log for an event stream", "error", error.message, NULL);
    aq_buffer_format(&stream->buffer, "event: failed\ndata: {\"error\":\"%s\"}\n\n", aq_error_name(error.code));
    stream->ending = true;
}

static void fill_from_ring(struct stream *stream, uint64_t last)
{
    struct streams *streams = stream->streams;
    while (stream->position < last && ring_holds(streams, stream->position + 1) &&
           stream->buffer.length < STREAM_FILL_BYTES_MAX && !stream->ending) {
        const struct ring_event *event = ring_at(streams, stream->position + 1);
        aq_assert(event->seq == stream->position + 1);
        if (event->of_many && !sees_all(stream, event->permission))
            fill_from_log(stream, event->seq);
        else
            take_rendered(stream, event);
    }
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
        uint64_t seq = streams->seen_seq, last = seq < stream->target ? seq : stream->target;
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
        stream->comment_ms = stream->request->now.steady_ms + STREAM_COMMENT_MS;
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

/* False: the user or the token was deleted, or they may do other things than when the stream began; or nobody can tell,
 * and nobody looks again. A reader whose rights have changed begins again, with those that it has then. */
static bool may_go_on(const struct stream *stream)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct request *request = stream->request;
    struct aq_caller now = request->caller;
    struct aq_error error = {0};
    struct state_txn *txn;
    if (state_read(stream->streams->state, &txn, &error) != 0)
        return false;
    bool may =
        request_refresh(request, txn, &now, &arena, &error) == 0 && aq_caller_same_rights(&now, &request->caller);
    state_end(txn);
    return may;
}

/* What was not sent is not sent any more: half an event is none, which readers of event streams know. */
static void cut_stream(struct stream *stream)
{
    stream->buffer.length = stream->sent;
    stream->ending = true;
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
        if (streams->users_changed && !may_go_on(stream))
            cut_stream(stream);
        if (!stream->idle)
            continue;
        if (!stream->ending)
            fill_buffer(stream);
        if (stream->buffer.length > 0 || stream->ending)
            resume_stream(stream);
    }
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
    aq_arena_free(&streams->arena);
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
    stream->streams->looking -= stream->looks;
    about_end(&stream->about);
    aq_buffer_free(&stream->buffer);
    free(stream);
}

/* Has somebody a right to events of all rows, of some entity, or of some rows: own ones, or those of a project? */
struct scopes {
    bool all, some;
};

/* What the caller wants to read. */
struct stream_query {
    uint64_t since;
    bool follow;
    const struct aq_entity *entity;
    struct about about;
    struct scopes scopes;
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
    if (wanted->since > seq && !writer_is_leader(request->backend->writer)) /* it may lack the newest ones */
        return aq_fail(error, AQ_E_BEHIND, "since is %" PRIu64 ", but this controller is at %" PRIu64, wanted->since,
                       seq);
    if (wanted->since > seq)
        return aq_fail(error, AQ_E_INVALID, "since is %" PRIu64 ", but the last event is %" PRIu64, wanted->since, seq);
    return 0;
}

/* The reader's rights to events of the entity, or of all. */
static struct scopes scopes_of(const struct request *request, const struct aq_entity *wanted)
{
    const struct aq_caller *caller = &request->caller;
    const struct aq_entity *entity;
    struct scopes scopes = {false, false};
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++) {
        const struct aq_permission *permission = aq_permission_of(entity, "events");
        if (wanted != NULL && wanted != entity)
            continue;
        if (aq_rights_scope(&caller->rights, permission) == AQ_SCOPE_ALL)
            scopes.all = true;
        else
            scopes.some |= aq_rights_scope(&caller->somewhere, permission) != AQ_SCOPE_NONE;
    }
    return scopes;
}

static int check_rights(struct request *request, const struct aq_entity *wanted, struct scopes *scopes)
{
    char action[AQ_ACTION_SIZE];
    *scopes = scopes_of(request, wanted);
    if (scopes->all || scopes->some)
        return 0;
    if (wanted == NULL)
        return aq_fail(
            &request->error, AQ_E_FORBIDDEN,
            "%s may not read events: that takes the permission ENTITY.events, which the role %s does not give",
            request->caller.name, request->caller.role);
    const struct aq_permission *permission = aq_permission_of(wanted, "events");
    aq_permission_action(permission, action);
    return aq_access_check(&request->caller, permission, action, &request->error);
}

/* Anybody may read events of some rows: such readers share half of the streams, and each user has a few of them. */
static int check_room(const struct request *request, const struct scopes *scopes, struct aq_error *error)
{
    const struct streams *streams = request->backend->streams;
    const uint64_t most = AQ_SETTING(streams->config->streams), most_some = (most + 1) / 2;
    unsigned mine = 0, some = 0;
    if (streams->closed)
        return aq_fail(error, AQ_E_BUSY, "the controller is stopping");
    if (streams->count >= most)
        return aq_fail(error, AQ_E_BUSY, "%u event streams are already open (api.streams)", streams->count);
    if (scopes->all)
        return 0;
    for (const struct stream *stream = streams->all; stream != NULL; stream = stream->next) {
        some += stream->only_some;
        mine += stream->only_some && stream->request->caller.number == request->caller.number;
    }
    if (mine >= STREAM_OWN_MAX)
        return aq_fail(error, AQ_E_BUSY, "%s has %u event streams open already", request->caller.name, mine);
    if (some >= most_some)
        return aq_fail(error, AQ_E_BUSY,
                       "%u event streams of own rows are already open, which may be half of api.streams", some);
    return 0;
}

static struct stream *add_stream(struct request *request, const struct stream_query *wanted, uint64_t seq)
{
    struct streams *streams = request->backend->streams;
    struct stream *stream = aq_calloc(1, sizeof *stream);
    stream->streams = streams;
    stream->request = request;
    stream->entity = wanted->entity;
    stream->looks = wanted->scopes.some;
    stream->only_some = !wanted->scopes.all;
    stream->about = wanted->about;
    stream->position = wanted->since;
    stream->target = wanted->follow ? UINT64_MAX : seq;
    /* Who sees some rows only does not make the controller read the whole log for them. */
    stream->behind_max = STREAM_BEHIND_MAX + (stream->only_some ? 0 : seq - wanted->since);
    aq_buffer_text(&stream->buffer, "retry: 1000\n\n");
    if (streams->all == NULL)
        streams->seen_seq = seq; /* nobody has looked since */
    stream->next = streams->all;
    streams->all = stream;
    streams->count++;
    if (stream->looks && streams->looking++ == 0)
        ring_restart(streams, seq + 1); /* it does not know whose its events are */
    if (!may_go_on(stream))             /* it was admitted before it waited for something */
        cut_stream(stream);
    return stream;
}

enum outcome stream_open(struct request *request)
{
    struct streams *streams = request->backend->streams;
    struct stream_query wanted;
    uint64_t seq = writer_seq(streams->writer);
    request_set_seq(request, seq);
    if (take_query(request, seq, &wanted) != 0 || check_rights(request, wanted.entity, &wanted.scopes) != 0 ||
        check_room(request, &wanted.scopes, &request->error) != 0)
        return answer_error(request);
    struct stream *stream = add_stream(request, &wanted, seq);
    request->source = (struct request_source){"text/event-stream", read_stream, end_stream, stream};
    return answer_source(request);
}
