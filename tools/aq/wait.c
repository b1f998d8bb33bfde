#include "tools/aq/wait.h"

#include "schema/base/clock.h"
#include "schema/model/application.h"
#include "tools/aq/follow.h"
#include "tools/aq/show.h"

#include <stdlib.h>

enum { LOOK_AGAIN_MS = 5000 /* without an event: check now and then all the same */ };

struct waiting {
    struct cli_client *client;
    enum cli_wish wish;
    uint64_t started_ms;
    json_t *rows; /* as they were last seen, in the order of the keys; null: not yet */
    bool *over;
    size_t left;
    enum cli_exit outcome;
};

static int status_of(const json_t *row)
{
    const char *word = json_string_value(json_object_get(row, "status"));
    return word ? aq_words_find(&aq_application_status_words, word) : -1;
}

bool cli_wait_is_over(const json_t *row, enum cli_wish wish, enum cli_exit *outcome)
{
    int status = status_of(row);
    *outcome = CLI_DONE;
    if (status < 0) {
        *outcome = CLI_FAILED;
        return true;
    }
    if (wish == CLI_WISH_RUNS && status == AQ_ALLOCATED)
        return true;
    if (!aq_application_is_over((enum aq_application_status)status))
        return false;
    bool good = status == AQ_DEALLOCATED || wish == CLI_WISH_OVER;
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

static enum cli_exit look_at(struct waiting *waiting, size_t index, const char *key)
{
    struct cli_reply reply;
    enum cli_exit outcome;
    struct aq_buffer escaped = {0};
    cli_url_escape(key, &escaped);
    enum cli_exit code = cli_client_get(waiting->client, &reply, "/api/v1/application/%s", aq_buffer_string(&escaped));
    aq_buffer_free(&escaped);
    if (code != CLI_DONE) {
        (void)cli_reply_fail(&reply);
        cli_reply_close(&reply);
        return code;
    }
    const json_t *old = json_array_get(waiting->rows, index);
    if (has_moved(json_is_null(old) ? NULL : old, reply.data))
        tell(waiting, key, reply.data);
    json_array_set(waiting->rows, index, reply.data);
    if (cli_wait_is_over(reply.data, waiting->wish, &outcome)) {
        const char *status = json_string_value(json_object_get(reply.data, "status"));
        const char *description = json_string_value(json_object_get(reply.data, "description"));
        if (outcome != CLI_DONE)
            waiting->outcome = cli_fail(outcome, "application %s is in %s: %s", key, status ? status : "?",
                                        description ? description : "");
        waiting->over[index] = true;
        waiting->left--;
    }
    cli_reply_close(&reply);
    return CLI_DONE;
}

static enum cli_exit look(struct waiting *waiting, const json_t *keys)
{
    enum cli_exit code = CLI_DONE;
    for (size_t i = 0; i < json_array_size(keys) && code == CLI_DONE; i++)
        if (!waiting->over[i])
            code = look_at(waiting, i, json_string_value(json_array_get(keys, i)));
    return code;
}

static enum cli_exit time_is_over(const struct waiting *waiting, const json_t *keys, uint64_t timeout_s)
{
    for (size_t i = 0; i < json_array_size(keys); i++) {
        const json_t *row = json_array_get(waiting->rows, i);
        const char *status = json_string_value(json_object_get(row, "status"));
        if (!waiting->over[i])
            (void)cli_fail(CLI_FAILED, "application %s is still in %s after %u s: see aq application %s why",
                           json_string_value(json_array_get(keys, i)), status ? status : "?", (unsigned)timeout_s,
                           json_string_value(json_array_get(keys, i)));
    }
    return CLI_FAILED;
}

static enum cli_exit wait_all(struct waiting *waiting, struct cli_follow *follow, const json_t *keys,
                              uint64_t timeout_s)
{
    for (;;) {
        enum cli_exit code = look(waiting, keys);
        if (code != CLI_DONE || waiting->left == 0)
            return code;
        uint64_t spent_ms = aq_clock_ms() - waiting->started_ms;
        if (spent_ms >= timeout_s * 1000)
            return time_is_over(waiting, keys, timeout_s);
        uint64_t left_ms = timeout_s * 1000 - spent_ms;
        enum cli_next next = cli_follow_change(follow, left_ms < LOOK_AGAIN_MS ? (int)left_ms : LOOK_AGAIN_MS);
        if (next == CLI_NEXT_BROKEN)
            return cli_follow_fail(follow);
    }
}

/* The last known state of all; one that was never seen is left out. */
static void show(const struct waiting *waiting, const struct cli_options *options)
{
    json_t *seen = json_array(), *row;
    size_t index;
    json_array_foreach (waiting->rows, index, row)
        if (!json_is_null(row))
            json_array_append(seen, row);
    if (cli_wants_data(&options->flags) && json_array_size(seen) == 1)
        cli_show_data(json_array_get(seen, 0), &options->flags);
    else if (json_array_size(seen) > 0)
        cli_show_rows(&aq_application_record, seen, &options->flags, true);
    json_decref(seen);
}

enum cli_exit cli_wait(struct cli_client *client, const struct cli_options *options, const json_t *keys, uint64_t seq,
                       enum cli_wish wish)
{
    size_t count = json_array_size(keys);
    uint64_t timeout_s = options->flags.timeout > 0 ? options->flags.timeout : CLI_WAIT_S;
    struct waiting waiting = {.client = client,
                              .wish = wish,
                              .started_ms = aq_clock_ms(),
                              .rows = json_array(),
                              .over = aq_calloc(count, sizeof(bool)),
                              .left = count};
    for (size_t i = 0; i < count; i++)
        json_array_append_new(waiting.rows, json_null());
    struct cli_follow *follow = cli_follow_open(client, &(struct cli_follow_options){.since = seq, .forever = true});
    enum cli_exit code = wait_all(&waiting, follow, keys, timeout_s);
    show(&waiting, options);
    cli_follow_close(follow);
    json_decref(waiting.rows);
    free(waiting.over);
    return code != CLI_DONE ? code : waiting.outcome;
}
