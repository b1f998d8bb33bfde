#include "tools/aq/events.h"

#include "schema/base/clock.h"
#include "schema/model/event.h"
#include "tools/aq/follow.h"
#include "tools/aq/show.h"
#include "tools/aq/suggest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { VERIFY_S = 3600 };

/* ---- one event ------------------------------------------------------------------------------------------ */

static const struct aq_record *record_of(const char *event)
{
    const struct aq_event_type *type;
    for (size_t i = 0; event != NULL && (type = aq_event_type_at(i)) != NULL; i++)
        if (strcmp(type->record->name, event) == 0)
            return type->record;
    return NULL;
}

/* What happened, as name=value words; empty ones are left out, and of lists of records only the length is shown. */
static void add_data(const char *event, const json_t *data, struct aq_buffer *line)
{
    const struct aq_record *record = record_of(event);
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)data, name, value) {
        const struct aq_field *field = record ? aq_record_field(record, name) : NULL;
        struct aq_buffer text = {0};
        if (json_is_array(value) && json_is_object(json_array_get(value, 0)))
            aq_buffer_format(&text, "[%zu]", json_array_size(value));
        else
            cli_cell(field, value, aq_clock_wall_ms(), &text);
        const char *shown = aq_buffer_string(&text);
        bool spaced = strchr(shown, ' ') != NULL && shown[0] != '{';
        if (strcmp(shown, "-") != 0 && strcmp(shown, "{}") != 0)
            aq_buffer_format(line, "  %s=%s%s%s", name, spaced ? "\"" : "", shown, spaced ? "\"" : "");
        aq_buffer_free(&text);
    }
}

static const char *member(const json_t *event, const char *name)
{
    const char *text = json_string_value(json_object_get(event, name));
    return text ? text : "-";
}

void cli_show_event(const json_t *event, const struct cli_flags *flags)
{
    if (cli_wants_data(flags)) {
        cli_show_item(event, flags);
        return;
    }
    struct aq_buffer line = {0}, clean = {0};
    json_t *seq = json_object_get(event, "seq");
    if (json_is_integer(seq)) /* a dry run's events have none */
        aq_buffer_format(&line, "%" JSON_INTEGER_FORMAT, json_integer_value(seq));
    if (!flags->quiet) {
        const char *name = member(event, "event");
        if (json_is_integer(seq))
            aq_buffer_format(&line, "  %s  %s  ", member(event, "time"), member(event, "author"));
        aq_buffer_text(&line, name);
        add_data(name, json_object_get(event, "data"), &line);
    }
    cli_clean(aq_buffer_string(&line), line.length, false, &clean); /* one event stays one line */
    aq_buffer_char(&clean, '\n');
    cli_print_raw(&clean);
    aq_buffer_free(&line);
    aq_buffer_free(&clean);
}

void cli_show_events(const json_t *rows, const struct cli_flags *flags)
{
    size_t index;
    json_t *event;
    json_array_foreach ((json_t *)rows, index, event)
        cli_show_event(event, flags);
}

/* ---- streams -------------------------------------------------------------------------------------------- */

struct tail {
    struct cli *cli;
    struct cli_follow_options options;
    uint64_t most; /* events to show; 0: no limit */
};

/* -1: no limit. */
static int left_until(uint64_t end_ms)
{
    uint64_t now = aq_clock_ms();
    return end_ms == 0 ? -1 : end_ms > now ? (int)(end_ms - now) : 0;
}

