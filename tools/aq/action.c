#include "tools/aq/action.h"

#include "schema/codec/command.h"
#include "schema/model/application.h"
#include "schema/model/key.h"
#include "tools/aq/aliases.h"
#include "tools/aq/body.h"
#include "tools/aq/exec.h"
#include "tools/aq/jobs.h"
#include "tools/aq/suggest.h"

#include <string.h>

enum { REWRITES_MAX = 3 };

/* ---- words ---------------------------------------------------------------------------------------------- */

static void set_words(struct cli_action *action, const char *const *words, unsigned count)
{
    memcpy(action->words, words, count * sizeof *words);
    action->count = count;
}

static int found(struct cli_action *action, enum cli_form form, const char *const *words, unsigned count)
{
    action->form = form;
    set_words(action, words, count);
    return 0;
}

static const struct aq_command *find_command(const struct aq_entity *entity, const char *verb)
{
    const struct aq_command *command = aq_command_of(entity, verb);
    return command != NULL && cli_command_is_verb(command, entity) ? command : NULL;
}

/* Could the word be the key of a row? */
static bool may_be_key(const struct aq_entity *entity, const char *word)
{
    return aq_entity_is_named(entity) || entity->group != NULL || aq_key_is_digits(word) ||
           (entity->pair[0] != NULL && strchr(word, ':') != NULL) ||
           (entity->has_newest && strcmp(word, CLI_NEWEST) == 0);
}

static bool is_filter_word(const char *word)
{
    return strchr(word, '=') != NULL;
}

/* ---- what was meant ------------------------------------------------------------------------------------- */

/* The nearest verb, view or, after a key, field. */
static const char *nearest(const struct aq_entity *entity, const char *word, bool with_fields)
{
    struct cli_suggest suggest = {.word = word};
    const struct aq_command *command;
    const struct cli_verb *verb;
    const struct aq_view *view;
    for (size_t i = 0; (verb = cli_verb_at(entity, &i)) != NULL;)
        if (!with_fields || verb->form != CLI_LIST)
            cli_suggest_try(&suggest, verb->name);
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++)
        if (cli_command_is_verb(command, entity) && !(with_fields && command->kind == AQ_CREATES))
            cli_suggest_try(&suggest, command->verb);
    for (size_t i = 0; (view = cli_view_at(&i)) != NULL;)
        if (view->entity == entity)
            cli_suggest_try(&suggest, view->name);
    for (size_t i = 0; with_fields && i < entity->record->count; i++)
        if (!(entity->record->fields[i].rules & AQ_SECRET))
            cli_suggest_try(&suggest, entity->record->fields[i].name);
    return suggest.best;
}

void cli_action_meant(const struct aq_entity *entity, const char *word, struct aq_buffer *out)
{
    const char *verb = nearest(entity, word, false);
    const struct aq_field *field = aq_record_field(entity->record, word);
    if (field != NULL && !(field->rules & AQ_SECRET)) {
        aq_buffer_format(out, "KEY %s", field->name);
        return;
    }
    const struct aq_command *command = verb != NULL ? find_command(entity, verb) : NULL;
    const struct cli_verb *read = verb != NULL ? cli_verb_find(entity, verb) : NULL;
    if (verb == NULL)
        return;
    bool has_key = command != NULL ? command->kind != AQ_CREATES : read == NULL || read->form != CLI_LIST;
    aq_buffer_format(out, "%s%s", verb, has_key ? " KEY" : "");
    if (command != NULL && !has_key)
        aq_buffer_text(out, " field=value...");
}

static int unknown_word(const struct aq_entity *entity, const char *word, bool with_fields, struct aq_error *error)
{
    const char *meant = nearest(entity, word, with_fields);
    if (meant != NULL)
        return aq_fail(error, AQ_E_INVALID, "%s have no verb or field \"%.64s\"; did you mean %s?", entity->plural,
                       word, meant);
    return aq_fail(error, AQ_E_INVALID, "%s have no verb or field \"%.64s\"; see aq %s --help", entity->plural, word,
                   entity->plural);
}

