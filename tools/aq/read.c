/* Reading: list, get, one field, and finding the row that a word names. */
#include "schema/base/clock.h"
#include "tools/aq/body.h"
#include "tools/aq/nouns.h"
#include "tools/aq/show.h"
#include "tools/aq/suggest.h"
#include "tools/aq/watch.h"

#include <inttypes.h>
#include <string.h>

enum { PAGE_ROWS = 1000, ROWS_MAX = 1000000 };

/* ---- rows ----------------------------------------------------------------------------------------------- */

/* "next": where the next page starts; false: there is none. */
static bool next_page(const struct cli_reply *reply, struct aq_buffer *after)
{
    const json_t *next = json_object_get(reply->json, "next");
    aq_buffer_reset(after);
    if (json_is_integer(next))
        aq_buffer_format(after, "%" JSON_INTEGER_FORMAT, json_integer_value(next));
    else if (json_is_string(next) && json_string_length(next) > 0)
        cli_url_escape(json_string_value(next), after);
    return after->length > 0;
}

enum cli_exit cli_read_rows(struct cli *cli, const char *path, const char *query, uint64_t most, json_t **rows,
                            uint64_t *seq, bool *more)
{
    struct aq_buffer after = {0};
    enum cli_exit code = CLI_DONE;
    *rows = json_array();
    *more = true;
    while (*more && json_array_size(*rows) < most && code == CLI_DONE) {
        struct cli_reply reply;
        uint64_t left = most - json_array_size(*rows);
        code =
            cli_client_get(cli->client, &reply, "%s?limit=%" PRIu64 "%s%s%s", path, left < PAGE_ROWS ? left : PAGE_ROWS,
                           query, after.length ? "&after=" : "", aq_buffer_string(&after));
        if (code == CLI_DONE && !json_is_array(reply.data))
            code = cli_fail(CLI_SERVER, "the server's answer contains no list");
        else if (code != CLI_DONE)
            (void)cli_reply_fail(&reply);
        if (code == CLI_DONE) {
            if (*seq == 0)
                *seq = reply.seq; /* of the first page: events report later changes */
            *more = next_page(&reply, &after);
            json_array_extend(*rows, reply.data);
        }
        cli_reply_close(&reply);
    }
    aq_buffer_free(&after);
    if (code == CLI_DONE)
        return code;
    json_decref(*rows);
    *rows = NULL;
    return code;
}

/* ---- list ----------------------------------------------------------------------------------------------- */

struct listing {
    struct cli *cli;
    const struct aq_entity *entity;
    struct aq_buffer path, query;
    uint64_t most;
    bool more;
};

static enum cli_exit read_listing(void *context, json_t **rows, uint64_t *seq)
{
    struct listing *listing = context;
    return cli_read_rows(listing->cli, aq_buffer_string(&listing->path), aq_buffer_string(&listing->query),
                         listing->most, rows, seq, &listing->more);
}

static enum cli_exit add_filter(struct listing *listing, const char *name, size_t length, const char *pattern)
{
    const struct aq_record *record = listing->entity->record;
    struct cli_suggest suggest;
    char field[65];
    snprintf(field, sizeof field, "%.*s", (int)(length < 64 ? length : 64), name);
    suggest = (struct cli_suggest){.word = field};
    for (size_t i = 0; i < record->count; i++) {
        if (record->fields[i].rules & AQ_SECRET)
            continue;
        if (strcmp(record->fields[i].name, field) == 0) {
            aq_buffer_format(&listing->query, "&%s=", field);
            cli_url_escape(pattern, &listing->query);
            return CLI_DONE;
        }
        cli_suggest_try(&suggest, record->fields[i].name);
    }
    return cli_fail(CLI_USAGE, "%s have no field \"%s\"%s%s%s", listing->entity->plural, field,
                    suggest.best ? "; did you mean " : "", suggest.best ? suggest.best : "", suggest.best ? "?" : "");
}

/* Filters of both forms: --field=pattern and field=pattern. */
static enum cli_exit add_filters(struct listing *listing, const char *const *words, unsigned count)
{
    const struct cli_options *options = &listing->cli->options;
    enum cli_exit code = CLI_DONE;
    for (unsigned i = 0; i < options->filter_count && code == CLI_DONE; i++)
        code = add_filter(listing, options->filters[i].field, strlen(options->filters[i].field),
                          options->filters[i].pattern);
    for (unsigned i = 0; i < count && code == CLI_DONE; i++) {
        size_t length = strcspn(words[i], "=");
        if (words[i][length] == '=')
            code = add_filter(listing, words[i], length, words[i] + length + 1);
        else
            code = cli_fail(CLI_USAGE, "\"%.64s\" is not field=pattern; to show one of the %s: aq %s get %.64s",
                            words[i], listing->entity->plural, listing->entity->plural, words[i]);
    }
    return code;
}