/* Shows events until the stream ends, `most` were shown or --timeout is over; counts them in `shown`. */
static enum cli_exit show_stream(const struct tail *tail, uint64_t *shown)
{
    const uint64_t timeout_s = tail->options.forever ? tail->cli->options.flags.timeout : 0;
    const uint64_t end_ms = timeout_s > 0 ? aq_clock_ms() + timeout_s * 1000 : 0;
    struct cli_follow *follow = cli_follow_open(tail->cli->client, &tail->options);
    enum cli_exit code = CLI_DONE;
    struct cli_event event;
    enum cli_next next = CLI_NEXT_QUIET;
    *shown = 0;
    while (code == CLI_DONE && next != CLI_NEXT_ENDED && (tail->most == 0 || *shown < tail->most) &&
           left_until(end_ms) != 0) {
        next = cli_follow_next(follow, *shown > 0 && tail->options.forever ? 0 : left_until(end_ms), &event);
        if (next == CLI_NEXT_QUIET) { /* nothing more for now: print what there is */
            code = cli_say_close();
            if (code == CLI_DONE)
                next = cli_follow_next(follow, left_until(end_ms), &event);
        }
        if (next == CLI_NEXT_BROKEN)
            code = cli_follow_fail(follow);
        if (next != CLI_NEXT_EVENT || code != CLI_DONE)
            continue;
        json_error_t unused;
        json_t *json = json_loadb(event.text, event.length, 0, &unused);
        if (json == NULL)
            code = cli_fail(CLI_SERVER, "event %" PRIu64 " is not valid JSON", event.seq);
        else
            cli_show_event(json, &tail->cli->options.flags);
        json_decref(json);
        (*shown)++;
    }
    cli_follow_close(follow);
    return code;
}

/* The entity that --entity or a word names; NULL: all. */
static enum cli_exit find_entity(const char *const *words, unsigned count, const char **name)
{
    struct cli_suggest suggest = {.word = count > 0 ? words[0] : ""};
    *name = NULL;
    if (count == 0)
        return CLI_DONE;
    const struct aq_entity *entity = aq_entity_find(words[0]);
    if (entity != NULL)
        *name = entity->name;
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++)
        cli_suggest_try(&suggest, entity->plural);
    if (count > 1)
        return cli_fail(CLI_USAGE, "events takes one entity at most: aq events [ENTITY]");
    if (*name == NULL)
        return cli_fail(CLI_USAGE, "there is no entity \"%.64s\"%s%s%s", words[0],
                        suggest.best ? "; did you mean " : "", suggest.best ? suggest.best : "",
                        suggest.best ? "?" : "");
    return CLI_DONE;
}

enum cli_exit cli_events(struct cli *cli, const char *const *words, unsigned count)
{
    const struct cli_flags *flags = &cli->options.flags;
    struct tail tail = {.cli = cli, .most = flags->limit};
    uint64_t shown;
    enum cli_exit code = find_entity(words, count, &tail.options.entity);
    if (code != CLI_DONE)
        return code;
    tail.options.since = flags->since;
    tail.options.forever = flags->follow || flags->watch;
    return show_stream(&tail, &shown);
}

/* ---- the log -------------------------------------------------------------------------------------------- */

/* The seq of the last event: every answer carries it. */
static enum cli_exit read_seq(struct cli *cli, uint64_t *seq)
{
    struct cli_reply reply;
    enum cli_exit code = cli_client_get(cli->client, &reply, "/api/v1/%s/?limit=1", aq_entity_at(0)->name);
    *seq = reply.seq;
    if (code != CLI_DONE)
        (void)cli_reply_fail(&reply);
    cli_reply_close(&reply);
    return code;
}

static enum cli_exit log_tail(struct cli *cli)
{
    const struct cli_flags *flags = &cli->options.flags;
    uint64_t seq = 0, shown;
    enum cli_exit code = read_seq(cli, &seq);
    if (code != CLI_DONE)
        return code;
    struct tail tail = {.cli = cli};
    tail.options.since = cli_options_gave(&cli->options, "since") ? flags->since
                         : seq > flags->lines                     ? seq - flags->lines
                                                                  : 0;
    tail.options.forever = flags->follow || flags->watch;
    return show_stream(&tail, &shown);
}

static enum cli_exit log_show(struct cli *cli, const char *word)
{
    char *end;
    struct tail tail = {.cli = cli, .most = 1};
    uint64_t shown, seq = strtoull(word, &end, 10), last = 0;
    if (word[0] < '0' || word[0] > '9' || *end != '\0' || seq == 0)
        return cli_fail(CLI_USAGE, "seq is \"%.64s\", but must be a whole number, from 1", word);
    enum cli_exit code = read_seq(cli, &last);
    if (code != CLI_DONE)
        return code;
    if (seq > last)
        return cli_fail(CLI_REFUSED, "there is no event %" PRIu64 " yet: the last one is %" PRIu64, seq, last);
    tail.options.since = seq - 1;
    return show_stream(&tail, &shown);
}