/* ---- a noun and what follows ---------------------------------------------------------------------------- */

/* aq application 7 logs: the output of its resource. */
static const struct cli_topic *topic_as_verb(const struct aq_entity *entity, const char *verb)
{
    bool is_output = strcmp(verb, "logs") == 0 || strcmp(verb, "log") == 0;
    return entity == &aq_entity_application && (is_output || strcmp(verb, "wait") == 0)
               ? cli_topic_find(is_output ? "logs" : verb)
               : NULL;
}

/* The topic's verb, also under the names that it has elsewhere: aq context ls, aq context rm. */
static const struct cli_topic *topic_verb(const struct cli_topic *topic, const char *word)
{
    const struct cli_topic *verb = cli_topic_verb(topic, word);
    const char *other;
    for (size_t i = 0; verb == NULL && (other = cli_alias_verb_at(word, i)) != NULL; i++)
        verb = cli_topic_verb(topic, other);
    return verb;
}

static int take_topic(struct cli_action *action, const struct cli_topic *topic, const char *const *words,
                      unsigned count, struct aq_error *error)
{
    action->topic = topic;
    if (topic->verbs == NULL || (count == 0 && topic->run != NULL))
        return found(action, CLI_TOPIC, words, count);
    const struct cli_topic *verb = count > 0 ? topic_verb(topic, words[0]) : NULL;
    struct cli_suggest suggest = {.word = count > 0 ? words[0] : ""};
    if (verb != NULL) {
        action->topic = verb;
        action->parent = topic;
        return found(action, CLI_TOPIC, words + 1, count - 1);
    }
    for (verb = topic->verbs; count > 0 && verb->name != NULL; verb++)
        cli_suggest_try(&suggest, verb->name);
    if (count > 0 && strcmp(topic->name, "log") == 0 && aq_key_is_digits(words[0]))
        return aq_fail(error, AQ_E_INVALID, "the output of application %.20s is in: aq logs %.20s", words[0], words[0]);
    if (suggest.best != NULL)
        return aq_fail(error, AQ_E_INVALID, "%s has no verb \"%.64s\"; did you mean %s?", topic->name, words[0],
                       suggest.best);
    return aq_fail(error, AQ_E_INVALID, "%s needs a verb: see aq %s --help", topic->name, topic->name);
}

/* A verb without a key before it. 1: it is none. */
static int take_verb(struct cli_action *action, const char *const *words, unsigned count, struct aq_error *error)
{
    const struct aq_entity *entity = action->entity;
    const char *word = cli_alias_verb(entity, words[0]);
    const struct cli_verb *verb = cli_verb_find(entity, word);
    const struct cli_topic *topic = topic_as_verb(entity, words[0]);
    action->command = find_command(entity, word);
    action->view = cli_view_find(entity, word);
    words++;
    count--;
    if (topic != NULL)
        return take_topic(action, topic, words, count, error);
    if (verb != NULL) {
        action->watch = strcmp(verb->name, "watch") == 0;
        bool one = action->watch && count > 0 && !is_filter_word(words[0]);
        return found(action, one ? CLI_GET : verb->form, words, count);
    }
    if (action->command != NULL)
        return found(action, CLI_WRITE, words, count);
    return action->view != NULL ? found(action, CLI_VIEW, words, count) : 1;
}

static int takes_no_key(const struct aq_entity *entity, const char *verb, struct aq_error *error)
{
    return aq_fail(error, AQ_E_INVALID, "%s takes no key before it: aq %s %s", verb, entity->plural, verb);
}

/* The command, with the key before it after it. */
static int turn_around(struct cli_action *action, enum cli_form form, const char *const *words, unsigned count)
{
    action->form = form;
    action->words[0] = words[0];
    memcpy(action->words + 1, words + 2, (count - 2) * sizeof *words);
    action->count = count - 1;
    return 0;
}

