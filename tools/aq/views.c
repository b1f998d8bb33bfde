/* Views of one row: schema/model/view.h. */
#include "schema/base/clock.h"
#include "schema/model/vote.h"
#include "tools/aq/events.h"
#include "tools/aq/nouns.h"
#include "tools/aq/show.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 100000, POLL_MS = 1000 };

/* ---- why ------------------------------------------------------------------------------------------------ */

static enum cli_exit show_text(struct cli *cli, const struct aq_view *view, const char *key)
{
    struct cli_reply reply;
    const struct cli_flags *flags = &cli->options.flags;
    enum cli_exit code = cli_client_get(cli->client, &reply, "/api/v1/%s/%s/%s", view->entity->name, key, view->name);
    const char *text = json_string_value(reply.data);
    if (code != CLI_DONE) {
        (void)cli_reply_fail(&reply);
    } else if (cli_wants_data(flags) || text == NULL) {
        cli_show_data(reply.data ? reply.data : json_null(), flags);
    } else {
        cli_print(text, strlen(text));
        if (text[0] != '\0' && text[strlen(text) - 1] != '\n')
            cli_print("\n", 1);
    }
    cli_reply_close(&reply);
    return code;
}

/* ---- events, votes -------------------------------------------------------------------------------------- */

static enum cli_exit show_events(struct cli *cli, const struct aq_view *view, const char *key)
{
    struct aq_buffer path = {0};
    json_t *rows = NULL;
    uint64_t seq = 0;
    bool more;
    aq_buffer_format(&path, "/api/v1/%s/%s/%s", view->entity->name, key, view->name);
    enum cli_exit code = cli_read_rows(cli, aq_buffer_string(&path), "", ROWS_MAX, &rows, &seq, &more);
    if (code == CLI_DONE && cli_wants_data(&cli->options.flags))
        cli_show_data(rows, &cli->options.flags);
    else if (code == CLI_DONE)
        cli_show_events(rows, &cli->options.flags);
    json_decref(rows);
    aq_buffer_free(&path);
    return code;
}

static enum cli_exit show_votes(struct cli *cli, const struct aq_view *view, const char *key)
{
    struct aq_buffer query = {0};
    json_t *rows = NULL;
    uint64_t seq = 0;
    bool more;
    aq_buffer_format(&query, "&%s=%s", view->entity->name, key);
    enum cli_exit code = cli_read_rows(cli, "/api/v1/vote/", aq_buffer_string(&query), ROWS_MAX, &rows, &seq, &more);
    if (code == CLI_DONE)
        cli_show_rows(&aq_vote_record, rows, &cli->options.flags, true);
    json_decref(rows);
    aq_buffer_free(&query);
    return code;
}

/* ---- log ------------------------------------------------------------------------------------------------ */

/* With `gone`, a resource that no longer exists is not a failure. */
static enum cli_exit read_log(struct cli *cli, const struct aq_view *view, const char *key, struct aq_buffer *bytes,
                              bool *gone)
{
    struct cli_reply reply;
    enum cli_exit code = cli_client_get(cli->client, &reply, "/api/v1/%s/%s/%s?size=%" PRIu64, view->entity->name, key,
                                        view->name, cli->options.flags.size);
    const char *text = json_string_value(reply.data);
    aq_buffer_reset(bytes);
    if (gone != NULL && reply.status == aq_error_http(AQ_E_NOT_FOUND)) {
        *gone = true;
        code = CLI_DONE;
    } else if (code != CLI_DONE) {
        (void)cli_reply_fail(&reply);
    } else if (text == NULL) {
        code = cli_fail(CLI_SERVER, "the server's answer contains no %s", view->name);
    } else if (json_is_true(json_object_get(reply.json, "base64"))) {
        size_t length = strlen(text), used = 0;
        unsigned char *raw = aq_malloc(length / 4 * 3 + 3);
        if (sodium_base642bin(raw, length / 4 * 3 + 3, text, length, NULL, &used, NULL,
                              sodium_base64_VARIANT_ORIGINAL) == 0)
            aq_buffer_add(bytes, raw, used);
        else
            code = cli_fail(CLI_SERVER, "the server's answer is not valid base64");
        free(raw);
    } else {
        aq_buffer_add(bytes, text, json_string_length(reply.data));
    }
    cli_reply_close(&reply);
    return code;
}

