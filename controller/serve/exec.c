/* The view `exec`: commands in workloads. A session is begun with POST, and then three kinds of requests go on, which
 * may overlap: output with GET, which waits for some; input with POST, which waits for room; the end with DELETE.
 *
 * All of them name positions in the streams (schema/model/exec.h), so a request whose answer was lost can be sent
 * again, and any connection will do: through proxies, over TLS, or on the local socket. The sessions are the hub's
 * (controller/hub/execs.h). */
#include "controller/serve/answer.h"
#include "controller/serve/rows.h"
#include "controller/serve/steps.h"
#include "controller/state/rights.h"
#include "schema/base/utf8.h"
#include "schema/codec/command.h"
#include "schema/codec/json.h"
#include "schema/model/resource.h"

#include <inttypes.h>

/* One request, in its arena. */
struct exec {
    struct hub_exec_call call;
    struct aq_exec_input input;
    struct writer_request request; /* begin */
    struct aq_resource_exec command;
    const void *records[1];
    char ids[1][65];
    uint64_t session;
};

/* ---- with the hub ---------------------------------------------------------------------------------------- */

/* Runs on the hub's thread. The answer's data is in request->out, which is otherwise empty until the next step. */
static void hub_answered(void *context, const struct aq_error *error, uint64_t session,
                         const struct aq_exec_output *output)
{
    struct request *request = context;
    struct exec *exec = request->work;
    if (error->code != AQ_OK)
        request->error = *error;
    exec->session = session;
    aq_buffer_reset(&request->body);
    if (error->code == AQ_OK)
        aq_record_to_json(&aq_exec_output_record, output, &request->body);
    request_wake(request);
}

static enum outcome ask_hub(struct request *request, enum hub_exec_kind kind, request_step *then)
{
    struct exec *exec = request->work;
    exec->call.kind = kind;
    exec->call.caller = &request->caller;
    request->step = then;
    hub_exec(request->backend->hub, &exec->call, hub_answered, request);
    return RESTING;
}

/* ---- whose workload -------------------------------------------------------------------------------------- */

/* It has ended, and the caller might do this while it was there, as far as that is known still. */
static bool is_gone(struct request *request, struct state_txn *txn, const struct state_key *key)
{
    struct aq_ended ended;
    if (state_exists(txn, request->entity, key))
        return false; /* but the caller may not, or not any more */
    return !state_ended(txn, state_key_number_at(key, 0), &ended, &request->arena) ||
           rights_allow_ended(txn, &request->caller, request->permission, &ended);
}

/* What the caller may not do to this resource is told as if it were not there. One that is gone may have left files to
 * copy out, or have a session still, whose output is left: the hub knows whose it is. */
static int find_resource(struct request *request, struct exec *exec)
{
    struct state_txn *txn;
    struct state_key key;
    struct state_packed row;
    if (request_read(request, &txn) != 0)
        return -1;
    int failed = aq_access_check(&request->caller, request->permission, "run commands in workloads", &request->error);
    if (failed == 0)
        failed = row_refer(request, txn, request->entity, request->key, &key, &request->error);
    if (failed == 0 && row_find_key(request, txn, request->entity, &key, &row, &request->error) != 0)
        failed =
            request->error.code != AQ_E_NOT_FOUND || !is_gone(request, txn, &key) || state_failed(txn, &request->error)
                ? -1
                : 0;
    if (failed == 0) {
        request->error = (struct aq_error){0};
        exec->call.resource = state_key_number_at(&key, 0);
    }
    state_end(txn);
    return failed;
}

static int find_session(struct request *request, struct exec *exec)
{
    if (query_number("session", request->segments[5], 1, INT64_MAX, &exec->call.session, &request->error) != 0)
        return -1;
    return find_resource(request, exec);
}

static struct exec *open_work(struct request *request)
{
    struct exec *exec = aq_arena_alloc(&request->arena, sizeof *exec);
    request->work = exec;
    return exec;
}

/* ---- begin ----------------------------------------------------------------------------------------------- */

static enum outcome answer_begun(struct request *request)
{
    const struct exec *exec = request->work;
    if (request->error.code != AQ_OK)
        return answer_error(request);
    answer_open(request, "A command runs in resource %" PRIu64, exec->call.resource);
    aq_buffer_format(&request->out, "{\"resource\":%" PRIu64 ",\"session\":%" PRIu64 "}", exec->call.resource,
                     exec->call.session);
    return answer_close(request);
}

