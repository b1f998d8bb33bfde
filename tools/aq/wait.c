#include "tools/aq/wait.h"

#include "schema/base/clock.h"
#include "schema/model/application.h"
#include "tools/aq/follow.h"
#include "tools/aq/interrupt.h"
#include "tools/aq/show.h"

#include <stdlib.h>

enum { LOOK_AGAIN_MS = 5000 /* without an event: check now and then all the same */ };

struct waiting {
    struct cli_wait *wait;
    uint64_t started_ms, end_ms;
    bool *over;
    size_t left;
    enum cli_exit outcome;
};

int cli_status_of(const json_t *row)
{
    const char *word = json_string_value(json_object_get(row, "status"));
    return word ? aq_words_find(&aq_application_status_words, word) : -1;
}

/* The statuses that an application goes through when all is well, in order. */
static bool has_passed(int status, int wanted)
{
    return status >= wanted && status <= AQ_DEALLOCATED;
}

bool cli_wait_is_over(const json_t *row, enum cli_wish wish, int wanted, enum cli_exit *outcome)
{
    int status = cli_status_of(row);
    *outcome = CLI_DONE;
    if (status < 0) {
        *outcome = CLI_FAILED;
        return true;
    }
    if (wish == CLI_WISH_RUNS && status == AQ_ALLOCATED)
        return true;
    if (wish == CLI_WISH_STATUS && (status == wanted || has_passed(status, wanted)))
        return true;
    if (!aq_application_is_over((enum aq_application_status)status))
        return false;
    bool good = wish == CLI_WISH_OVER || (wish == CLI_WISH_RUNS && status == AQ_DEALLOCATED);
    *outcome = good ? CLI_DONE : CLI_FAILED;
    return true;
}

/* One move, with the time that it took. */
static void tell(const struct waiting *waiting, const char *key, const json_t *row)
{
    const char *status = json_string_value(json_object_get(row, "status"));
    const char *node = json_string_value(json_object_get(row, "node"));
    const char *description = json_string_value(json_object_get(row, "description"));
    double seconds = (double)(aq_clock_ms() - waiting->started_ms) / 1000;
    cli_note("%6.1fs  application %s  %s%s%s%s%s", seconds, key, status ? status : "?", node ? "  on " : "",
             node ? node : "", description && description[0] ? "  " : "", description ? description : "");
}

static bool has_moved(const json_t *old, const json_t *row)
{
    static const char *const fields[] = {"status", "node", "description"};
    for (size_t i = 0; i < AQ_LENGTH(fields); i++)
        if (old == NULL || !json_equal(json_object_get(old, fields[i]), json_object_get(row, fields[i])))
            return true;
    return false;
}

static void take_row(struct waiting *waiting, size_t index, const char *key, const json_t *row)
{
    struct cli_wait *wait = waiting->wait;
    const json_t *old = json_array_get(wait->rows, index);
    enum cli_exit outcome;
    if (!wait->silent && has_moved(json_is_null(old) ? NULL : old, row))
        tell(waiting, key, row);
    json_array_set(wait->rows, index, (json_t *)row);
    if (!cli_wait_is_over(row, wait->wish, wait->status, &outcome))
        return;
    const char *status = json_string_value(json_object_get(row, "status"));
    const char *description = json_string_value(json_object_get(row, "description"));
    if (outcome != CLI_DONE && !wait->silent && !wait->no_verdict)
        (void)cli_fail(outcome, "application %s is in %s: %s", key, status ? status : "?",
                       description ? description : "");
    waiting->outcome = outcome != CLI_DONE ? outcome : waiting->outcome;
    waiting->over[index] = true;
    waiting->left--;
}

/* An answer that another try would not change. */
static bool is_definite(const struct cli_reply *reply)
{
    struct cli_http_end end = {.fault = CLI_FAULT_NONE, .status = reply->status};
    return reply->status != 0 && !cli_may_repeat(&end, false);
}

static enum cli_exit look_at(struct waiting *waiting, size_t index, const char *key)
{
    struct cli_reply reply;
    struct aq_buffer escaped = {0};
    cli_url_escape(key, &escaped);
    enum cli_exit code =
        cli_client_get(waiting->wait->client, &reply, "/api/v1/application/%s", aq_buffer_string(&escaped));
    aq_buffer_free(&escaped);
    if (code == CLI_DONE)
        take_row(waiting, index, key, reply.data);
    else if (is_definite(&reply))
        (void)cli_reply_fail(&reply);
    else
        code = CLI_DONE; /* the time is over, or it was interrupted: the caller sees */
    cli_reply_close(&reply);
    return code;
}

