/* Views of one row: schema/model/view.h. */
#include "schema/model/vote.h"
#include "tools/aq/can.h"
#include "tools/aq/events.h"
#include "tools/aq/figures.h"
#include "tools/aq/order.h"
#include "tools/aq/output.h"
#include "tools/aq/show.h"

#include <inttypes.h>
#include <string.h>

enum { ROWS_MAX = 100000 };

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

/* The first or the last ones, as --limit or --lines says. */
static void cut(const struct cli *cli, json_t *rows)
{
    const struct cli_flags *flags = &cli->options.flags;
    if (flags->limit > 0)
        cli_order_cut(rows, flags->limit, false);
    if (cli_options_gave(&cli->options, "lines"))
        cli_order_cut(rows, flags->lines, true);
}

static enum cli_exit show_events(struct cli *cli, const struct aq_view *view, const char *key)
{
    struct aq_buffer path = {0};
    json_t *rows = NULL;
    uint64_t seq = 0;
    bool more;
    aq_buffer_format(&path, "/api/v1/%s/%s/%s", view->entity->name, key, view->name);
    struct cli_rows wanted = {.path = aq_buffer_string(&path), .query = "", .most = ROWS_MAX};
    enum cli_exit code = cli_read_rows(cli, &wanted, &rows, &seq, &more);
    if (code == CLI_DONE)
        cut(cli, rows);
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
    struct cli_rows wanted = {.path = "/api/v1/vote/", .query = aq_buffer_string(&query), .most = ROWS_MAX};
    enum cli_exit code = cli_read_rows(cli, &wanted, &rows, &seq, &more);
    if (code == CLI_DONE)
        cut(cli, rows);
    if (code == CLI_DONE)
        cli_show_rows(&aq_vote_record, rows, &cli->options.flags, true);
    json_decref(rows);
    aq_buffer_free(&query);
    return code;
}

/* ---- log ------------------------------------------------------------------------------------------------ */

static enum cli_exit show_log(struct cli *cli, const struct aq_view *view, const char *key)
{
    const struct cli_flags *flags = &cli->options.flags;
    const struct cli_output output = {.follow = flags->follow,
                                      .size = cli_options_gave(&cli->options, "size") ? flags->size : 0,
                                      .lines = cli_options_gave(&cli->options, "lines") ? flags->lines : CLI_ALL_LINES,
                                      .timeout_s = flags->timeout};
    return cli_output_show(cli, view->entity, key, &output);
}

/* ---- can ------------------------------------------------------------------------------------------------- */

static enum cli_exit show_rights(struct cli *cli, const struct aq_view *view, const char *key)
{
    return cli_show_rights(cli, view->entity->name, key);
}

/* ---- all of them ---------------------------------------------------------------------------------------- */

static const struct {
    enum cli_exit (*show)(struct cli *, const struct aq_view *, const char *);
    const char *note; /* what the command line adds to the view's help */
} renderers[aq_view_kind_count] = {
    [AQ_VIEW_WHY] = {show_text, ""},
    [AQ_VIEW_EVENTS] = {show_events, ""},
    [AQ_VIEW_VOTES] = {show_votes, ""},
    [AQ_VIEW_RIGHTS] = {show_rights, ""},
    [AQ_VIEW_LOAD] = {cli_show_load, "; --since 2h shows more"},
    [AQ_VIEW_OUTPUT] = {show_log, "; -f follows it to its end, -n 20 shows its last lines"},
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
