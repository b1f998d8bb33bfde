/* Writing: commands of entities, from words and files to the server, and their outcome. */
#include "schema/codec/command.h"
#include "schema/model/application.h"
#include "schema/model/join_token.h"
#include "schema/model/key.h"
#include "schema/model/label.h"
#include "schema/model/token.h"
#include "tools/aq/body.h"
#include "tools/aq/cell.h"
#include "tools/aq/events.h"
#include "tools/aq/nouns.h"
#include "tools/aq/secrets.h"
#include "tools/aq/show.h"
#include "tools/aq/wait.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct write {
    struct cli *cli;
    const struct aq_command *command;
    const struct aq_entity *entity;
    const char *bare[CLI_WORDS_MAX]; /* words that are not field=value */
    unsigned bare_count;
    struct cli_body body; /* from files */
    json_t *given;        /* from field=value words */
    json_t *rows;         /* answers */
    json_t *keys;         /* of what was made or changed, as texts */
    uint64_t seq;
    size_t item;              /* that is sent now, of those that are sent one by one */
    bool unchanged;           /* the last answer: nothing was to be done */
    struct aq_error *refusal; /* told here instead of on standard error; NULL: not */
    bool silent;              /* the caller shows what was made */
};

/* ---- the outcome ---------------------------------------------------------------------------------------- */

static const char *past_of(const struct write *write, const json_t *row, char *out, size_t size)
{
    const struct aq_command *command = write->command;
    const json_t *value = command->value != NULL ? json_object_get(row, command->value) : NULL;
    const char *past = !write->unchanged             ? aq_command_past(command)
                       : command->kind == AQ_CREATES ? "unchanged"
                       : command->kind == AQ_ACTS    ? NULL
                                                     : aq_command_past(command);
    const char *ends = json_string_value(json_object_get(row, "expires_at"));
    if (past == NULL && write->unchanged && !json_is_boolean(value))
        snprintf(out, size, ": %s: there was nothing to do", command->verb);
    else if (past == NULL && ends != NULL && aq_record_field(command->record, "lifetime") != NULL)
        snprintf(out, size, ": %s done: its lifetime ends at %.32s", command->verb, ends);
    else if (past == NULL)
        snprintf(out, size, ": %s %s", command->verb,
                 !json_is_boolean(value) ? "done"
                 : json_is_true(value)   ? "on"
                                         : "off");
    else
        snprintf(out, size, " %s", past);
    return out;
}

/* A token is shown only this once: alone on standard output, so that a script can keep it; the text goes to standard
 * error. */
static void show_token(const struct write *write, const char *key, const char *token, bool repeated)
{
    const char *name = write->entity->name;
    if (token != NULL) {
        cli_print(token, strlen(token));
        cli_print("\n", 1);
    }
    if (token != NULL && write->command == &aq_command_join_token_create) {
        cli_note("this is join token %s, a secret that is never shown again; aq-agent reads it with --join-file from "
                 "a file, or with - from standard input",
                 key);
    } else if (token != NULL && write->entity == &aq_entity_token) {
        cli_note("this is token %s; it is never shown again", key);
    } else if (token != NULL) {
        cli_note("this is the token of %s %s; it is never shown again", name, key);
    } else if (repeated) {
        cli_note("the answer with the token of %s %s was lost; create another token", name, key);
    }
}

/* What people call the row: a label "mac:2", a membership "web:ann", not "7". */
static const char *name_of_row(const struct aq_entity *entity, const char *key, const json_t *row,
                               struct aq_buffer *name)
{
    if (cli_row_pair(entity, row, name))
        return aq_buffer_string(name);
    const json_t *group = entity->group ? json_object_get(row, entity->group) : NULL;
    const json_t *member = entity->member ? json_object_get(row, entity->member) : NULL;
    if (!json_is_string(group) || !json_is_integer(member))
        return key;
    aq_buffer_format(name, "%s:%" JSON_INTEGER_FORMAT, json_string_value(group), json_integer_value(member));
    return aq_buffer_string(name);
}

