#include "controller/write/batch.h"

#include "controller/decide/decide.h"
#include "controller/state/kept_rows.h"
#include "controller/state/rights.h"
#include "controller/write/made.h"
#include "schema/codec/pack.h"
#include "schema/model/user.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The largest request. It fits into an entry together with the log.batch_bytes that may be in the batch before it. */
enum { REQUEST_BYTES_MAX = 7 << 20, REQUEST_EVENTS_MAX = 65536 };
_Static_assert(REQUEST_BYTES_MAX + (8 << 20) < AQ_PACK_SIZE_MAX, "an entry must not be too large to be read");

int batch_begin(struct batch *batch, struct state *state, struct place_index *index, uint64_t now_ms,
                struct aq_error *error)
{
    *batch = (struct batch){.state = state, .index = index};
    batch->last = &batch->first;
    if (state_write(state, &batch->txn, error) != 0)
        return -1;
    batch->place = state_applied_get(batch->txn);
    batch->next_seq = batch->place.seq + 1;
    /* Entries that were not known to be committed when the log's clock was started may be later. */
    batch->time_ms = now_ms > batch->place.time_ms ? now_ms : batch->place.time_ms;
    return 0;
}

bool batch_failed(const struct batch *batch, struct aq_error *error)
{
    return state_failed(batch->txn, error);
}

/* ---- one request -------------------------------------------------------------------------------------- */

struct undo_point {
    struct state_txn *outer; /* the batch's transaction, if the request has a nested one; otherwise NULL */
    size_t index_mark;
    uint64_t next_seq;
    uint32_t count;
    size_t bytes;
};

static int open_undo(struct batch *batch, const struct writer_request *request, struct undo_point *point)
{
    *point = (struct undo_point){NULL, place_index_mark(batch->index), batch->next_seq, batch->count, batch->bytes};
    struct state_txn *inner;
    struct aq_error error = {0};
    if (state_failed(batch->txn, &error))
        return -1;
    if (!request->dry_run && (request->count == 1 || !batch->careful))
        return 0;
    if (state_nested(batch->txn, &inner, &error) != 0)
        return -1;
    point->outer = batch->txn;
    batch->txn = inner;
    return 0;
}

/* Keeps or undoes the request. If the store fails, sets `error` and undoes it. */
static void close_undo(struct batch *batch, const struct undo_point *point, bool keep, struct aq_error *error)
{
    if (point->outer != NULL) {
        struct state_txn *inner = batch->txn;
        batch->txn = point->outer;
        if (!keep)
            state_end(inner);
        else if (state_commit(inner, error) != 0)
            keep = false;
    }
    if (keep)
        return;
    place_index_undo(batch->index, point->index_mark);
    batch->next_seq = point->next_seq;
    batch->count = point->count;
    batch->bytes = point->bytes;
}

static struct aq_logged_decision *new_decision(struct batch *batch)
{
    AQ_GROW(batch->decisions, batch->count, batch->capacity);
    struct aq_logged_decision *decision = &batch->decisions[batch->count++];
    *decision = (struct aq_logged_decision){.author = ""};
    return decision;
}

/* The events of one decision. */
struct event_list {
    struct aq_list list; /* aq_logged_event */
    size_t capacity;
};

static void show_event(struct writer_request *request, const struct project *project, const struct decide_event *event)
{
    struct aq_event shown = {project->seq,     project->time_ms, request->caller.name,
                             request->command, event->type,      event->data};
    aq_buffer_char(&request->events, request->events.length > 1 ? ',' : '[');
    aq_event_to_json(&shown, &request->events);
}

/* Makes room for `more` events after those in the list. The room doubles, so thousands of events are not copied too
 * often. */
static struct aq_logged_event *make_room(struct batch *batch, struct event_list *events, size_t more)
{
    size_t wanted = events->list.count + more;
    if (wanted > events->capacity) {
        while (events->capacity < wanted)
            events->capacity = events->capacity ? events->capacity * 2 : 4;
        struct aq_logged_event *rows = aq_arena_alloc(&batch->arena, events->capacity * sizeof *rows);
        if (events->list.count > 0)
            memcpy(rows, events->list.items, events->list.count * sizeof *rows);
        events->list.items = rows;
    }
    return events->list.items;
}