size_t cli_log_overlap(const struct aq_buffer *old, const struct aq_buffer *new)
{
    const char *before = aq_buffer_string(old), *now = aq_buffer_string(new);
    for (size_t start = 0; start < old->length; start++) {
        size_t rest = old->length - start;
        if (rest <= new->length && memcmp(before + start, now, rest) == 0)
            return rest;
    }
    return 0;
}

/* Asks again each second, and shows what came after `old`, which was shown. Ends when the resource is gone or --timeout
 * is over. */
static enum cli_exit follow_log(struct cli *cli, const struct aq_view *view, const char *key, struct aq_buffer *old)
{
    struct aq_buffer new = {0};
    const uint64_t timeout_s = cli->options.flags.timeout, begun_ms = aq_clock_ms();
    enum cli_exit code = CLI_DONE;
    for (bool gone = false;;) {
        code = cli_say_close();
        uint64_t spent_ms = aq_clock_ms() - begun_ms, left_ms = timeout_s * 1000 - spent_ms;
        if (code == CLI_DONE && timeout_s > 0 && spent_ms >= timeout_s * 1000)
            code = cli_fail(CLI_FAILED, "%s %s is still there after %" PRIu64 " s", view->entity->name, key, timeout_s);
        if (code != CLI_DONE)
            break;
        cli_sleep_ms(timeout_s > 0 && left_ms < POLL_MS ? left_ms : POLL_MS);
        code = read_log(cli, view, key, &new, &gone);
        if (code != CLI_DONE || gone)
            break;
        size_t shown = cli_log_overlap(old, &new);
        cli_print(aq_buffer_string(&new) + shown, new.length - shown);
        struct aq_buffer swap = *old;
        *old = new;
        new = swap;
    }
    aq_buffer_free(&new);
    return code;
}

static enum cli_exit show_log(struct cli *cli, const struct aq_view *view, const char *key)
{
    struct aq_buffer old = {0};
    enum cli_exit code = read_log(cli, view, key, &old, NULL);
    if (code == CLI_DONE && cli_wants_data(&cli->options.flags)) {
        json_t *text = json_stringn(aq_buffer_string(&old), old.length);
        cli_show_data(text ? text : json_null(), &cli->options.flags);
        json_decref(text);
    } else if (code == CLI_DONE) {
        cli_print(aq_buffer_string(&old), old.length);
    }
    if (code == CLI_DONE && cli->options.flags.follow)
        code = follow_log(cli, view, key, &old);
    aq_buffer_free(&old);
    return code;
}

/* ---- all of them ---------------------------------------------------------------------------------------- */

static const struct {
    enum cli_exit (*show)(struct cli *, const struct aq_view *, const char *);
    const char *note; /* what the command line adds to the view's help */
} renderers[aq_view_kind_count] = {
    [AQ_VIEW_WHY] = {show_text, ""},
    [AQ_VIEW_EVENTS] = {show_events, ""},
    [AQ_VIEW_VOTES] = {show_votes, ""},
    [AQ_VIEW_OUTPUT] = {show_log, "; -f follows it"},
};

const struct aq_view *cli_view_at(size_t *index)
{
    const struct aq_view *view;
    while ((view = aq_view_at(*index)) != NULL) {
        ++*index;
        if (renderers[view->kind].show != NULL)
            return view;
    }
    return NULL;
}

const struct aq_view *cli_view_find(const struct aq_entity *entity, const char *name)
{
    const struct aq_view *view = aq_view_of(entity, name);
    return view != NULL && renderers[view->kind].show != NULL ? view : NULL;
}

enum cli_exit cli_view_show(struct cli *cli, const struct aq_view *view, const char *key)
{
    return renderers[view->kind].show(cli, view, key);
}

const char *cli_view_help(const struct aq_view *view, struct aq_buffer *out)
{
    aq_buffer_reset(out);
    aq_buffer_format(out, "%s%s", view->help, renderers[view->kind].note);
    return aq_buffer_string(out);
}