/* "join token", not "join_token". */
static void add_noun(const struct aq_entity *entity, struct aq_buffer *out)
{
    for (const char *c = entity->name; *c != '\0'; c++)
        aq_buffer_char(out, *c == '_' ? ' ' : *c);
}

static void tell(const struct write *write, const char *key, const json_t *row, bool repeated)
{
    const struct cli_flags *flags = &write->cli->options.flags;
    const json_t *token = json_object_get(row, "token");
    char past[96];
    struct aq_buffer line = {0}, name = {0};
    if (aq_command_token_field(write->command) != NULL && !cli_wants_data(flags)) {
        show_token(write, key, json_string_value(token), repeated);
        return;
    }
    if (cli_wants_data(flags) || flags->wait || write->silent)
        return; /* shown when all is done */
    if (flags->quiet) {
        aq_buffer_text(&line, key);
    } else {
        add_noun(write->entity, &line);
        aq_buffer_format(&line, " %s%s", name_of_row(write->entity, key, row, &name),
                         past_of(write, row, past, sizeof past));
    }
    aq_buffer_free(&name);
    aq_buffer_char(&line, '\n');
    cli_print(aq_buffer_string(&line), line.length);
    aq_buffer_free(&line);
}

/* One row of an answer; `asked` is the key that was sent, NULL if the server chose one. */
static void take_row(struct write *write, const json_t *row, const char *asked, bool repeated)
{
    struct aq_buffer key = {0};
    if (json_is_object(row))
        cli_row_key(write->entity->record, row, &key);
    if (key.length == 0 && asked != NULL)
        aq_buffer_text(&key, asked);
    json_array_append_new(write->keys, json_string(aq_buffer_string(&key)));
    json_array_append(write->rows, json_is_object(row) ? (json_t *)row : json_null());
    tell(write, aq_buffer_string(&key), row, repeated);
    aq_buffer_free(&key);
}

static void take_reply(struct write *write, const struct cli_reply *reply, const char *asked)
{
    bool repeated = json_is_true(json_object_get(reply->json, "repeated"));
    size_t index;
    json_t *row;
    write->seq = reply->seq;
    write->unchanged = json_is_true(json_object_get(reply->json, "unchanged"));
    json_array_foreach (json_object_get(reply->json, "warnings"), index, row)
        cli_note("aq: warning: %s", json_string_value(row) ? json_string_value(row) : "?");
    if (write->cli->options.flags.dry_run) {
        cli_show_events(reply->data, &write->cli->options.flags);
        return;
    }
    if (json_is_array(reply->data)) {
        json_array_foreach (reply->data, index, row)
            take_row(write, row, NULL, repeated);
    } else {
        take_row(write, reply->data, asked, repeated);
    }
}

/* ---- one request ---------------------------------------------------------------------------------------- */

/* The server's message; with the place in the file, if it names one. */
static void refused(const struct write *write, const struct cli_reply *reply)
{
    struct aq_buffer placed = {0};
    if (write->refusal != NULL)
        aq_fail(write->refusal, AQ_E_INVALID, "%s", reply->message);
    else if (reply->exit == CLI_REFUSED &&
             cli_body_place(&write->body, write->command->record, reply->message, write->item, &placed))
        (void)cli_fail(reply->exit, "%s", aq_buffer_string(&placed));
    else
        (void)cli_reply_fail(reply);
    aq_buffer_free(&placed);
}

/* Is the key all that is shown of what is created? For thousands, their rows would take most of the time. */
static bool keys_suffice(const struct write *write)
{
    const struct cli_flags *flags = &write->cli->options.flags;
    return write->command->kind == AQ_CREATES && !cli_wants_data(flags) &&
           (flags->quiet || (!write->entity->group && write->entity->pair[0] == NULL));
}

