#include "tools/aq/events.h"

#include "schema/base/clock.h"
#include "schema/codec/number.h"
#include "schema/model/event.h"
#include "tools/aq/follow.h"
#include "tools/aq/show.h"
#include "tools/aq/since.h"
#include "tools/aq/suggest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { VERIFY_S = 3600, TAIL_LINES = 20, WINDOW_LEAST = 256, WINDOW_GROWS = 8 };

/* ---- one event ------------------------------------------------------------------------------------------ */

static const struct aq_record *record_of(const char *event)
{
    const struct aq_event_type *type;
    for (size_t i = 0; event != NULL && (type = aq_event_type_at(i)) != NULL; i++)
        if (strcmp(type->record->name, event) == 0)
            return type->record;
    return NULL;
}

/* A value as one word: in quotes if it has blanks, quotes, backslashes or what a terminal must not see; quotes and
 * backslashes in it are escaped then. */
static void add_word(const char *text, struct aq_buffer *line)
{
    AQ_CLEANUP_BUFFER struct aq_buffer escaped = {0};
    size_t length = strlen(text), size;
    for (size_t i = 0; i < length; i += size) {
        (void)cli_character(text + i, length - i, &size);
        if (text[i] == '"' || text[i] == '\\')
            aq_buffer_char(&escaped, '\\');
        cli_clean(text + i, size, false, &escaped);
    }
    bool plain = strcmp(aq_buffer_string(&escaped), text) == 0 && strchr(text, ' ') == NULL;
    aq_buffer_format(line, plain ? "%s" : "\"%s\"", aq_buffer_string(&escaped));
}

/* Nothing was given: no text, no time, no metadata, a lifetime of 0. Other numbers and truth values are told even then:
 * a node that leaves maintenance is what happened. */
static bool is_nothing(const struct aq_field *field, const json_t *value, const char *shown)
{
    bool no_time = field != NULL && field->type == AQ_TYPE_DURATION && json_integer_value(value) == 0;
    return no_time || strcmp(shown, "-") == 0 || strcmp(shown, "{}") == 0;
}

/* What happened, as name=value words; empty ones are left out, and of lists of records only the length is shown. */
static void add_data(const char *event, const json_t *data, struct aq_buffer *line)
{
    const struct aq_record *record = record_of(event);
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)data, name, value) {
        const struct aq_field *field = record ? aq_record_field(record, name) : NULL;
        const bool is_time = field != NULL && field->type == AQ_TYPE_TIME;
        struct aq_buffer text = {0};
        if (json_is_array(value) && json_is_object(json_array_get(value, 0)))
            aq_buffer_format(&text, "[%zu]", json_array_size(value));
        else
            cli_cell(is_time ? NULL : field, value, aq_clock_wall_ms(), &text); /* a time itself, not how long ago */
        const char *shown = aq_buffer_string(&text);
        bool is_json = !json_is_string(value) && (shown[0] == '{' || shown[0] == '['); /* quotes what must be */
        if (!is_nothing(field, value, shown)) {
            aq_buffer_format(line, "  %s=%s", name, is_json ? shown : "");
            if (!is_json)
                add_word(shown, line);
        }
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
    uint64_t most;  /* events to show; 0: no limit */
    json_t **kept;  /* instead of showing them: the last `keeps` events; NULL: none are kept */
    uint64_t keeps; /* at least 1 */
    uint64_t count; /* of events that came */
};

/* -1: no limit. */
static int left_until(uint64_t end_ms)
{
    uint64_t now = aq_clock_ms();
    return end_ms == 0 ? -1 : end_ms > now ? (int)(end_ms - now) : 0;
}

static enum cli_exit take_event(struct tail *tail, const struct cli_event *event)
{
    json_error_t unused;
    json_t *json = json_loadb(event->text, event->length, 0, &unused);
    if (json == NULL)
        return cli_fail(CLI_SERVER, "event %" PRIu64 " is not valid JSON", event->seq);
    uint64_t place = tail->kept != NULL ? tail->count % tail->keeps : 0;
    tail->count++;
    tail->options.since = event->seq;
    if (tail->kept == NULL) {
        cli_show_event(json, &tail->cli->options.flags);
        json_decref(json);
    } else {
        json_decref(tail->kept[place]);
        tail->kept[place] = json;
    }
    return CLI_DONE;
}