static enum cli_exit look(struct waiting *waiting)
{
    const json_t *keys = waiting->wait->keys;
    enum cli_exit code = CLI_DONE;
    for (size_t i = 0; i < json_array_size(keys) && code == CLI_DONE; i++)
        if (!waiting->over[i])
            code = look_at(waiting, i, json_string_value(json_array_get(keys, i)));
    return code;
}

static enum cli_exit time_is_over(const struct waiting *waiting)
{
    const struct cli_wait *wait = waiting->wait;
    unsigned spent_s = (unsigned)((aq_clock_ms() - waiting->started_ms + 500) / 1000);
    for (size_t i = 0; i < json_array_size(wait->keys) && !wait->silent; i++) {
        const json_t *row = json_array_get(wait->rows, i);
        const char *status = json_string_value(json_object_get(row, "status"));
        const char *key = json_string_value(json_array_get(wait->keys, i));
        const char *description = json_string_value(json_object_get(row, "description"));
        if (!waiting->over[i])
            (void)cli_fail(CLI_FAILED, "application %s is still in %s after %u s%s%s; see aq application %s why", key,
                           status ? status : "?", spent_s, description && description[0] ? ": " : "",
                           description ? description : "", key);
    }
    return CLI_FAILED;
}

static enum cli_exit wait_all(struct waiting *waiting, struct cli_follow *follow)
{
    struct cli_wait *wait = waiting->wait;
    for (;;) {
        enum cli_exit code = look(waiting);
        wait->end = code != CLI_DONE                   ? CLI_WAIT_BROKEN
                    : waiting->left == 0               ? CLI_WAIT_REACHED
                    : cli_interrupted() != 0           ? CLI_WAIT_INTERRUPTED
                    : aq_clock_ms() >= waiting->end_ms ? CLI_WAIT_TIME_OUT
                                                       : CLI_WAIT_FAILED;
        if (wait->end == CLI_WAIT_TIME_OUT)
            return time_is_over(waiting);
        if (wait->end == CLI_WAIT_INTERRUPTED)
            return CLI_FAILED;
        if (wait->end != CLI_WAIT_FAILED)
            return code;
        uint64_t now_ms = aq_clock_ms(), left_ms = waiting->end_ms > now_ms ? waiting->end_ms - now_ms : 0;
        enum cli_next next = cli_follow_change(follow, left_ms < LOOK_AGAIN_MS ? (int)left_ms : LOOK_AGAIN_MS);
        if (next == CLI_NEXT_BROKEN && cli_client_is_patient(wait->client)) {
            wait->end = CLI_WAIT_BROKEN;
            return cli_follow_fail(follow);
        }
    }
}

void cli_wait_show(const struct cli_wait *wait)
{
    json_t *seen = json_array(), *row;
    size_t index;
    json_array_foreach (wait->rows, index, row)
        if (!json_is_null(row))
            json_array_append(seen, row);
    if (cli_wants_data(&wait->options->flags) && json_array_size(seen) == 1)
        cli_show_data(json_array_get(seen, 0), &wait->options->flags);
    else if (json_array_size(seen) > 0)
        cli_show_rows(&aq_application_record, seen, &wait->options->flags, true);
    json_decref(seen);
}

uint64_t cli_wait_end_ms(const struct cli_options *options)
{
    return aq_clock_ms() + (options->flags.timeout > 0 ? options->flags.timeout : CLI_WAIT_S) * 1000;
}

enum cli_exit cli_wait(struct cli_wait *wait)
{
    size_t count = json_array_size(wait->keys);
    struct waiting waiting = {.wait = wait,
                              .started_ms = aq_clock_ms(),
                              .end_ms = wait->end_ms > 0 ? wait->end_ms : cli_wait_end_ms(wait->options),
                              .over = aq_calloc(count + 1, sizeof(bool)),
                              .left = count};
    wait->rows = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(wait->rows, json_null());
    cli_client_be_patient(wait->client, waiting.end_ms);
    struct cli_follow *follow =
        cli_follow_open(wait->client, &(struct cli_follow_options){.since = wait->seq, .forever = true});
    enum cli_exit code = wait_all(&waiting, follow);
    if (wait->end == CLI_WAIT_REACHED && waiting.outcome != CLI_DONE)
        wait->end = CLI_WAIT_FAILED;
    cli_follow_close(follow);
    cli_client_be_patient(wait->client, 0);
    free(waiting.over);
    return code != CLI_DONE ? code : waiting.outcome;
}