/* The writer's refusal is answered, whatever the hub says to the end of the session. */
static enum outcome answer_refused(struct request *request)
{
    request->error = ((struct exec *)request->work)->request.error;
    return answer_error(request);
}

static enum outcome written(struct request *request)
{
    const struct exec *exec = request->work;
    request_set_seq(request, exec->request.seq);
    if (exec->request.error.code == AQ_OK)
        return ask_hub(request, HUB_EXEC_START, answer_begun);
    return ask_hub(request, HUB_EXEC_END, answer_refused);
}

/* Runs on the writer's thread. */
static void decided(struct writer_request *request)
{
    request_wake(request->context);
}

static enum outcome opened(struct request *request)
{
    struct exec *exec = request->work;
    if (request->error.code != AQ_OK)
        return answer_error(request);
    exec->call.session = exec->command.session = exec->session;
    exec->records[0] = &exec->command;
    exec->request = (struct writer_request){.command = &aq_command_resource_exec,
                                            .records = exec->records,
                                            .count = 1,
                                            .caller = request->caller,
                                            .ids = exec->ids,
                                            .done = decided,
                                            .context = request};
    request->step = written;
    if (writer_submit(request->backend->writer, &exec->request, &exec->request.error) != 0)
        return ask_hub(request, HUB_EXEC_END, answer_refused);
    return RESTING;
}

static int read_body(struct request *request, const struct aq_record *record, void *object)
{
    const struct aq_buffer *body = &request->body;
    if (!aq_utf8_is_good(aq_buffer_string(body), body->length))
        return aq_fail(&request->error, AQ_E_INVALID, "the body is not UTF-8");
    json_auto_t *json = body->length == 0 ? json_object() : aq_json_parse(body->data, body->length, &request->error);
    if (json == NULL)
        return -1;
    if (record == aq_command_resource_exec.record)
        return aq_command_from_json(&aq_command_resource_exec, request->key, json, NULL, object, &request->arena,
                                    &request->error);
    return aq_record_from_json(record, object, json, NULL, &request->arena, &request->error);
}

enum outcome exec_begin(struct request *request)
{
    struct exec *exec = open_work(request);
    if (find_resource(request, exec) != 0 || query_end(&request->query, &request->error) != 0 ||
        read_body(request, aq_command_resource_exec.record, &exec->command) != 0)
        return answer_error(request);
    exec->call.command = &exec->command;
    return ask_hub(request, HUB_EXEC_OPEN, opened);
}

/* ---- input, output, end ------------------------------------------------------------------------------------ */

static enum outcome answer_output(struct request *request)
{
    struct exec again = *(struct exec *)request->work;
    /* The right may have ended meanwhile. */
    if (request->error.code != AQ_OK || find_resource(request, &again) != 0)
        return answer_error(request);
    answer_open(request, "Session %" PRIu64, again.call.session);
    aq_buffer_add(&request->out, request->body.data, request->body.length);
    return answer_close(request);
}

enum outcome exec_send(struct request *request)
{
    struct exec *exec = open_work(request);
    if (find_session(request, exec) != 0 || query_end(&request->query, &request->error) != 0 ||
        read_body(request, &aq_exec_input_record, &exec->input) != 0)
        return answer_error(request);
    exec->call.input = &exec->input;
    return ask_hub(request, HUB_EXEC_SEND, answer_output);
}

enum outcome exec_receive(struct request *request)
{
    struct exec *exec = open_work(request);
    if (find_session(request, exec) != 0 ||
        query_take_number(&request->query, "after", &exec->call.after, &request->error) != 0 ||
        query_end(&request->query, &request->error) != 0)
        return answer_error(request);
    return ask_hub(request, HUB_EXEC_RECEIVE, answer_output);
}

enum outcome exec_end(struct request *request)
{
    struct exec *exec = open_work(request);
    if (find_session(request, exec) != 0 || query_end(&request->query, &request->error) != 0)
        return answer_error(request);
    return ask_hub(request, HUB_EXEC_END, answer_output);
}