/* Takes events until the stream ends, `most` came or --timeout is over. */
static enum cli_exit read_stream(struct tail *tail)
{
    const uint64_t timeout_s = tail->options.forever ? tail->cli->options.flags.timeout : 0;
    const uint64_t end_ms = timeout_s > 0 ? aq_clock_ms() + timeout_s * 1000 : 0;
    struct cli_follow *follow = cli_follow_open(tail->cli->client, &tail->options);
    enum cli_exit code = CLI_DONE;
    struct cli_event event;
    enum cli_next next = CLI_NEXT_QUIET;
    tail->count = 0;
    while (code == CLI_DONE && next != CLI_NEXT_ENDED && (tail->most == 0 || tail->count < tail->most) &&
           left_until(end_ms) != 0) {
        next = cli_follow_next(follow, tail->options.forever ? 0 : left_until(end_ms), &event);
        if (next == CLI_NEXT_QUIET) { /* nothing more for now: print what there is */
            code = cli_say_close();
            if (code == CLI_DONE)
                next = cli_follow_next(follow, left_until(end_ms), &event);
        }
        if (next == CLI_NEXT_BROKEN)
            code = cli_follow_fail(follow);
        if (next == CLI_NEXT_EVENT && code == CLI_DONE)
            code = take_event(tail, &event);
    }
    cli_follow_close(follow);
    return code;
}

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

/* ---- the last ones -------------------------------------------------------------------------------------- */

static void show_kept(struct tail *tail)
{
    uint64_t shown = tail->count < tail->keeps ? tail->count : tail->keeps;
    for (uint64_t i = tail->count - shown; i < tail->count; i++)
        cli_show_event(tail->kept[i % tail->keeps], &tail->cli->options.flags);
}

/* Shows the last `lines` events after options.since, which moves to the end of the log. Those of one entity may lie far
 * back: looks back further and further. */
static enum cli_exit show_last(struct tail *tail, uint64_t lines)
{
    struct tail window = {.cli = tail->cli, .options = tail->options, .keeps = lines};
    const uint64_t least = tail->options.since;
    uint64_t end = 0, size = lines > WINDOW_LEAST || tail->options.entity == NULL ? lines : WINDOW_LEAST;
    enum cli_exit code = read_seq(tail->cli, &end);
    tail->options.since = end;
    if (code != CLI_DONE || lines == 0)
        return code;
    window.options.forever = false;
    window.kept = aq_calloc(lines, sizeof *window.kept);
    for (uint64_t from = end; code == CLI_DONE && from > least && window.count < lines; size *= WINDOW_GROWS) {
        from = end > size && end - size > least ? end - size : least;
        window.options.since = from;
        code = read_stream(&window);
        if (window.count > 0 && window.options.since > end)
            tail->options.since = window.options.since; /* some came meanwhile */
        if (tail->options.entity == NULL)
            break; /* each seq is an event */
    }
    if (code == CLI_DONE)
        show_kept(&window);
    for (uint64_t i = 0; i < lines; i++)
        json_decref(window.kept[i]);
    free(window.kept);
    return code;
}

/* ---- from a time on ------------------------------------------------------------------------------------- */

/* The time of the first event after `since`; UINT64_MAX: there is none. */
static enum cli_exit read_time(struct cli *cli, uint64_t since, uint64_t *at_ms)
{
    static const struct aq_field field = {.name = "time", .type = AQ_TYPE_TIME, .most = UINT64_MAX};
    json_t *kept = NULL;
    struct aq_error error;
    struct tail tail = {.cli = cli, .options.since = since, .most = 1, .kept = &kept, .keeps = 1};
    enum cli_exit code = read_stream(&tail);
    *at_ms = UINT64_MAX;
    if (code == CLI_DONE && kept != NULL &&
        aq_number_from_text(&field, member(kept, "time"), "time", at_ms, &error) != 0)
        code = cli_fail(CLI_SERVER, "%s", error.message);
    json_decref(kept);
    return code;
}

/* The seq before the first event of that time or later, by bisection: times in the log never go back. */
static enum cli_exit find_time(struct cli *cli, uint64_t at_ms, uint64_t *seq)
{
    uint64_t low = 0, high = 0; /* it is in low..high */
    enum cli_exit code = read_seq(cli, &high);
    while (code == CLI_DONE && low < high) {
        uint64_t middle = low + (high - low) / 2, found_ms;
        code = read_time(cli, middle, &found_ms);
        if (found_ms < at_ms)
            low = middle + 1;
        else
            high = middle;
    }
    *seq = low;
    return code;
}

/* Where --since begins. */
static enum cli_exit find_since(struct cli *cli, uint64_t *seq)
{
    struct cli_since since;
    struct aq_error error;
    *seq = 0;
    if (!cli_options_gave(&cli->options, "since"))
        return CLI_DONE;
    if (cli_since_read(cli->options.flags.since, aq_clock_wall_ms(), &since, &error) != 0)
        return cli_fail(CLI_USAGE, "%s", error.message);
    *seq = since.seq;
    return since.is_seq ? CLI_DONE : find_time(cli, since.at_ms, seq);
}

/* ---- what can be asked ---------------------------------------------------------------------------------- */

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
    if (*name == NULL && suggest.best != NULL)
        return cli_fail(CLI_USAGE, "there is no entity \"%.64s\"; did you mean %s?", words[0], suggest.best);
    AQ_CLEANUP_BUFFER struct aq_buffer known = {0};
    for (size_t i = 0; *name == NULL && (entity = aq_entity_at(i)) != NULL; i++)
        aq_buffer_format(&known, "%s%s", i > 0 ? ", " : "", entity->name);
    if (*name == NULL)
        return cli_fail(CLI_USAGE, "there is no entity \"%.64s\": it must be one of %s", words[0],
                        aq_buffer_string(&known));
    return CLI_DONE;
}

