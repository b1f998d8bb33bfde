#include "tools/aq/status.h"

#include "schema/base/utf8.h"
#include "schema/model/user.h"
#include "tools/aq/show.h"
#include "tools/aq/table.h"
#include "tools/aq/watch.h"

#include <inttypes.h>
#include <string.h>

enum { COUNTED_MAX = 100000 };

/* The field whose words distinguish rows: the first column that is an enumeration. NULL: none. */
static const struct aq_field *field_that_sorts(const struct aq_record *record)
{
    for (size_t i = 0; i < record->count; i++)
        if ((record->fields[i].rules & AQ_COLUMN) && record->fields[i].type == AQ_TYPE_ENUM)
            return &record->fields[i];
    return NULL;
}

/* {"total": 3, "ACTIVE": 2, "LOST": 1}, in the order of the declaration. */
static json_t *count_rows(const struct aq_record *record, const json_t *rows)
{
    const struct aq_field *field = field_that_sorts(record);
    json_t *counts = json_object(), *row;
    size_t index;
    json_object_set_new(counts, "total", json_integer((json_int_t)json_array_size(rows)));
    for (uint32_t w = 0; field != NULL && w < field->words->count; w++) {
        json_int_t count = 0;
        json_array_foreach ((json_t *)rows, index, row) {
            const char *word = json_string_value(json_object_get(row, field->name));
            count += word != NULL && strcmp(word, field->words->words[w]) == 0;
        }
        if (count > 0)
            json_object_set_new(counts, field->words->words[w], json_integer(count));
    }
    return counts;
}

static enum cli_exit count_entity(struct cli *cli, const struct aq_entity *entity, uint64_t *seq, json_t *entities)
{
    struct aq_buffer path = {0};
    json_t *rows = NULL;
    bool more = false, forbidden = false;
    aq_buffer_format(&path, "/api/v1/%s/", entity->name);
    struct cli_rows wanted = {
        .path = aq_buffer_string(&path), .query = "", .most = COUNTED_MAX, .forbidden = &forbidden};
    enum cli_exit code = cli_read_rows(cli, &wanted, &rows, seq, &more);
    if (code == CLI_DONE && !forbidden) { /* what a user may not see is left out */
        json_t *counts = count_rows(entity->record, rows);
        if (more)
            json_object_set_new(counts, "more", json_true());
        json_object_set_new(entities, entity->plural, counts);
    }
    json_decref(rows);
    aq_buffer_free(&path);
    return code;
}

/* Asks whether there is a leader; "no" is an answer too. */
static enum cli_exit read_ready(struct cli *cli, json_t *status)
{
    struct cli_reply reply;
    struct cli_request request = {.method = "GET", .path = "/readyz", .once = true};
    enum cli_exit code = cli_client_ask(cli->client, &request, &reply);
    if (reply.status == 0 || (reply.status != 200 && reply.status != 503)) {
        code = cli_reply_fail(&reply);
    } else {
        const char *words = aq_buffer_string(&reply.body);
        size_t length = strcspn(words, "\n");
        if (reply.json != NULL && reply.message[0] != '\0') {
            words = reply.message;
            length = strlen(words);
        }
        json_object_set_new(status, "ready", json_boolean(code == CLI_DONE));
        json_object_set_new(status, "words", json_stringn(words, aq_utf8_is_good(words, length) ? length : 0));
        code = CLI_DONE;
    }
    cli_reply_close(&reply);
    return code;
}

static void add_counts(struct cli_table *table, const char *name, const json_t *counts)
{
    struct aq_buffer text = {0};
    const char *word;
    json_t *count;
    json_object_foreach ((json_t *)counts, word, count) {
        if (json_is_true(count))
            aq_buffer_text(&text, ", and more");
        else if (strcmp(word, "total") == 0)
            aq_buffer_format(&text, "%" JSON_INTEGER_FORMAT, json_integer_value(count));
        else
            aq_buffer_format(&text, "%s%s %" JSON_INTEGER_FORMAT, strchr(aq_buffer_string(&text), ' ') ? ", " : " = ",
                             word, json_integer_value(count));
    }
    cli_table_add(table, name, strlen(name), CLI_FAINT);
    cli_table_add(table, aq_buffer_string(&text), text.length, CLI_PLAIN);
    aq_buffer_free(&text);
}

