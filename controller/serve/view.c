/* The views of rows: why, events. */
#include "controller/serve/answer.h"
#include "controller/serve/filter.h"
#include "controller/serve/rows.h"
#include "controller/serve/steps.h"
#include "controller/state/events.h"
#include "controller/state/indexes.h"
#include "controller/state/votes.h"
#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/model/key.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

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
    bool there = votes_why(txn, id, request->now.wall_ms, &text);
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
    if (query_take_number(&request->query, "after", &history.after, &request->error) != 0 ||
        query_take_number(&request->query, "limit", &history.bounds.limit, &request->error) != 0 ||
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