/* Projects the events that were decided, and adds them to the decision. */
static void add_events(struct batch *batch, struct writer_request *request, const struct decide *decide,
                       struct event_list *events)
{
    struct project project = {.txn = batch->txn,
                              .index = batch->index,
                              .arena = &batch->scratch,
                              .time_ms = batch->time_ms,
                              .author = request->caller.name,
                              .author_number = batch->caller.number};
    struct aq_logged_event *rows = make_room(batch, events, decide->count);
    for (size_t i = 0; i < decide->count; i++) {
        const struct decide_event *event = &decide->events[i];
        AQ_CLEANUP_BUFFER struct aq_buffer packed = {0};
        aq_record_pack(event->type->record, event->data, &packed);
        rows[events->list.count++] = (struct aq_logged_event){
            .code = event->type->code,
            .version = event->type->record->version,
            .data = {(unsigned char *)aq_arena_text(&batch->arena, packed.data, packed.length), packed.length}};
        batch->bytes += packed.length + 8;
        project.seq = batch->next_seq++;
        project_event(&project, event->type, event->data);
        if (request->dry_run)
            show_event(request, &project, event);
    }
}

/* A request that does not fit into an entry must not be written, for it could not be read again. A single command is
 * far below these bounds. */
static int check_size(const struct batch *batch, const struct undo_point *point, const struct writer_request *request,
                      const struct aq_list *events, struct aq_error *error)
{
    size_t bytes = batch->bytes - point->bytes;
    if (request->count == 1 || (bytes <= REQUEST_BYTES_MAX && events->count <= REQUEST_EVENTS_MAX))
        return 0;
    return aq_fail(error, AQ_E_TOO_LARGE,
                   "the request has %u events of %zu bytes so far; the limit is %d events and %d bytes: send it in "
                   "parts",
                   events->count, bytes, REQUEST_EVENTS_MAX, REQUEST_BYTES_MAX);
}

static bool has_key(const struct writer_request *request)
{
    return request->key != NULL && request->key[0] != '\0' && !request->dry_run;
}

/* Of several items, a warning names the one that it is about. */
static void add_warnings(struct writer_request *request, uint32_t i, const char *warnings)
{
    for (const char *line = warnings; line != NULL && *line != '\0';) {
        size_t length = strcspn(line, "\n");
        if (request->count > 1)
            aq_buffer_format(&request->warnings, "item %" PRIu32 ": ", i + 1);
        aq_buffer_format(&request->warnings, "%.*s\n", (int)length, line);
        line += length + (line[length] == '\n');
    }
}

static int decide_item(struct batch *batch, struct writer_request *request, uint32_t i, struct event_list *events,
                       struct made *made)
{
    struct decide decide = {.txn = batch->txn,
                            .index = batch->index,
                            .arena = &batch->scratch,
                            .time_ms = batch->time_ms,
                            .caller = batch->caller};
    int status = decide_command(&decide, request->command, request->records[i], &request->error);
    add_warnings(request, i, decide.warnings);
    if (state_failed(batch->txn, &request->error) ||
        status != 0) /* first: if a read failed, the refusal may be wrong */
        return -1;
    add_events(batch, request, &decide, events);
    if (i == 0 || has_key(request)) /* the others are needed for a repeat only */
        made_add(made, request, decide.id, &batch->arena);
    if (request->ids != NULL)
        memcpy(request->ids[i], decide.id, sizeof request->ids[i]);
    return 0;
}

static int decide_items(struct batch *batch, struct writer_request *request, const struct undo_point *point,
                        struct event_list *events, struct made *made)
{
    for (uint32_t i = 0; i < request->count; i++) {
        int status = decide_item(batch, request, i, events, made);
        aq_arena_reset(&batch->scratch); /* rows that were read for one item, such as labels, must not add up */
        if (status != 0 || check_size(batch, point, request, &events->list, &request->error) != 0) {
            request->failed_item = i + 1;
            return -1;
        }
    }
    return 0;
}