static void show(const json_t *status)
{
    struct cli_table table;
    struct aq_buffer out = {0};
    const char *name;
    json_t *counts;
    const char *server = json_string_value(json_object_get(status, "server"));
    const char *words = json_string_value(json_object_get(status, "words"));
    bool ready = json_is_true(json_object_get(status, "ready"));
    cli_table_open(&table, 2);
    cli_table_add(&table, "server", 6, CLI_FAINT);
    cli_table_add(&table, server, strlen(server), CLI_PLAIN);
    aq_buffer_format(&out, "%s%s", ready ? "yes: there is a leader" : "no: ", ready || words == NULL ? "" : words);
    cli_table_add(&table, "ready", 5, CLI_FAINT);
    cli_table_add(&table, aq_buffer_string(&out), out.length, ready ? CLI_GREEN : CLI_RED);
    aq_buffer_reset(&out);
    aq_buffer_format(&out, "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(status, "seq")));
    cli_table_add(&table, "seq", 3, CLI_FAINT);
    cli_table_add(&table, aq_buffer_string(&out), out.length, CLI_PLAIN);
    aq_buffer_reset(&out);
    json_object_foreach (json_object_get(status, "entities"), name, counts)
        add_counts(&table, name, counts);
    cli_table_print(&table, 0, cli_terminal_columns(), &out);
    cli_print_raw(&out);
    cli_table_close(&table);
    aq_buffer_free(&out);
}

/* Everything that is shown; the caller's reference. */
static enum cli_exit read_status(struct cli *cli, json_t *status, uint64_t *seq)
{
    const struct aq_entity *entity;
    json_t *entities = json_object();
    *seq = 0;
    json_object_set_new(status, "server", json_string(cli_client_connect(cli->client)->server));
    enum cli_exit code = read_ready(cli, status);
    for (size_t i = 0; code == CLI_DONE && (entity = aq_entity_at(i)) != NULL; i++)
        code = count_entity(cli, entity, seq, entities);
    json_object_set_new(status, "seq", json_integer((json_int_t)*seq));
    json_object_set_new(status, "entities", entities);
    return code;
}

struct watching {
    struct cli *cli;
    json_t *before;
};

static enum cli_exit turn(void *context, uint64_t *seq)
{
    struct watching *watching = context;
    const struct cli_flags *flags = &watching->cli->options.flags;
    struct cli_reply alive = {0};
    /* Waits for a controller that restarts; one that is not ready is shown as such. */
    bool gone = cli_client_is_patient(watching->cli->client) &&
                cli_client_get(watching->cli->client, &alive, "/livez") == CLI_SERVER;
    if (gone)
        (void)cli_reply_fail(&alive);
    cli_reply_close(&alive);
    if (gone)
        return CLI_SERVER;
    json_t *status = json_object();
    enum cli_exit code = read_status(watching->cli, status, seq);
    bool redraws = cli_watch_redraws(flags);
    if (code == CLI_DONE && redraws)
        cli_watch_clear();
    if (code == CLI_DONE && cli_wants_data(flags) && !json_equal(status, watching->before))
        cli_show_item(status, flags);
    else if (code == CLI_DONE && !cli_wants_data(flags) && (redraws || !json_equal(status, watching->before)))
        show(status);
    json_decref(watching->before);
    watching->before = status;
    return code;
}

enum cli_exit cli_status(struct cli *cli, const char *const *words, unsigned count)
{
    struct watching watching = {.cli = cli};
    const struct cli_flags *flags = &cli->options.flags;
    enum cli_exit code;
    uint64_t seq;
    if (count > 0)
        return cli_fail(CLI_USAGE, "status is about the whole cluster; about \"%.64s\": aq describe %.64s", words[0],
                        words[0]);
    if (flags->watch) {
        code = cli_watch_turns(cli->client, &cli->options, cli_watch_redraws(flags), turn, &watching);
        json_decref(watching.before);
        return code;
    }
    json_t *status = json_object();
    code = read_status(cli, status, &seq);
    if (code == CLI_DONE && cli_wants_data(flags))
        cli_show_data(status, flags);
    else if (code == CLI_DONE)
        show(status);
    if (code == CLI_DONE && !json_is_true(json_object_get(status, "ready")))
        code = cli_fail(CLI_SERVER, "the controller is not ready");
    json_decref(status);
    return code;
}

enum cli_exit cli_me(struct cli *cli, const char *const *words, unsigned count)
{
    struct cli_reply reply;
    if (count > 0)
        return cli_fail(CLI_USAGE, "me takes no words, but there is \"%.64s\"", words[0]);
    enum cli_exit code = cli_client_get(cli->client, &reply, "/api/v1/me/");
    if (code == CLI_DONE)
        cli_show_one(&aq_user_record, reply.data, &cli->options.flags);
    else
        (void)cli_reply_fail(&reply);
    cli_reply_close(&reply);
    return code;
}