/* aq application 7 <word> ...: a view, a command or a field of that row. */
static int take_row(struct cli_action *action, const char *const *words, unsigned count, struct aq_error *error)
{
    const struct aq_entity *entity = action->entity;
    const char *word = cli_alias_verb(entity, words[1]);
    const struct cli_verb *verb = cli_verb_find(entity, word);
    const struct cli_topic *topic = topic_as_verb(entity, words[1]);
    const struct aq_command *command = find_command(entity, word);
    const struct aq_view *view = cli_view_find(entity, word);
    const struct aq_field *field = aq_record_field(entity->record, word);
    if (field != NULL && (field->rules & AQ_SECRET))
        field = NULL;
    bool lacks_value = command != NULL && field != NULL && count == 2 && !aq_command_needs_only_key(command);
    action->command = command;
    action->view = view;
    if (topic != NULL) {
        action->topic = topic;
        return turn_around(action, CLI_TOPIC, words, count);
    }
    if (verb != NULL && strcmp(verb->name, "list") == 0)
        return takes_no_key(entity, verb->name, error);
    if (verb != NULL) {
        action->watch = strcmp(verb->name, "watch") == 0;
        return turn_around(action, action->watch ? CLI_GET : verb->form, words, count);
    }
    if (view != NULL)
        return turn_around(action, CLI_VIEW, words, count);
    if (command != NULL && command->kind == AQ_CREATES)
        return takes_no_key(entity, command->verb, error);
    if (command != NULL && !lacks_value)
        return turn_around(action, CLI_WRITE, words, count);
    if (field != NULL && count > 2)
        return aq_fail(error, AQ_E_INVALID, "nothing follows the field %s: aq %s %.64s %s", field->name, entity->name,
                       words[0], field->name);
    if (field != NULL) {
        action->field = field;
        return found(action, CLI_FIELD, words, 1);
    }
    if (may_be_key(entity, word) && !aq_entity_is_named(entity))
        return found(action, CLI_GET, words, count);
    return unknown_word(entity, words[1], true, error);
}

static int take_entity(struct cli_action *action, const struct aq_entity *entity, const char *const *words,
                       unsigned count, struct aq_error *error)
{
    action->entity = entity;
    if (count == 0 || is_filter_word(words[0]))
        return found(action, CLI_LIST, words, count);
    int status = take_verb(action, words, count, error);
    if (status <= 0)
        return status;
    const struct aq_field *field = aq_record_field(entity->record, words[0]);
    if (!may_be_key(entity, words[0]) && field != NULL && !(field->rules & AQ_SECRET))
        return aq_fail(error, AQ_E_INVALID, "%s is a field: aq %s KEY %s", field->name, entity->name, field->name);
    if (!may_be_key(entity, words[0]))
        return unknown_word(entity, words[0], false, error);
    const struct cli_alias *alias = cli_alias_find(words[0]);
    if (count > 1 && alias != NULL && alias->type != NULL) /* aq node drain n1 */
        return aq_fail(error, AQ_E_INVALID, "%s have no verb \"%s\": %s: %s", entity->plural, alias->word, alias->why,
                       alias->type);
    if (count > 1)
        return take_row(action, words, count, error);
    action->guessed = true;
    return found(action, CLI_GET, words, 1);
}

/* ---- a line --------------------------------------------------------------------------------------------- */

/* node/n1 is: node n1. Returns the number of words that it is, 0 if it is no such pair. */
static unsigned split_pair(const char *word, const char *pair[2], struct aq_arena *arena)
{
    size_t length = strcspn(word, "/");
    if (word[length] == '\0' || word[length + 1] == '\0')
        return 0;
    pair[0] = aq_arena_text(arena, word, length);
    pair[1] = word + length + 1;
    return aq_entity_find(pair[0]) != NULL ? 2 : 0;
}

/* The words with those at `from` (`left_out` of them) replaced. False: too many. */
static bool replace_words(const char **line, unsigned *count, unsigned from, unsigned left_out, const char *const *new,
                          unsigned new_count)
{
    unsigned rest = *count - from - left_out;
    if (from + new_count + rest > CLI_WORDS_MAX)
        return false;
    memmove(line + from + new_count, line + from + left_out, rest * sizeof *line);
    if (new_count > 0)
        memcpy(line + from, new, new_count * sizeof *line);
    *count = from + new_count + rest;
    return true;
}