static bool is_same_request(const struct writer_request *request, uint64_t fingerprint)
{
    bool same = fingerprint == request->fingerprint;
    for (uint32_t i = 0; i < request->earlier_count && !same; i++)
        same = fingerprint == request->earlier[i];
    return same;
}

static void answer_as_before(const struct batch *batch, struct writer_request *request,
                             const struct project_answer *before)
{
    if (!is_same_request(request, before->fingerprint)) {
        request->seq = batch->next_seq - 1;
        (void)aq_fail(&request->error, AQ_E_KEY_REUSED,
                      "Idempotency-Key %s was used for another request, at seq %" PRIu64, request->key, before->seq);
        return;
    }
    request->repeated = true;
    request->changed = before->changed;
    request->seq = before->seq;
    made_repeat(request, before);
    if (request->wants_rows && before->count == request->count)
        aq_buffer_add(&request->rows, before->rows.data, before->rows.length);
}

/* True: the idempotency key came before, and the request is answered as it was then, or refused. */
static bool answer_repeat(struct batch *batch, struct writer_request *request)
{
    struct project_answer before;
    if (!has_key(request) || !project_find_answer(batch->txn, &batch->caller, request->key, &before, &batch->scratch))
        return false;
    answer_as_before(batch, request, &before);
    aq_arena_reset(&batch->scratch);
    return true;
}

static void remember_key(struct batch *batch, const struct aq_logged_decision *decision)
{
    struct project project = {
        .txn = batch->txn, .arena = &batch->scratch, .time_ms = batch->time_ms, .author_number = batch->caller.number};
    project_store_answer(&project, decision, batch->next_seq - 1);
}

static void log_decision(struct batch *batch, const struct writer_request *request, const struct aq_list *events,
                         const struct made *made)
{
    const char *key = request->key ? request->key : "";
    struct aq_logged_decision *decision = new_decision(batch);
    decision->author = aq_arena_text(&batch->arena, request->caller.name, strlen(request->caller.name));
    decision->command = request->command->code;
    decision->key = aq_arena_text(&batch->arena, key, strlen(key));
    decision->fingerprint = key[0] ? request->fingerprint : 0;
    decision->id = aq_arena_text(&batch->arena, made->first, strlen(made->first));
    decision->events = *events;
    if (key[0] && made->count > 1)
        decision->rows = made->count;
    if (key[0] && made->ids != NULL)
        decision->ids = (struct aq_list){made->ids, made->count};
    batch->bytes += 64 + strlen(decision->author) + strlen(key);
    for (uint32_t i = 0; i < decision->ids.count; i++)
        batch->bytes += strlen(made->ids[i]) + 2;
    remember_key(batch, decision);
}

static void keep_rows(struct batch *batch, struct writer_request *request)
{
    for (uint32_t i = 0; i < request->count && request->command->kind != AQ_DELETES; i++)
        kept_rows_add(batch->txn, request->command->entity, request->ids[i], batch->time_ms, &request->rows);
}

/* Decides the whole batch again without a request that was refused after its first commands had been projected. This is
 * rare, and cheaper than a nested transaction for each request of several commands. From then on the batch uses nested
 * transactions, so it starts over at most once. */
static int start_over(struct batch *batch, struct aq_error *error)
{
    struct batch old = *batch;
    struct writer_request *requests = batch_abort(batch);
    if (batch_begin(batch, old.state, old.index, old.time_ms, error) != 0)
        return -1;
    batch->careful = true;
    while (requests != NULL) {
        struct writer_request *request = requests;
        requests = request->next;
        if (batch_add(batch, request, error) != 0)
            return -1;
    }
    return 0;
}