/* `key`: of the row; NULL: none. `body` may be NULL. */
static enum cli_exit ask(struct write *write, const char *key, const json_t *body)
{
    struct aq_buffer path = {0};
    struct cli_reply reply;
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    aq_buffer_format(&path, "/api/v1/%s/", write->entity->name);
    cli_url_escape(key != NULL ? key : "", &path);
    if (aq_command_goes_by_verb(write->command))
        aq_buffer_format(&path, "%s%s", key != NULL ? "/" : "", write->command->verb);
    if (write->cli->options.flags.dry_run)
        aq_buffer_text(&path, "?dry_run=true");
    struct cli_request request = {.method = write->command->kind == AQ_DELETES ? "DELETE" : "POST",
                                  .path = aq_buffer_string(&path),
                                  .body = text,
                                  .minimal = keys_suffice(write)};
    enum cli_exit code = cli_client_ask(write->cli->client, &request, &reply);
    if (code == CLI_DONE)
        take_reply(write, &reply, key);
    else
        refused(write, &reply);
    cli_reply_close(&reply);
    aq_buffer_free(&path);
    free(text);
    return code;
}

/* ---- create --------------------------------------------------------------------------------------------- */

const struct aq_field *cli_bare_field(const struct aq_command *command)
{
    const struct aq_entity *entity = command->entity;
    const char *names[] = {command->value, aq_entity_key(entity)->name, entity->group, entity->own_name};
    for (size_t i = 0; i < AQ_LENGTH(names); i++) {
        const struct aq_field *field = names[i] ? aq_record_field(command->record, names[i]) : NULL;
        if (field != NULL && !(field->rules & AQ_INTERNAL))
            return field;
    }
    return NULL;
}

static bool looks_like_a_file(const char *word)
{
    static const char *const ends[] = {".yml", ".yaml", ".json"};
    size_t length = strlen(word);
    bool is = strcmp(word, "-") == 0 || strchr(word, '/') != NULL;
    for (size_t i = 0; i < AQ_LENGTH(ends); i++)
        is = is || (length > strlen(ends[i]) && strcmp(word + length - strlen(ends[i]), ends[i]) == 0);
    return is;
}

/* Is the word a file? Where one word says too little for the command, it can only be that. */
static bool is_file(const struct write *write, const char *word)
{
    const struct aq_record *record = write->command->record;
    const struct aq_field *alone = cli_bare_field(write->command);
    bool says_too_little = false;
    for (size_t i = 0; i < record->count; i++)
        says_too_little = says_too_little || ((record->fields[i].rules & AQ_REQUIRED) && &record->fields[i] != alone &&
                                              json_object_get(write->given, record->fields[i].name) == NULL);
    return says_too_little && (looks_like_a_file(word) || access(word, R_OK) == 0);
}

/* aq labels create x.yml: files need no -f. */
static enum cli_exit take_files(struct write *write)
{
    struct cli_options *options = &write->cli->options;
    unsigned kept = 0;
    for (unsigned i = 0; i < write->bare_count; i++) {
        if (!is_file(write, write->bare[i]))
            write->bare[kept++] = write->bare[i];
        else if (options->file_count == CLI_FILES_MAX)
            return cli_fail(CLI_USAGE, "more than %d files", CLI_FILES_MAX);
        else
            options->files[options->file_count++] = write->bare[i];
    }
    write->bare_count = kept;
    return CLI_DONE;
}

/* aq memberships create web:ann: one word for two fields. False: it is no such word. */
static bool take_pair(struct write *write)
{
    const struct aq_entity *entity = write->entity;
    struct aq_reference pair;
    struct aq_error ignored;
    if (entity->pair[0] == NULL || write->bare_count != 1 || strchr(write->bare[0], ':') == NULL ||
        aq_reference_from_text(entity, write->bare[0], &pair, &ignored) != 0)
        return false;
    if (json_object_get(write->given, entity->pair[0]) != NULL ||
        json_object_get(write->given, entity->pair[1]) != NULL)
        return false;
    json_object_set_new(write->given, entity->pair[0], json_string(pair.group));
    json_object_set_new(write->given, entity->pair[1], json_string(pair.other));
    return true;
}