static void split_pairs(const char **line, unsigned *count, struct aq_arena *arena)
{
    for (unsigned i = 0; i < 2 && i < *count; i++) {
        const char *pair[2];
        const struct cli_topic *topic = cli_topic_find(line[0]);
        if (topic != NULL && topic->keys == NULL)
            return; /* the word may also be a directory */
        if (split_pair(line[i], pair, arena) == 2)
            (void)replace_words(line, count, i, 1, pair, 2);
    }
}

bool cli_entity_has_verb(const struct aq_entity *entity, const char *word)
{
    const char *verb = cli_alias_verb(entity, word);
    return cli_verb_find(entity, verb) != NULL || find_command(entity, verb) != NULL ||
           cli_view_find(entity, verb) != NULL || topic_as_verb(entity, word) != NULL;
}

/* The only entity that has the verb; `among` has all that have it, with what to type. */
static const struct aq_entity *only_entity(const char *verb, struct aq_buffer *among)
{
    const struct aq_entity *entity, *only = NULL;
    unsigned count = 0;
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++) {
        const char *own = cli_alias_verb(entity, verb);
        const struct aq_command *command = find_command(entity, own);
        const struct cli_verb *read = cli_verb_find(entity, own);
        if (!cli_entity_has_verb(entity, verb))
            continue;
        bool has_key = command != NULL ? command->kind != AQ_CREATES : read == NULL || read->form != CLI_LIST;
        only = entity;
        aq_buffer_format(among, "%saq %s %s%s", count++ > 0 ? ", " : "", verb, entity->name, has_key ? " KEY" : "");
    }
    return count == 1 ? only : NULL;
}

/* aq get 7, aq describe node-1: what it is about goes without saying, or is found out. 1: it does not. */
static int take_what(struct cli_action *action, const char *const *words, unsigned count)
{
    bool describes = strcmp(cli_alias_verb(&aq_entity_application, words[0]), "describe") == 0;
    bool gets = strcmp(words[0], "get") == 0;
    if (count < 2 || (!describes && !gets))
        return 1;
    action->entity = may_be_key(&aq_entity_application, words[1]) ? &aq_entity_application : NULL;
    if (action->entity == NULL && !describes)
        return 1;
    return found(action, describes ? CLI_DESCRIBE : CLI_GET, words + 1, count - 1);
}

/* The verb first: aq get nodes, aq deallocate 7. 1: it is not so. 2: the first word says nothing. */
static int take_verb_first(struct cli_action *action, const char **line, unsigned count, struct aq_error *error)
{
    const struct aq_entity *entity = count > 1 ? aq_entity_find(line[1]) : NULL;
    const struct cli_alias *alias = cli_alias_find(line[0]);
    bool reads = strcmp(line[0], "get") == 0 || strcmp(line[0], "list") == 0;
    AQ_CLEANUP_BUFFER struct aq_buffer among = {0};
    if (entity != NULL && cli_entity_has_verb(entity, line[0])) {
        bool lists = count == 2 && strcmp(cli_alias_verb(entity, line[0]), "get") == 0;
        line[1] = lists ? "list" : line[0];
        return take_entity(action, entity, line + 1, count - 1, error);
    }
    const struct aq_entity *only = only_entity(line[0], &among);
    if (entity != NULL && among.length > 0 && alias == NULL)
        return unknown_word(entity, line[0], false, error);
    const struct cli_alias *what = count > 1 ? cli_alias_find(line[1]) : NULL;
    if (reads && count > 1 && (what != NULL || cli_topic_find(line[1]) != NULL))
        return 2; /* aq get events, aq get pods */
    if (count > 2 && among.length > 0 && what != NULL && what->type != NULL)
        return 2; /* aq describe pod 7; alone it may be a name */
    if (entity != NULL || alias != NULL)
        return 1;
    if (take_what(action, line, count) == 0)
        return 0;
    if (only != NULL)
        return take_entity(action, only, line, count, error);
    if (among.length == 0)
        return 1;
    return aq_fail(error, AQ_E_INVALID, "%s what? %s", line[0], aq_buffer_string(&among));
}

