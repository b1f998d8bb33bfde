/* Reading: get, one field, and finding the row that a word names. */
#include "schema/base/clock.h"
#include "schema/base/utf8.h"
#include "schema/model/application.h"
#include "schema/model/key.h"
#include "tools/aq/nouns.h"
#include "tools/aq/show.h"
#include "tools/aq/watch.h"

#include <stdio.h>
#include <string.h>

/* ---- one row -------------------------------------------------------------------------------------------- */

static bool is_newest(const struct aq_entity *entity, const char *word)
{
    return entity->has_newest && strcmp(word, CLI_NEWEST) == 0;
}

/* The first of a list that begins with the newest. */
static enum cli_exit find_newest(struct cli *cli, const struct aq_entity *entity, struct cli_reply *reply)
{
    struct aq_buffer query = {0};
    const char *user;
    if (cli_client_user(cli->client, &user, reply) != CLI_DONE)
        return reply->exit;
    cli_reply_close(reply);
    aq_buffer_format(&query, "&%s=", entity->owner);
    cli_url_escape(user, &query);
    enum cli_exit code = cli_client_get(cli->client, reply, "/api/v1/%s/?limit=1&reverse=true%s", entity->name,
                                        aq_buffer_string(&query));
    aq_buffer_free(&query);
    if (code != CLI_DONE)
        return code;
    reply->data = json_array_get(reply->data, 0);
    if (reply->data == NULL) {
        snprintf(reply->message, sizeof reply->message, "user %s has no %s yet", user, entity->name);
        reply->exit = CLI_REFUSED;
    }
    return reply->exit;
}

enum cli_exit cli_try_find(struct cli *cli, const struct aq_entity *entity, const char *word, struct cli_reply *reply)
{
    *reply = (struct cli_reply){0};
    if (is_newest(entity, word))
        return find_newest(cli, entity, reply);
    struct aq_buffer key = {0};
    cli_url_escape(word, &key);
    enum cli_exit code = cli_client_get(cli->client, reply, "/api/v1/%s/%s", entity->name, aq_buffer_string(&key));
    aq_buffer_free(&key);
    if (code == CLI_DONE && !json_is_object(reply->data)) {
        snprintf(reply->message, sizeof reply->message, "the server's answer contains no %s", entity->name);
        reply->exit = CLI_SERVER;
    }
    return reply->exit;
}

enum cli_exit cli_find(struct cli *cli, const struct aq_entity *entity, const char *word, struct cli_reply *reply)
{
    enum cli_exit code = cli_try_find(cli, entity, word, reply);
    return code == CLI_DONE ? code : cli_reply_fail(reply);
}

enum cli_exit cli_find_key(struct cli *cli, const struct aq_entity *entity, const char *word, struct aq_buffer *key)
{
    struct cli_reply reply;
    if (entity == &aq_entity_application && !aq_key_is_digits(word) && !is_newest(entity, word) &&
        aq_name_is_good(word, strlen(word)))
        return cli_fail(CLI_USAGE,
                        "\"%.64s\" is not the number of an application; those of a label: aq applications -l "
                        "%.64s",
                        word, word);
    if (!is_newest(entity, word)) {
        aq_buffer_text(key, word);
        return CLI_DONE;
    }
    enum cli_exit code = cli_find(cli, entity, word, &reply);
    if (code == CLI_DONE)
        cli_row_key(entity->record, reply.data, key);
    cli_reply_close(&reply);
    return code;
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