static enum cli_exit take_bare_word(struct write *write)
{
    const struct aq_field *field = cli_bare_field(write->command);
    if (write->bare_count == 0 || take_pair(write))
        return CLI_DONE;
    if (field != NULL && field->refers == &aq_entity_label && looks_like_a_file(write->bare[0]))
        return cli_fail(CLI_USAGE, "\"%.64s\" is a file, but a label is wanted; to create one: aq labels apply %.64s",
                        write->bare[0], write->bare[0]);
    if (field != NULL && write->bare_count > 1 && write->entity == &aq_entity_application)
        return cli_fail(CLI_USAGE, "\"%.64s\" is not field=value; what runs is in the label: aq describe label %.64s",
                        write->bare[1], write->bare[0]);
    if (write->bare_count > 1 || field == NULL)
        return cli_fail(CLI_USAGE, "\"%.64s\" is not field=value; see aq %s %s --help",
                        write->bare[write->bare_count > 1], write->entity->plural, write->command->verb);
    if (json_object_get(write->given, field->name) != NULL)
        return cli_fail(CLI_USAGE, "%s is given twice: \"%.64s\" alone, and as %s=", field->name, write->bare[0],
                        field->name);
    json_object_set_new(write->given, field->name, json_string(write->bare[0]));
    return CLI_DONE;
}

/* Is there anything to say, as for all but an epoch? */
static bool takes_fields(const struct aq_command *command)
{
    for (size_t i = 0; i < command->record->count; i++)
        if (aq_command_takes_field(command, &command->record->fields[i]))
            return true;
    return false;
}

/* A command that may change nothing says so of each item. */
static enum cli_exit ask_each(struct write *write, const json_t *items)
{
    enum cli_exit worst = CLI_DONE;
    json_t *item;
    json_array_foreach (items, write->item, item) {
        enum cli_exit code = ask(write, NULL, item);
        worst = code > worst ? code : worst;
    }
    return worst;
}

static enum cli_exit create(struct write *write)
{
    const struct cli_options *options = &write->cli->options;
    struct aq_error error = {0};
    const struct aq_field *alone = cli_bare_field(write->command);
    enum cli_exit code = take_files(write);
    if (code == CLI_DONE)
        code = take_bare_word(write);
    if (code != CLI_DONE)
        return code;
    if (cli_take_secrets(options, write->given, &error) != 0)
        return cli_fail(CLI_USAGE, "%s", error.message);
    if (write->entity == &aq_entity_application)
        cli_name_secrets(options, write->given);
    if (options->file_count == 0 && json_object_size(write->given) == 0 && takes_fields(write->command))
        return cli_fail(CLI_USAGE, "nothing to create: give %s%s%sfield=value words, or -f FILE; see aq %s %s --help",
                        alone != NULL ? "its " : "", alone != NULL ? alone->name : "", alone != NULL ? ", " : "",
                        write->entity->plural, write->command->verb);
    if (cli_body_read(&write->body, options, write->given, &error) != 0)
        return cli_fail(CLI_USAGE, "%s", error.message);
    json_t *items = write->body.items, *all = json_array(), *item;
    size_t index;
    if (options->file_count == 0)
        json_array_append(items, write->given);
    json_array_foreach (items, index, item) {
        if (write->entity != &aq_entity_label || cli_check_secrets(options, item, &error) == 0)
            continue;
        json_decref(all);
        return cli_fail(CLI_USAGE, "%s", error.message);
    }

    for (uint64_t i = 0; i < (options->flags.count ? options->flags.count : 1); i++)
        json_array_extend(all, items);
    if (json_array_size(all) == 0)
        code = cli_fail(CLI_USAGE, "nothing to create: the files contain no objects");
    else if (aq_command_goes_by_verb(write->command))
        code = ask_each(write, all);
    else
        code = ask(write, NULL, json_array_size(all) == 1 ? json_array_get(all, 0) : all);
    json_decref(all);
    return code;
}

/* ---- update, delete, act -------------------------------------------------------------------------------- */