/* Words that are known elsewhere, and work here: puts what they mean in their place. -1: they do not work. */
static int take_alias(const struct cli_alias *alias, const char **line, unsigned *count, struct aq_arena *arena,
                      struct aq_error *error)
{
    const char *new[CLI_WORDS_MAX];
    unsigned new_count = 0, own = strchr(alias->word, ' ') != NULL ? 2 : 1;
    bool placed = false;
    if (alias->means == NULL)
        return aq_fail(error, AQ_E_INVALID, "there is no \"%s\": %s: %s", alias->word, alias->why, alias->type);
    for (const char *at = alias->means; *at != '\0';) {
        size_t length = strcspn(at, " ");
        if (*at == '*') {
            placed = true;
            memcpy(new + new_count, line + own, (*count - own) * sizeof *line);
            new_count += *count - own;
        } else {
            new[new_count++] = aq_arena_text(arena, at, length);
        }
        at += length + (at[length] == ' ');
    }
    if (!replace_words(line, count, 0, placed ? *count : own, new, new_count))
        return aq_fail(error, AQ_E_INVALID, "more than %d words", CLI_WORDS_MAX);
    return 0;
}

/* aq status 7, aq status node n1: not the cluster's. */
static bool is_status_of_row(const struct cli_topic *topic, const char *const *line, unsigned count)
{
    return strcmp(topic->name, "status") == 0 && count > 1 &&
           (aq_entity_find(line[1]) != NULL || may_be_key(&aq_entity_application, line[1]));
}

static int unknown_noun(const char *word, struct aq_error *error)
{
    struct cli_suggest suggest = {.word = word};
    const struct aq_entity *entity;
    const struct cli_topic *topic;
    const struct cli_alias *alias;
    if (aq_key_is_digits(word))
        return aq_fail(error, AQ_E_INVALID, "there is no \"%.64s\"; did you mean application %.20s?", word, word);
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++) {
        cli_suggest_try(&suggest, entity->plural);
        cli_suggest_try(&suggest, entity->name);
    }
    for (size_t i = 0; (topic = cli_topic_at(i)) != NULL; i++)
        cli_suggest_try(&suggest, topic->name);
    for (size_t i = 0; (alias = cli_alias_at(i)) != NULL; i++)
        if (alias->means != NULL && strlen(alias->word) > 3 && strchr(alias->word, ' ') == NULL)
            cli_suggest_try(&suggest, alias->word);
    if (suggest.best != NULL)
        return aq_fail(error, AQ_E_INVALID, "there is no \"%.64s\"; did you mean %s?", word, suggest.best);
    return aq_fail(error, AQ_E_INVALID, "there is no \"%.64s\"; see aq --help", word);
}

int cli_action_find(struct cli_action *action, const char *const *words, unsigned count, struct aq_arena *arena,
                    struct aq_error *error)
{
    const char *line[CLI_WORDS_MAX];
    *action = (struct cli_action){0};
    aq_assert(count > 0 && count <= CLI_WORDS_MAX);
    memcpy(line, words, count * sizeof *words);
    for (unsigned rewrites = 0; rewrites <= REWRITES_MAX; rewrites++) {
        split_pairs(line, &count, arena);
        const struct aq_entity *entity = aq_entity_find(line[0]);
        const struct cli_topic *topic = cli_topic_find(line[0]);
        const struct cli_alias *alias = cli_alias_find(line[0]);
        const struct cli_alias *pair = count > 1 ? cli_alias_find_pair(line[0], line[1]) : NULL;
        if (pair != NULL && take_alias(pair, line, &count, arena, error) != 0)
            return -1;
        if (pair != NULL)
            continue;
        if (topic != NULL && is_status_of_row(topic, line, count)) {
            line[0] = "get";
            topic = NULL;
        }
        if (topic != NULL)
            return take_topic(action, topic, line + 1, count - 1, error);
        if (entity != NULL)
            return take_entity(action, entity, line + 1, count - 1, error);
        int status = take_verb_first(action, line, count, error);
        if (status <= 0)
            return status;
        if (status == 2) {
            (void)replace_words(line, &count, 0, 1, NULL, 0);
            continue;
        }
        if (alias == NULL)
            break;
        if (take_alias(alias, line, &count, arena, error) != 0)
            return -1;
    }
    return unknown_noun(line[0], error);
}

