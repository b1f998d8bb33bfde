/* The view `log`: a workload's output, fetched from its node, also after its end.
 *
 * Positions count the bytes of the output from its beginning, also those that are no longer kept. `next` of an answer
 * is what ?after= of the next request takes. */
#include "controller/serve/answer.h"
#include "controller/serve/parameters.h"
#include "controller/serve/rows.h"
#include "controller/serve/steps.h"
#include "controller/state/rights.h"
#include "schema/base/utf8.h"
#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/model/application.h"
#include "schema/model/key.h"
#include "schema/model/resource.h"

#include <inttypes.h>
#include <string.h>

enum { LOG_BYTES = 65536, FOLLOW_MS = 15000 };

/* One request, in its arena. */
struct output {
    struct aq_ask want;
    uint64_t most; /* bytes in the answer */
    bool over;     /* there will be no other resource that continues this log */
    struct aq_extent extent;
};

/* ---- whose log ------------------------------------------------------------------------------------------ */

/* The row of a resource is gone, but its log may still be on its node. */
static int find_ended(struct request *request, struct state_txn *txn, struct output *output)
{
    struct state_key key;
    struct aq_ended ended;
    struct aq_error bad = {0};
    if (request->error.code != AQ_E_NOT_FOUND || state_key_from_text(request->entity, request->key, &key, &bad) != 0 ||
        !state_ended(txn, state_key_number_at(&key, 0), &ended, &request->arena) ||
        !rights_allow_ended(txn, &request->caller, request->permission, &ended))
        return -1;
    request->error = (struct aq_error){0};
    output->want.resource = state_key_number_at(&key, 0);
    return 0;
}

static int find_of_application(struct request *request, const struct aq_application *application, struct output *output)
{
    output->want.resource = aq_number_or(application->last_resource, 0);
    output->over = aq_application_is_over((enum aq_application_status)application->status);
    if (output->want.resource != 0)
        return 0;
    const char *status = aq_application_status_words.words[application->status];
    if (output->over)
        return aq_fail(&request->error, AQ_E_NOT_FOUND,
                       "application %" PRIu64 " has no log: it was %s before it had a resource", application->id,
                       status);
    return aq_fail(&request->error, AQ_E_STATE, "application %" PRIu64 " has no log yet: it is %s, without a resource",
                   application->id, status);
}

static int find_in(struct request *request, struct state_txn *txn, struct output *output)
{
    struct state_packed row;
    if (row_find(request, txn, request->entity, request->key, &row, &request->error) != 0)
        return request->entity == &aq_entity_resource ? find_ended(request, txn, output) : -1;
    const void *fields = row_fields(request, txn, request->entity, &row, AQ_ALL_FIELDS);
    if (fields == NULL)
        return state_failed(txn, &request->error) ? -1 : aq_fail(&request->error, AQ_E_INTERNAL, "an unread row");
    if (request->entity == &aq_entity_application)
        return find_of_application(request, fields, output);
    output->want.resource = aq_field_number(aq_entity_key(request->entity), fields);
    return 0;
}

static int find_resource(struct request *request, struct output *output)
{
    struct state_txn *txn;
    output->over = true;
    if (request_read(request, &txn) != 0)
        return -1;
    int failed = find_in(request, txn, output);
    state_end(txn);
    return failed;
}

/* ---- what is shown of the bytes -------------------------------------------------------------------------- */

/* The newest bytes begin with the first whole line. One byte more than wanted was asked for, to see whether a line
 * begins after it. */
static void begin_at_line(struct output *output, const char **data, size_t *length)
{
    const char *newline = *length > 0 ? memchr(*data, '\n', *length) : NULL;
    size_t skipped = newline != NULL ? (size_t)(newline - *data) + 1 : 0;
    if (skipped == *length) /* no other line begins here */
        skipped = 0;
    if (*length - skipped > output->most)
        skipped = *length - (size_t)output->most;
    *data += skipped;
    *length -= skipped;
    output->extent.start += skipped;
}

/* The newest bytes may begin in the middle of a character. */
static void skip_broken_character(struct output *output, const char **data, size_t *length)
{
    enum { CHARACTER_REST_MAX = 3 };
    for (int i = 0; i < CHARACTER_REST_MAX && *length != 0 && ((unsigned char)**data & 0xC0) == 0x80; i++) {
        (*data)++;
        (*length)--;
        output->extent.start++;
    }
}