static enum cli_exit log_verify(struct cli *cli)
{
    struct cli_reply reply;
    const struct cli_flags *flags = &cli->options.flags;
    struct cli_request request = {.method = "GET", .path = "/api/v1/log/verify"};
    request.timeout_s = cli_options_gave(&cli->options, "timeout") ? (unsigned)flags->timeout : VERIFY_S;
    enum cli_exit code = cli_client_ask(cli->client, &request, &reply);
    const char *report = json_string_value(reply.data);
    if (code == CLI_DONE && cli_wants_data(flags)) {
        cli_show_data(reply.data ? reply.data : json_null(), flags);
    } else if (code == CLI_DONE) {
        const char *text = report ? report : reply.message;
        cli_print(text, strlen(text));
        if (text[0] == '\0' || text[strlen(text) - 1] != '\n')
            cli_print("\n", 1);
    } else {
        /* A damaged log is the answer to the request, not a failure of it. */
        const char *error = json_string_value(json_object_get(reply.json, "error"));
        if (error != NULL && aq_error_from_name(error) == AQ_E_CORRUPT)
            reply.exit = CLI_FAILED;
        code = cli_reply_fail(&reply);
    }
    cli_reply_close(&reply);
    return code;
}

static enum cli_exit show_event(struct cli *cli, const struct cli_event *event)
{
    json_error_t unused;
    json_t *json = json_loadb(event->text, event->length, 0, &unused);
    if (json == NULL)
        return cli_fail(CLI_SERVER, "event %" PRIu64 " is not valid JSON", event->seq);
    cli_show_event(json, &cli->options.flags);
    json_decref(json);
    return CLI_DONE;
}

/* All events about one row, from the log; also those of an application that has left the tables. */
static enum cli_exit log_show_row(struct cli *cli, const char *entity, const char *key)
{
    const struct aq_entity *of = aq_entity_find(entity);
    enum cli_exit code = CLI_DONE;
    struct cli_event event;
    enum cli_next next;
    uint64_t shown = 0;
    if (of == NULL)
        return cli_fail(CLI_USAGE, "there is no entity \"%.64s\": see aq help", entity);
    const struct cli_follow_options options = {.entity = of->name, .key = key};
    struct cli_follow *follow = cli_follow_open(cli->client, &options);
    while (code == CLI_DONE && (next = cli_follow_next(follow, -1, &event)) != CLI_NEXT_ENDED) {
        if (next == CLI_NEXT_BROKEN)
            code = cli_follow_fail(follow);
        if (next == CLI_NEXT_EVENT) {
            code = show_event(cli, &event);
            shown++;
        }
    }
    cli_follow_close(follow);
    if (code == CLI_DONE && shown == 0)
        code = cli_fail(CLI_REFUSED, "the log has no event about %s %.64s", of->name, key);
    return code;
}

enum cli_exit cli_log(struct cli *cli, const char *const *words, unsigned count)
{
    struct cli_suggest suggest = {.word = count > 0 ? words[0] : ""};
    if (count == 1 && strcmp(words[0], "tail") == 0)
        return log_tail(cli);
    if (count == 1 && strcmp(words[0], "show") == 0)
        return cli_events(cli, NULL, 0);
    if (count == 2 && strcmp(words[0], "show") == 0)
        return log_show(cli, words[1]);
    if (count == 3 && strcmp(words[0], "show") == 0)
        return log_show_row(cli, words[1], words[2]);
    if (count == 1 && strcmp(words[0], "verify") == 0)
        return log_verify(cli);
    cli_suggest_try(&suggest, "tail");
    cli_suggest_try(&suggest, "show");
    cli_suggest_try(&suggest, "verify");
    if (suggest.best != NULL && suggest.distance > 0)
        return cli_fail(CLI_USAGE, "log has no verb \"%.64s\"; did you mean %s?", words[0], suggest.best);
    return cli_fail(CLI_USAGE, "it is: aq log tail [-f] [-n 20], aq log show [SEQ | ENTITY KEY], or aq log verify");
}