static enum cli_exit show_listing(struct listing *listing)
{
    const struct cli_options *options = &listing->cli->options;
    json_t *rows = NULL;
    uint64_t seq = 0;
    enum cli_exit code = read_listing(listing, &rows, &seq);
    if (code != CLI_DONE)
        return code;
    cli_show_rows(listing->entity->record, rows, &options->flags, true);
    if (listing->more && options->flags.limit == 0)
        cli_note("There are more: use --all or --limit.");
    json_decref(rows);
    return CLI_DONE;
}

enum cli_exit cli_list(struct cli *cli, const struct aq_entity *entity, const char *const *words, unsigned count)
{
    const struct cli_flags *flags = &cli->options.flags;
    struct listing listing = {.cli = cli, .entity = entity};
    listing.most = flags->limit ? flags->limit : flags->all ? ROWS_MAX : PAGE_ROWS;
    aq_buffer_format(&listing.path, "/api/v1/%s/", entity->name);
    if (flags->reverse)
        aq_buffer_text(&listing.query, "&reverse=true");
    enum cli_exit code = add_filters(&listing, words, count);
    if (code == CLI_DONE && flags->watch)
        code = cli_watch(cli->client, &cli->options, entity->record, read_listing, &listing);
    else if (code == CLI_DONE)
        code = show_listing(&listing);
    aq_buffer_free(&listing.path);
    aq_buffer_free(&listing.query);
    return code;
}

/* ---- one row -------------------------------------------------------------------------------------------- */

enum cli_exit cli_find(struct cli *cli, const struct aq_entity *entity, const char *word, struct cli_reply *reply)
{
    *reply = (struct cli_reply){0};
    struct aq_buffer key = {0};
    cli_url_escape(word, &key);
    enum cli_exit code = cli_client_get(cli->client, reply, "/api/v1/%s/%s", entity->name, aq_buffer_string(&key));
    aq_buffer_free(&key);
    if (code != CLI_DONE)
        return cli_reply_fail(reply);
    if (!json_is_object(reply->data))
        reply->exit = cli_fail(CLI_SERVER, "the server's answer contains no %s", entity->name);
    return reply->exit;
}

static enum cli_exit watch_one(struct cli *cli, const struct aq_entity *entity, const char *word);

enum cli_exit cli_get(struct cli *cli, const struct aq_entity *entity, const char *const *words, unsigned count)
{
    const struct cli_flags *flags = &cli->options.flags;
    enum cli_exit code = CLI_DONE;
    if (count == 0)
        return cli_fail(CLI_USAGE, "name one or more: aq %s get KEY...", entity->plural);
    if (flags->watch && count == 1)
        return watch_one(cli, entity, words[0]);
    json_t *rows = json_array();
    for (unsigned i = 0; i < count; i++) {
        struct cli_reply reply;
        enum cli_exit one = cli_find(cli, entity, words[i], &reply);
        code = one > code ? one : code;
        if (one == CLI_DONE)
            json_array_append(rows, reply.data);
        cli_reply_close(&reply);
    }
    if (count > 1 && (cli_wants_data(flags) || flags->quiet)) {
        cli_show_rows(entity->record, rows, flags, true);
    } else {
        for (size_t i = 0; i < json_array_size(rows); i++) {
            if (i > 0)
                cli_print("\n", 1);
            cli_show_one(entity->record, json_array_get(rows, i), flags);
        }
    }
    json_decref(rows);
    return code;
}

struct single {
    struct cli *cli;
    const struct aq_entity *entity;
    const char *word;
};

static enum cli_exit read_single(void *context, json_t **rows, uint64_t *seq)
{
    struct single *single = context;
    struct cli_reply reply;
    enum cli_exit code = cli_find(single->cli, single->entity, single->word, &reply);
    *seq = reply.seq;
    *rows = json_array();
    if (code == CLI_DONE)
        json_array_append(*rows, reply.data);
    cli_reply_close(&reply);
    if (code != CLI_DONE) {
        json_decref(*rows);
        *rows = NULL;
    }
    return code;
}

static enum cli_exit watch_one(struct cli *cli, const struct aq_entity *entity, const char *word)
{
    struct single single = {cli, entity, word};
    return cli_watch(cli->client, &cli->options, entity->record, read_single, &single);
}

enum cli_exit cli_get_field(struct cli *cli, const struct aq_entity *entity, const char *word,
                            const struct aq_field *field)
{
    struct cli_reply reply;
    struct aq_buffer text = {0};
    enum cli_exit code = cli_find(cli, entity, word, &reply);
    const json_t *value = json_object_get(reply.data, field->name);
    if (code == CLI_DONE && cli_wants_data(&cli->options.flags)) {
        cli_show_data(value ? value : json_null(), &cli->options.flags);
    } else if (code == CLI_DONE) {
        if (json_is_string(value)) /* a full time, not its age */
            aq_buffer_text(&text, json_string_value(value));
        else
            cli_cell(field, value, aq_clock_wall_ms(), &text);
        aq_buffer_char(&text, '\n');
        cli_print(aq_buffer_string(&text), text.length);
    }
    aq_buffer_free(&text);
    cli_reply_close(&reply);
    return code;
}