/* The present value of every field that the command takes, overridden by what was given. */
static json_t *merge_present(const struct write *write, const json_t *row)
{
    const struct aq_record *record = write->command->record;
    json_t *body = json_object();
    for (size_t i = 0; i < record->count; i++) {
        json_t *value = json_object_get(row, record->fields[i].name);
        if (value != NULL && aq_command_takes_field(write->command, &record->fields[i]))
            json_object_set(body, record->fields[i].name, value);
    }
    int failed = json_object_update_recursive(body, write->given);
    aq_assert(failed == 0);
    return body;
}

/* An update may read its fields from one file. */
static enum cli_exit take_file(struct write *write)
{
    const struct cli_options *options = &write->cli->options;
    struct aq_error error = {0};
    if (options->file_count == 0)
        return CLI_DONE;
    if (cli_body_read(&write->body, options, write->given, &error) != 0)
        return cli_fail(CLI_USAGE, "%s", error.message);
    size_t count = json_array_size(write->body.items);
    if (count != 1)
        return cli_fail(CLI_USAGE, "%s takes one object, but the files contain %zu", write->command->verb, count);
    json_object_update(write->given, json_array_get(write->body.items, 0));
    return CLI_DONE;
}

/* What the server calls the row of `word`, and the row itself, if the command needs it: an update gives all fields
 * again, and of a group only one member may be meant, which the outcome then names. */
static enum cli_exit find_present(struct write *write, const char *word, struct cli_reply *present,
                                  struct aq_buffer *key)
{
    struct aq_buffer name = {0}, number = {0};
    if (write->command->kind != AQ_UPDATES && write->entity->group == NULL)
        return cli_find_key(write->cli, write->entity, word, key);
    enum cli_exit code = cli_find(write->cli, write->entity, word, present);
    if (code == CLI_DONE) {
        cli_row_key(write->entity->record, present->data, &number);
        aq_buffer_text(key, name_of_row(write->entity, aq_buffer_string(&number), present->data, &name));
    }
    aq_buffer_free(&name);
    aq_buffer_free(&number);
    return code;
}

static enum cli_exit change_one(struct write *write, const char *word)
{
    struct cli_reply present = {0};
    struct aq_buffer key = {0};
    json_t *body = NULL;
    enum cli_exit code = find_present(write, word, &present, &key);
    if (code == CLI_DONE && write->command->kind == AQ_UPDATES)
        body = merge_present(write, present.data);
    else if (write->command->kind == AQ_ACTS)
        body = json_incref(write->given);
    if (code == CLI_DONE)
        code = ask(write, aq_buffer_string(&key), body);
    json_decref(body);
    cli_reply_close(&present);
    aq_buffer_free(&key);
    return code;
}

/* aq nodes maintenance n1 true: the last word alone is the command's value. */
static void take_value(struct write *write)
{
    const char *value = write->command->value;
    if (value == NULL || write->bare_count < 2 || json_object_get(write->given, value) != NULL)
        return;
    json_object_set_new(write->given, value, json_string(write->bare[--write->bare_count]));
}

static enum cli_exit change(struct write *write)
{
    const struct aq_command *command = write->command;
    enum cli_exit worst = CLI_DONE;
    if (command->kind == AQ_ACTS)
        take_value(write);
    if (write->bare_count == 0)
        return cli_fail(CLI_USAGE, "name one or more: aq %s %s KEY...", write->entity->plural, command->verb);
    if (command->kind == AQ_DELETES && json_object_size(write->given) > 0)
        return cli_fail(CLI_USAGE, "%s takes no field=value words", command->verb);
    if (command->kind == AQ_UPDATES && take_file(write) != CLI_DONE)
        return CLI_USAGE;
    if (command->kind == AQ_UPDATES && json_object_size(write->given) == 0)
        return cli_fail(CLI_USAGE, "nothing to change: give field=value words; see aq %s %s --help",
                        write->entity->plural, command->verb);
    for (unsigned i = 0; i < write->bare_count; i++) {
        enum cli_exit code = change_one(write, write->bare[i]);
        worst = code > worst ? code : worst;
    }
    return worst;
}

/* ---- all of them ---------------------------------------------------------------------------------------- */