/* All after --since, or the last `lines` of them; UINT64_MAX: no limit. */
static enum cli_exit show(struct tail *tail, uint64_t lines)
{
    const struct cli_flags *flags = &tail->cli->options.flags;
    tail->options.forever = flags->follow || flags->watch;
    if (tail->options.forever && flags->timeout > 0)
        cli_client_be_patient(tail->cli->client, aq_clock_ms() + flags->timeout * 1000);
    enum cli_exit code = find_since(tail->cli, &tail->options.since);
    if (code == CLI_DONE && lines != UINT64_MAX)
        code = show_last(tail, lines);
    bool answered = lines != UINT64_MAX && code == CLI_DONE;
    if (answered && tail->options.forever && flags->timeout == 0)
        cli_client_be_patient(tail->cli->client, UINT64_MAX);
    if (code == CLI_DONE && (tail->options.forever || lines == UINT64_MAX))
        code = read_stream(tail);
    return code;
}

enum cli_exit cli_events(struct cli *cli, const char *const *words, unsigned count)
{
    const struct cli_flags *flags = &cli->options.flags;
    struct tail tail = {.cli = cli, .most = flags->limit};
    bool last = cli_options_gave(&cli->options, "lines");
    enum cli_exit code = find_entity(words, count, &tail.options.entity);
    if (code == CLI_DONE && last && flags->limit > 0)
        code = cli_fail(CLI_USAGE, "--lines, the last ones, and --limit, the first ones, cannot be used together");
    return code == CLI_DONE ? show(&tail, last ? flags->lines : UINT64_MAX) : code;
}

/* ---- the log -------------------------------------------------------------------------------------------- */

static enum cli_exit takes_no_words(const char *verb, const char *const *words, unsigned count)
{
    return count == 0 ? CLI_DONE : cli_fail(CLI_USAGE, "log %s takes no words, but there is \"%.64s\"", verb, words[0]);
}

enum cli_exit cli_log_tail(struct cli *cli, const char *const *words, unsigned count)
{
    struct tail tail = {.cli = cli};
    bool all = cli_options_gave(&cli->options, "since") && !cli_options_gave(&cli->options, "lines");
    uint64_t lines = cli_options_gave(&cli->options, "lines") ? cli->options.flags.lines : TAIL_LINES;
    enum cli_exit code = takes_no_words("tail", words, count);
    return code == CLI_DONE ? show(&tail, all ? UINT64_MAX : lines) : code;
}

/* All events about one row, from the log; also those of an application that has left the tables. */
static enum cli_exit show_row(struct cli *cli, const char *entity, const char *key)
{
    const struct aq_entity *of = aq_entity_find(entity);
    if (of == NULL)
        return cli_fail(CLI_USAGE, "there is no entity \"%.64s\"; see aq log show --help", entity);
    struct tail tail = {.cli = cli, .options.entity = of->name, .options.key = key};
    enum cli_exit code = read_stream(&tail);
    if (code == CLI_DONE && tail.count == 0)
        code = cli_fail(CLI_REFUSED, "the log has no event about %s %.64s", of->name, key);
    return code;
}

enum cli_exit cli_log_show(struct cli *cli, const char *const *words, unsigned count)
{
    char *end;
    struct tail tail = {.cli = cli, .most = 1};
    uint64_t last = 0;
    if (count == 0)
        return cli_events(cli, NULL, 0);
    if (count == 2)
        return show_row(cli, words[0], words[1]);
    uint64_t seq = strtoull(words[0], &end, 10);
    if (words[0][0] < '0' || words[0][0] > '9' || *end != '\0' || seq == 0)
        return cli_fail(CLI_USAGE, "seq is \"%.64s\", but must be a whole number, from 1", words[0]);
    if (count > 1)
        return cli_fail(CLI_USAGE, "log show takes one seq, but there is \"%.64s\" as well", words[1]);
    enum cli_exit code = read_seq(cli, &last);
    if (code != CLI_DONE)
        return code;
    if (seq > last)
        return cli_fail(CLI_REFUSED, "there is no event %" PRIu64 " yet: the last one is %" PRIu64, seq, last);
    tail.options.since = seq - 1;
    return read_stream(&tail);
}

enum cli_exit cli_log_verify(struct cli *cli, const char *const *words, unsigned count)
{
    struct cli_reply reply;
    const struct cli_flags *flags = &cli->options.flags;
    struct cli_request request = {.method = "GET", .path = "/api/v1/log/verify"};
    request.timeout_s = cli_options_gave(&cli->options, "timeout") ? (unsigned)flags->timeout : VERIFY_S;
    if (takes_no_words("verify", words, count) != CLI_DONE)
        return CLI_USAGE;
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
