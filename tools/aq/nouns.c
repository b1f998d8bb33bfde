#include "tools/aq/nouns.h"

#include "schema/model/application.h"
#include "schema/model/key.h"
#include "tools/aq/body.h"
#include "tools/aq/suggest.h"

#include <string.h>

const char *const cli_read_verbs[] = {"list", "get", "watch", NULL};

const char *cli_read_verb_help(const char *verb)
{
    return strcmp(verb, "list") == 0  ? "a table of all, or of those that match field=pattern"
           : strcmp(verb, "get") == 0 ? "all fields of one or several"
                                      : "list, and print again after each change";
}

bool cli_command_is_verb(const struct aq_command *command, const struct aq_entity *entity)
{
    return command->entity == entity && command->kind != AQ_INTERNAL_COMMAND;
}

static const struct aq_command *find_command(const struct aq_entity *entity, const char *verb)
{
    const struct aq_command *command = aq_command_of(entity, verb);
    return command != NULL && cli_command_is_verb(command, entity) ? command : NULL;
}

static bool is_read_verb(const char *word)
{
    for (size_t i = 0; cli_read_verbs[i] != NULL; i++)
        if (strcmp(cli_read_verbs[i], word) == 0)
            return true;
    return false;
}

/* Could the word be the key of a row? */
static bool may_be_key(const struct aq_entity *entity, const char *word)
{
    return aq_entity_is_named(entity) || entity->group != NULL || aq_key_is_digits(word);
}

/* The nearest verb, view or, after a key, field. */
static const char *nearest(const struct aq_entity *entity, const char *word, bool with_fields)
{
    struct cli_suggest suggest = {.word = word};
    const struct aq_command *command;
    const struct aq_view *view;
    for (size_t i = 0; cli_read_verbs[i] != NULL; i++)
        cli_suggest_try(&suggest, cli_read_verbs[i]);
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++)
        if (cli_command_is_verb(command, entity))
            cli_suggest_try(&suggest, command->verb);
    for (size_t i = 0; (view = cli_view_at(&i)) != NULL;)
        if (view->entity == entity)
            cli_suggest_try(&suggest, view->name);
    for (size_t i = 0; with_fields && i < entity->record->count; i++)
        if (!(entity->record->fields[i].rules & AQ_SECRET))
            cli_suggest_try(&suggest, entity->record->fields[i].name);
    return suggest.best;
}

static enum cli_exit unknown_word(const struct aq_entity *entity, const char *word, bool with_fields)
{
    const char *meant = nearest(entity, word, with_fields);
    if (meant != NULL)
        return cli_fail(CLI_USAGE, "%s have no verb or field \"%.64s\"; did you mean %s?", entity->plural, word, meant);
    return cli_fail(CLI_USAGE, "%s have no verb or field \"%.64s\"; see aq %s --help", entity->plural, word,
                    entity->plural);
}

static enum cli_exit show_view(struct cli *cli, const struct aq_entity *entity, const struct aq_view *view,
                               const char *const *words, unsigned count)
{
    struct aq_buffer key = {0};
    if (count != 1)
        return cli_fail(CLI_USAGE, "%s takes one %s: aq %s KEY %s", view->name, entity->name, entity->name, view->name);
    cli_url_escape(words[0], &key);
    enum cli_exit code = cli_view_show(cli, view, aq_buffer_string(&key));
    aq_buffer_free(&key);
    return code;
}

/* aq application 7 <word> ...: a view, a command or a field of that row. */
static enum cli_exit about_row(struct cli *cli, const struct aq_entity *entity, const char *const *words,
                               unsigned count)
{
    const char *key = words[0], *word = words[1];
    const struct aq_view *view = cli_view_find(entity, word);
    const struct aq_command *command = find_command(entity, word);
    const struct aq_field *field = aq_record_field(entity->record, word);
    bool more_keys = may_be_key(entity, word);
    if (view != NULL && count == 2)
        return show_view(cli, entity, view, words, 1);
    if (command != NULL && command->kind != AQ_CREATES) {
        const char *turned[CLI_WORDS_MAX];
        turned[0] = key;
        memcpy(turned + 1, words + 2, (count - 2) * sizeof *words);
        return cli_write(cli, command, turned, count - 1);
    }
    if (field != NULL && !(field->rules & AQ_SECRET) && count == 2)
        return cli_get_field(cli, entity, key, field);
    if (more_keys && !aq_entity_is_named(entity))
        return cli_get(cli, entity, words, count);
    return unknown_word(entity, word, true);
}

/* aq nodes <word>: a row, or a misspelled verb. Which of them is only known once there is no such row. */
static enum cli_exit get_or_explain(struct cli *cli, const struct aq_entity *entity, const char *word)
{
    enum cli_exit code = cli_get(cli, entity, &word, 1);
    const char *meant = code == CLI_REFUSED ? nearest(entity, word, false) : NULL;
    if (meant != NULL)
        cli_note("did you mean aq %s %s?", entity->plural, meant);
    return code;
}

enum cli_exit cli_noun(struct cli *cli, const struct aq_entity *entity, const char *const *words, unsigned count)
{
    if (count == 0 || cli_word_is_assignment(words[0]))
        return cli_list(cli, entity, words, count);
    const char *word = words[0];
    const struct aq_command *command = find_command(entity, word);
    const struct aq_view *view = cli_view_find(entity, word);
    if (is_read_verb(word)) {
        if (strcmp(word, "get") == 0)
            return cli_get(cli, entity, words + 1, count - 1);
        cli->options.flags.watch = cli->options.flags.watch || strcmp(word, "watch") == 0;
        return cli_list(cli, entity, words + 1, count - 1);
    }
    if (command != NULL)
        return cli_write(cli, command, words + 1, count - 1);
    if (view != NULL)
        return show_view(cli, entity, view, words + 1, count - 1);
    if (!may_be_key(entity, word))
        return unknown_word(entity, word, false);
    return count > 1 ? about_row(cli, entity, words, count) : get_or_explain(cli, entity, word);
}