static enum cli_exit wait_for_it(const struct write *write)
{
    struct cli_wait wait = {.client = write->cli->client,
                            .options = &write->cli->options,
                            .wish = write->command->kind == AQ_CREATES ? CLI_WISH_RUNS : CLI_WISH_OVER,
                            .keys = write->keys,
                            .seq = write->seq};
    enum cli_exit code = cli_wait(&wait);
    cli_wait_show(&wait);
    json_decref(wait.rows);
    return code;
}

/* What is shown at the end: data as a whole, or how it went. */
static enum cli_exit finish(struct write *write)
{
    const struct cli_options *options = &write->cli->options;
    bool one = json_array_size(write->rows) == 1;
    if (options->flags.dry_run || json_array_size(write->keys) == 0)
        return CLI_DONE;
    if (options->flags.wait)
        return wait_for_it(write);
    if (cli_wants_data(&options->flags))
        cli_show_data(one ? json_array_get(write->rows, 0) : write->rows, &options->flags);
    return CLI_DONE;
}

/* The command behind --. */
static enum cli_exit take_arguments(struct write *write)
{
    const struct cli_options *options = &write->cli->options;
    const char *const *arguments = cli_options_arguments(options);
    if (options->argument_count == 0)
        return CLI_DONE;
    if (json_object_get(write->given, "arguments") != NULL)
        return cli_fail(CLI_USAGE, "arguments is given twice: as arguments= and behind --");
    json_t *list = json_array();
    for (unsigned i = 0; i < options->argument_count; i++)
        json_array_append_new(list, json_string(arguments[i]));
    json_object_set_new(write->given, "arguments", list);
    return CLI_DONE;
}

/* Sends what the words and the files say; `write` is begun by the caller. */
static enum cli_exit send_words(struct write *write, const char *const *words, unsigned count)
{
    struct aq_error error = {0};
    const char *assigned[CLI_WORDS_MAX];
    unsigned assigned_count = 0;
    for (unsigned i = 0; i < count; i++) {
        if (strchr(words[i], '=') != NULL)
            assigned[assigned_count++] = words[i];
        else
            write->bare[write->bare_count++] = words[i];
    }
    write->given = cli_body_words(assigned, assigned_count, &error);
    if (write->given == NULL)
        return cli_fail(CLI_USAGE, "%s", error.message);
    write->rows = json_array();
    write->keys = json_array();
    if (take_arguments(write) != CLI_DONE)
        return CLI_USAGE;
    return write->command->kind == AQ_CREATES ? create(write) : change(write);
}

static void close_write(struct write *write)
{
    cli_body_close(&write->body);
    json_decref(write->given);
    json_decref(write->rows);
    json_decref(write->keys);
}

enum cli_exit cli_write(struct cli *cli, const struct aq_command *command, const char *const *words, unsigned count)
{
    struct write write = {.cli = cli, .command = command, .entity = command->entity};
    enum cli_exit code = send_words(&write, words, count);
    enum cli_exit later = finish(&write);
    close_write(&write);
    return code > later ? code : later;
}

enum cli_exit cli_write_keys(struct cli *cli, const struct aq_command *command, const char *const *words,
                             unsigned count, json_t **keys, uint64_t *seq)
{
    struct write write = {.cli = cli, .command = command, .entity = command->entity, .silent = true};
    enum cli_exit code = send_words(&write, words, count);
    *keys = write.keys != NULL ? json_incref(write.keys) : json_array();
    *seq = write.seq;
    close_write(&write);
    return code;
}

enum cli_exit cli_write_object(struct cli *cli, const struct aq_command *command, const char *key, const json_t *object,
                               struct aq_error *refusal)
{
    struct write write = {.cli = cli, .command = command, .entity = command->entity, .refusal = refusal};
    write.rows = json_array();
    write.keys = json_array();
    enum cli_exit code = ask(&write, key, object);
    if (code == CLI_DONE)
        code = finish(&write);
    json_decref(write.rows);
    json_decref(write.keys);
    return code;
}