/* The caller as of now: rights may have ended while the request waited. */
static int find_caller(struct batch *batch, struct writer_request *request)
{
    struct aq_user user;
    struct aq_caller *caller = &batch->caller;
    *caller = request->caller;
    aq_arena_reset(&batch->rights);
    int status = rights_refresh(batch->txn, caller, batch->time_ms, &batch->rights, &request->error);
    if (caller->number == 0 && project_find_author(batch->txn, caller->name, &user, &batch->scratch))
        caller->number = user.number;
    aq_arena_reset(&batch->scratch);
    request->seq = batch->next_seq - 1;
    return status;
}

static void append_request(struct batch *batch, struct writer_request *request)
{
    request->next = NULL;
    *batch->last = request;
    batch->last = &request->next;
    batch->commands += request->count;
}

int batch_add(struct batch *batch, struct writer_request *request, struct aq_error *error)
{
    struct undo_point point;
    struct event_list events = {0};
    struct made made = {0};
    append_request(batch, request);
    if (request->set_aside) {
        request->seq = batch->next_seq - 1;
        return 0; /* it was refused before */
    }
    request->error = (struct aq_error){0};
    request->repeated = false;
    aq_buffer_reset(&request->events);
    aq_buffer_reset(&request->rows);
    aq_buffer_reset(&request->warnings);
    request->changed = false;
    if (find_caller(batch, request) != 0 || answer_repeat(batch, request))
        return 0;
    if (open_undo(batch, request, &point) != 0)
        return 0; /* the transaction has failed: batch_failed() tells */
    bool decided = decide_items(batch, request, &point, &events, &made) == 0;
    request->changed = decided && events.list.count > 0;
    if (decided && !request->dry_run && (events.list.count > 0 || has_key(request)))
        log_decision(batch, request, &events.list, &made);
    request->log_bytes = decided ? batch->bytes - point.bytes : 0;
    if (decided && !request->dry_run && request->wants_rows)
        keep_rows(batch, request);
    if (!decided && point.outer == NULL && batch->next_seq != point.next_seq &&
        !state_failed(batch->txn, &request->error)) {
        request->set_aside = true;
        return start_over(batch, error);
    }
    if (decided && request->dry_run)
        (void)state_failed(batch->txn, &request->error);
    close_undo(batch, &point, decided && !request->dry_run, &request->error);
    request->seq = batch->next_seq - 1;
    if (request->dry_run)
        aq_buffer_text(&request->events, request->events.length ? "]" : "[]");
    return 0;
}

/* ---- the end ------------------------------------------------------------------------------------------ */

void batch_pack(struct batch *batch, uint64_t index, struct aq_buffer *out)
{
    struct aq_entry entry = {
        .format = AQ_ENTRY_FORMAT,
        .previous = {batch->place.hash, AQ_HASH_SIZE},
        .time = batch->time_ms,
        .first_seq = batch->place.seq + 1,
        .decisions = {batch->decisions, batch->count},
    };
    aq_entry_pack(&entry, out);
    struct state_applied place = {.index = index, .seq = batch->next_seq - 1, .time_ms = batch->time_ms};
    aq_entry_hash(out->data, out->length, place.hash);
    state_applied_set(batch->txn, &place);
}

static struct writer_request *end_batch(struct batch *batch)
{
    struct writer_request *requests = batch->first;
    aq_arena_free(&batch->arena);
    aq_arena_free(&batch->scratch);
    aq_arena_free(&batch->rights);
    free(batch->decisions);
    *batch = (struct batch){0};
    return requests;
}

struct writer_request *batch_commit(struct batch *batch, struct aq_error *error)
{
    if (state_commit(batch->txn, error) == 0)
        place_index_keep(batch->index);
    else
        place_index_undo_batch(batch->index);
    return end_batch(batch);
}

struct writer_request *batch_abort(struct batch *batch)
{
    state_end(batch->txn);
    if (batch->count > 0)
        place_index_undo_batch(batch->index);
    else
        place_index_undo(batch->index, 0); /* nothing was decided: what the index remembers is still right */
    return end_batch(batch);
}
