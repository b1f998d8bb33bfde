#include "controller/hub/exec_session.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { ORDER_BYTES_MAX = 64 << 10 /* of input in one order */ };

void exec_call_finish(struct exec_call *call, const struct aq_error *error, uint64_t session,
                      const struct aq_exec_output *output)
{
    static const struct aq_error none;
    static const struct aq_exec_output nothing = {.reason = ""};
    call->done(call->context, error != NULL ? error : &none, session, output != NULL ? output : &nothing);
    free(call);
}

uint64_t exec_session_in_end(const struct hub_session *session)
{
    return session->taken + session->in.length;
}

static uint64_t out_end(const struct hub_session *session)
{
    return session->first + session->out.length;
}

static void drop_front(struct aq_buffer *buffer, size_t length)
{
    aq_assert(length <= buffer->length);
    if (length == 0)
        return; /* there may be no bytes at all */
    memmove(buffer->data, buffer->data + length, buffer->length - length);
    buffer->length -= length;
}

/* ---- with the agent ---------------------------------------------------------------------------------------- */

bool exec_session_is_due(const struct hub_session *session)
{
    if (!session->started)
        return false;
    if (session->over)
        return session->at_agent && session->end_due;
    return session->start_due || session->end_due || session->size_due ||
           session->in_sent < exec_session_in_end(session) || (session->in_over && !session->over_sent) ||
           session->first + AQ_EXEC_WINDOW >= session->allowed_sent + AQ_EXEC_WINDOW / 4;
}

size_t exec_session_fill_order(struct hub_session *session, struct aq_exec_order *order)
{
    const size_t sent = session->in_sent - session->taken, left = session->in.length - sent;
    const size_t length = left < ORDER_BYTES_MAX ? left : ORDER_BYTES_MAX;
    *order = (struct aq_exec_order){.session = session->number,
                                    .resource = session->resource,
                                    .start = session->start_due,
                                    .term = "",
                                    .allowed = session->first + AQ_EXEC_WINDOW,
                                    .end = session->ending};
    if (session->start_due) {
        order->arguments = session->command.arguments;
        order->terminal = session->command.terminal;
        order->term = session->command.term;
    }
    order->input = (struct aq_exec_input){.position = session->in_sent,
                                          .columns = session->size_due ? session->columns : 0,
                                          .rows = session->size_due ? session->rows : 0};
    if (length > 0)
        order->input.data = (struct aq_bytes){(const unsigned char *)session->in.data + sent, length};
    order->input.over = session->in_over && length == left;
    session->in_sent += length;
    session->over_sent = order->input.over;
    session->start_due = session->end_due = session->size_due = false;
    session->allowed_sent = order->allowed;
    return length;
}

void exec_session_send_again(struct hub_session *session)
{
    session->start_due = session->started;
    session->end_due = session->ending;
    session->size_due = session->columns != 0 || session->rows != 0;
    session->in_sent = session->taken;
    session->over_sent = false;
    session->allowed_sent = 0;
}

bool exec_session_take_output(struct hub_session *session, const struct aq_exec_output *output, uint64_t now_ms)
{
    const uint64_t end = out_end(session), known = end - output->position;
    if (output->taken > session->taken && output->taken <= session->in_sent) {
        drop_front(&session->in, output->taken - session->taken);
        session->taken = output->taken;
        session->moved_ms = now_ms;
    }
    if (output->position > end || output->position + output->data.length > session->first + AQ_EXEC_WINDOW)
        return false;
    if (known < output->data.length) {
        aq_buffer_add(&session->out, output->data.data + known, output->data.length - known);
        session->moved_ms = now_ms;
    }
    return true;
}

/* ---- with the client --------------------------------------------------------------------------------------- */

bool exec_session_take_input(struct hub_session *session, const struct aq_exec_input *input, struct aq_error *error)
{
    const uint64_t end = exec_session_in_end(session), known = end - input->position;
    if (input->position > end) {
        aq_fail(error, AQ_E_INVALID, "position is %" PRIu64 ", but only %" PRIu64 " bytes of input have come",
                input->position, end);
        return false;
    }
    if (input->columns != 0 && input->rows != 0) {
        session->columns = input->columns;
        session->rows = input->rows;
        session->size_due = true;
    }
    if (known > input->data.length || session->in_over) /* it came before, with more */
        return false;
    const size_t more = input->data.length - (size_t)known, room = AQ_EXEC_WINDOW - session->in.length;
    const size_t length = more < room ? more : room;
    if (length > 0)
        aq_buffer_add(&session->in, input->data.data + known, length);
    session->in_over = input->over && length == more;
    return more > 0 && length == 0;
}

int exec_session_take_position(struct hub_session *session, uint64_t after, struct aq_error *error)
{
    if (after < session->first || after > out_end(session))
        return aq_fail(error, AQ_E_INVALID, "after is %" PRIu64 "; must be %" PRIu64 " to %" PRIu64, after,
                       session->first, out_end(session));
    drop_front(&session->out, after - session->first);
    session->first = after;
    return 0;
}

void exec_session_tell_receiver(struct hub_session *session)
{
    struct exec_call *call = session->receiver;
    if (call == NULL || (session->out.length == 0 && !session->over))
        return;
    const size_t length = session->out.length < AQ_EXEC_DATA_MAX ? session->out.length : AQ_EXEC_DATA_MAX;
    const bool over = session->over && length == session->out.length;
    const struct aq_exec_output output = {.position = session->first,
                                          .data = {(const unsigned char *)session->out.data, length},
                                          .taken = session->taken,
                                          .over = over,
                                          .exit_status = over ? session->exit_status : 0,
                                          .reason = over ? session->reason : ""};
    session->receiver = NULL;
    exec_call_finish(call, NULL, session->number, &output);
}

void exec_session_tell_nothing(struct hub_session *session, struct exec_call **place, uint64_t taken)
{
    const struct aq_exec_output output = {.position = session->first, .taken = taken, .reason = ""};
    struct exec_call *call = *place;
    *place = NULL;
    if (call != NULL)
        exec_call_finish(call, NULL, session->number, &output);
}