/* Do the words mean something without the one after the flag that does not exist? */
static int find_without_value(struct cli_action *action, struct cli_options *options)
{
    const char *words[CLI_WORDS_MAX];
    unsigned count = options->word_count;
    struct aq_error ignored;
    memcpy(words, options->words, count * sizeof *words);
    if (options->unknown[0] == '\0' || options->unknown_at >= count || count == 1)
        return -1;
    (void)replace_words(words, &count, options->unknown_at, 1, NULL, 0);
    return cli_action_find(action, words, count, &options->arena, &ignored);
}

/* aq run LABEL -- COMMAND: what is behind -- is no word of the line. */
static bool takes_arguments(const struct cli_action *action)
{
    if (action->form == CLI_TOPIC)
        return action->topic->run == cli_run_application || action->topic->run == cli_exec;
    return action->form == CLI_WRITE && action->command == &aq_command_application_create;
}

int cli_action_read(struct cli_action *action, struct cli_options *options, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer name = {0};
    struct aq_error ignored;
    if (options->word_tail > 0 && options->word_tail < options->word_count &&
        cli_action_find(action, options->words, options->word_tail, &options->arena, &ignored) == 0 &&
        takes_arguments(action)) {
        options->argument_count = options->word_count - options->word_tail;
        return 0;
    }
    if (cli_action_find(action, options->words, options->word_count, &options->arena, error) == 0)
        return 0;
    if (find_without_value(action, options) != 0)
        return -1;
    cli_action_name(action, &name);
    return cli_options_check(options, cli_action_flags(action), cli_action_filters(action), aq_buffer_string(&name),
                             error);
}

/* ---- what it takes -------------------------------------------------------------------------------------- */

const struct cli_verb *cli_action_verb(const struct cli_action *action)
{
    return cli_verb_of_form(action->form, action->watch);
}

uint64_t cli_action_flags(const struct cli_action *action)
{
    uint64_t flags = action->form == CLI_TOPIC   ? action->topic->flags
                     : action->form == CLI_WRITE ? cli_command_flags(action->command)
                     : action->form == CLI_VIEW  ? cli_view_flags(action->view)
                                                 : cli_action_verb(action)->flags;
    bool offline = action->form == CLI_TOPIC && action->topic->offline;
    return flags | (offline ? CLI_BIT(help) : CLI_COMMON_FLAGS);
}

const struct aq_entity *cli_action_filters(const struct cli_action *action)
{
    return action->form == CLI_LIST ? action->entity : NULL;
}

void cli_action_name(const struct cli_action *action, struct aq_buffer *out)
{
    aq_buffer_text(out, "aq");
    if (action->form == CLI_TOPIC && action->parent != NULL)
        aq_buffer_format(out, " %s", action->parent->name);
    if (action->form == CLI_TOPIC)
        aq_buffer_format(out, " %s", action->topic->name);
    else if (action->entity != NULL && action->form == CLI_FIELD)
        aq_buffer_format(out, " %s KEY %s", action->entity->name, action->field->name);
    else if (action->entity != NULL)
        aq_buffer_format(out, " %s %s", action->entity->plural,
                         action->form == CLI_WRITE  ? action->command->verb
                         : action->form == CLI_VIEW ? action->view->name
                                                    : cli_action_verb(action)->name);
    else
        aq_buffer_format(out, " %s", cli_action_verb(action)->name);
}