/* A log that is being written may end in the middle of a character: it is left for the next answer, unless nothing else
 * is there. */
static void leave_broken_character(const char *data, size_t *length)
{
    enum { CHARACTER_REST_MAX = 3 };
    size_t end = *length;
    for (int i = 0; i < CHARACTER_REST_MAX && end > 0; i++) {
        unsigned char c = (unsigned char)data[--end];
        if (c < 0x80)
            return;
        if (c >= 0xC0) { /* the first byte of the last character */
            if (!aq_utf8_is_good(data + end, *length - end) && end > 0)
                *length = end;
            return;
        }
    }
}

static void answer_position(struct request *request, const char *name, uint64_t position)
{
    answer_member(request, name);
    aq_buffer_u64(&request->out, position);
}

static void answer_extent(struct request *request, const struct output *output, size_t length)
{
    const struct aq_extent *extent = &output->extent;
    answer_member(request, "resource");
    aq_buffer_u64(&request->out, output->want.resource);
    if (!extent->known)
        return;
    uint64_t next = extent->start + length;
    answer_position(request, "start", extent->start);
    answer_position(request, "next", next);
    answer_position(request, "first", extent->first);
    answer_position(request, "end", extent->end);
    answer_member(request, "complete");
    aq_buffer_text(&request->out, extent->complete && next >= extent->end && output->over ? "true" : "false");
}

/* The log is in the request's body, which is otherwise unused. */
static enum outcome answer_log(struct request *request)
{
    struct output *output = request->work, again = *output;
    const char *data = aq_buffer_string(&request->body);
    size_t length = request->body.length;
    if (request->error.code != AQ_OK || find_resource(request, &again) != 0) /* the right may have ended meanwhile */
        return answer_error(request);
    bool cut = (output->extent.known && output->extent.start > output->extent.first) || length > output->most;
    if (!output->want.onward && cut)
        begin_at_line(output, &data, &length);
    if (!output->want.onward)
        skip_broken_character(output, &data, &length);
    leave_broken_character(data, &length);
    bool text = aq_utf8_is_good(data, length) && memchr(data, '\0', length) == NULL;
    answer_open(request, "Log of %s %s", request->entity->name, request->key);
    if (text) {
        aq_json_string(data, length, &request->out);
    } else {
        struct aq_bytes raw = {(const unsigned char *)data, length};
        const struct aq_field field = {.type = AQ_TYPE_BYTES};
        aq_field_to_json(&field, &raw, &request->out);
    }
    answer_member(request, "base64");
    aq_buffer_text(&request->out, text ? "false" : "true");
    answer_extent(request, output, length);
    return answer_close(request);
}

/* ---- fetching -------------------------------------------------------------------------------------------- */

/* Runs on the hub's thread. */
static void log_arrived(void *context, const struct aq_error *error, const struct aq_told *told)
{
    struct request *request = context;
    struct output *output = request->work;
    if (told == NULL) {
        request->error = *error;
    } else {
        aq_buffer_add(&request->body, told->data.data, told->data.length);
        output->extent = told->extent;
    }
    request_wake(request);
}

static int take_parameters(struct request *request, struct output *output)
{
    struct query *query = &request->query;
    bool follow = false;
    output->most = LOG_BYTES;
    output->want.after = UINT64_MAX;
    if (query_take_number(query, "after", &output->want.after, &request->error) != 0 ||
        query_take_number(query, "size", &output->most, &request->error) != 0 ||
        query_take_bool(query, "follow", &follow, &request->error) != 0 || query_end(query, &request->error) != 0)
        return -1;
    output->want.onward = output->want.after != UINT64_MAX;
    output->want.size = output->most + (output->want.onward || output->most == PARAMETER_LOG_MAX ? 0 : 1);
    output->want.wait_ms = follow ? FOLLOW_MS : 0;
    if (!output->want.onward)
        output->want.after = 0;
    return 0;
}

enum outcome view_log(struct request *request)
{
    struct output *output = aq_arena_alloc(&request->arena, sizeof *output);
    request->work = output;
    if (take_parameters(request, output) != 0 || find_resource(request, output) != 0)
        return answer_error(request);
    aq_buffer_reset(&request->body);
    request->step = answer_log;
    if (hub_fetch(request->backend->hub, &output->want, log_arrived, request, &request->error) != 0)
        return answer_error(request);
    return RESTING;
}
