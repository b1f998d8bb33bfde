/* The views of rows: why, events, log. */
#include "controller/serve/answer.h"
#include "controller/serve/filter.h"
#include "controller/serve/rows.h"
#include "controller/serve/steps.h"
#include "controller/state/events.h"
#include "controller/state/indexes.h"
#include "controller/state/votes.h"
#include "schema/base/utf8.h"
#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/model/key.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { LOG_BYTES = 65536, LOG_BYTES_MAX = 1 << 20 };

/* Opens a snapshot, and finds the row of the path and its number. */
static int open_row(struct request *request, struct state_txn **txn, uint64_t *id)
{
    const struct aq_field *key = aq_entity_key(request->entity);
    struct state_packed row;
    if (request_read(request, txn) != 0)
        return -1;
    if (row_find(request, *txn, request->entity, request->key, &row, &request->error) == 0) {
        const void *fields =
            row_fields(request, *txn, request->entity, &row, AQ_FIELD_BIT(request->entity->record, key));
        if (fields != NULL) {
            *id = aq_field_number(key, fields);
            return 0;
        }
        (void)state_failed(*txn, &request->error);
    }
    state_end(*txn);
    return -1;
}

enum outcome view_why(struct request *request)
{
    struct state_txn *txn;
    uint64_t id;
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    if (query_end(&request->query, &request->error) != 0 || open_row(request, &txn, &id) != 0)
        return answer_error(request);
    bool there = votes_why(txn, id, &text);
    bool failed = state_failed(txn, &request->error);
    state_end(txn);
    if (!failed && there) {
        answer_open(request, "Why %s %s is where it is", request->entity->name, request->key);
        aq_json_string(aq_buffer_string(&text), text.length, &request->out);
    }
    if (failed)
        return answer_error(request);
    if (!there && aq_key_not_found(request->entity, aq_key_name(request->key), &request->error) != 0)
        return answer_error(request);
    return answer_close(request);
}

/* ---- events ----------------------------------------------------------------------------------------------- */

struct history {
    struct request *request;
    struct list_bounds bounds;
    uint64_t after, taken, last;
    bool more;
};

static bool take_history_event(void *context, const struct aq_event *event)
{
    struct history *history = context;
    struct aq_buffer *out = &history->request->out;
    if (event->seq <= history->after)
        return true;
    if (history->taken == history->bounds.limit || out->length > LIST_BYTES_MAX) {
        history->more = true;
        return false;
    }
    if (history->taken++ > 0)
        aq_buffer_char(out, ',');
    aq_event_to_json(event, out);
    history->last = event->seq;
    return true;
}

enum outcome view_events(struct request *request)
{
    struct history history = {.request = request, .bounds.limit = LIST_LIMIT};
    struct state_txn *txn;
    uint64_t id;
    if (query_take_number(&request->query, "after", 0, UINT64_MAX, &history.after, &request->error) != 0 ||
        query_take_number(&request->query, "limit", 1, LIST_LIMIT_MAX, &history.bounds.limit, &request->error) != 0 ||
        query_end(&request->query, &request->error) != 0 || open_row(request, &txn, &id) != 0)
        return answer_error(request);
    answer_open(request, "Events of %s %s", request->entity->name, request->key);
    aq_buffer_char(&request->out, '[');
    int status = events_of_application(writer_events(request->backend->writer), txn, id, take_history_event, &history,
                                       &request->error);
    state_end(txn);
    if (status != 0)
        return answer_error(request);
    aq_buffer_char(&request->out, ']');
    answer_member(request, "next");
    if (history.more)
        aq_buffer_u64(&request->out, history.last);
    else
        aq_buffer_text(&request->out, "null");
    return answer_close(request);
}

/* ---- the workload's log ----------------------------------------------------------------------------------- */

/* The newest bytes of a log may begin in the middle of a character, and a log that is being written may end in one.
 * Leaves out the bytes of such characters. */
static void trim_broken_characters(const char **data, size_t *length)
{
    enum { CHARACTER_REST_MAX = 3 };
    for (int i = 0; i < CHARACTER_REST_MAX && *length != 0 && ((unsigned char)**data & 0xC0) == 0x80; i++) {
        (*data)++;
        (*length)--;
    }
    size_t end = *length;
    for (int i = 0; i < CHARACTER_REST_MAX && end > 0; i++) {
        unsigned char c = (unsigned char)(*data)[--end];
        if (c < 0x80)
            return;
        if (c >= 0xC0) { /* the first byte of the last character */
            if (!aq_utf8_is_good(*data + end, *length - end))
                *length = end;
            return;
        }
    }
}

/* The log is in the request's body, which is otherwise unused. */
static enum outcome answer_log(struct request *request)
{
    const struct aq_buffer *bytes = &request->body;
    const char *data = aq_buffer_string(bytes);
    size_t length = bytes->length;
    if (request->error.code != AQ_OK)
        return answer_error(request);
    trim_broken_characters(&data, &length);
    bool text = aq_utf8_is_good(data, length) && memchr(data, '\0', length) == NULL;
    answer_open(request, "Log of %s %s", request->entity->name, request->key);
    if (text) {
        aq_json_string(data, length, &request->out);
    } else {
        struct aq_bytes raw = {(const unsigned char *)bytes->data, bytes->length};
        const struct aq_field field = {.type = AQ_TYPE_BYTES};
        aq_field_to_json(&field, &raw, &request->out);
    }
    answer_member(request, "base64");
    aq_buffer_text(&request->out, text ? "false" : "true");
    return answer_close(request);
}

/* Runs on the hub's thread. */
static void log_arrived(void *context, const struct aq_error *error, const void *data, size_t length)
{
    struct request *request = context;
    if (error->code != AQ_OK)
        request->error = *error;
    else
        aq_buffer_add(&request->body, data, length);
    request_wake(request);
}

/* Nodes keep the logs of workloads for a while after they ended. No row says any more who owned them, so only admins
 * may read them. */
static bool may_read_ended_log(struct request *request, uint64_t *id)
{
    struct state_key key;
    struct aq_error bad = {0};
    if (request->error.code != AQ_E_NOT_FOUND || request->user.role != AQ_ROLE_ADMIN ||
        state_key_from_text(request->entity, request->key, &key, &bad) != 0)
        return false;
    *id = state_key_number_at(&key, 0);
    request->error = (struct aq_error){0};
    return true;
}

enum outcome view_log(struct request *request)
{
    struct state_txn *txn;
    uint64_t id, size = LOG_BYTES;
    if (query_take_number(&request->query, "size", 1, LOG_BYTES_MAX, &size, &request->error) != 0 ||
        query_end(&request->query, &request->error) != 0)
        return answer_error(request);
    if (open_row(request, &txn, &id) == 0)
        state_end(txn);
    else if (!may_read_ended_log(request, &id))
        return answer_error(request);
    aq_buffer_reset(&request->body);
    request->step = answer_log;
    if (hub_fetch(request->backend->hub, id, (size_t)size, log_arrived, request, &request->error) != 0)
        return answer_error(request);
    return RESTING;
}
