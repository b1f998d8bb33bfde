/* One line of aq: resolved, its flags checked, and given to what does it. */
#include "schema/codec/command.h"
#include "schema/model/application.h"
#include "schema/model/task.h"
#include "tools/aq/can.h"
#include "tools/aq/help.h"
#include "tools/aq/jobs.h"
#include "tools/aq/tasks.h"
#include "tools/aq/wrap.h"

#include <inttypes.h>
#include <string.h>

static enum cli_exit show_help(const char *const *words, unsigned count, struct aq_arena *arena)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0}, out = {0};
    struct aq_error error;
    if (cli_help(words, count, arena, &text, &error) != 0)
        return cli_fail(CLI_USAGE, "%s", error.message);
    cli_wrap(aq_buffer_string(&text), cli_terminal_columns(), &out);
    cli_print(aq_buffer_string(&out), out.length);
    return CLI_DONE;
}

/* aq nodes <word>: a row, or a misspelled verb. Which of them is only known once there is no such row. */
static enum cli_exit get(struct cli *cli, const struct cli_action *action)
{
    AQ_CLEANUP_BUFFER struct aq_buffer meant = {0};
    enum cli_exit code = cli_get(cli, action->entity, action->words, action->count);
    if (code == CLI_REFUSED && action->guessed)
        cli_action_meant(action->entity, action->words[0], &meant);
    if (meant.length > 0)
        cli_note("did you mean aq %s %s?", action->entity->plural, aq_buffer_string(&meant));
    return code;
}

static enum cli_exit view(struct cli *cli, const struct cli_action *action)
{
    const struct aq_entity *entity = action->entity;
    AQ_CLEANUP_BUFFER struct aq_buffer key = {0}, escaped = {0};
    if (action->count != 1)
        return cli_fail(CLI_USAGE, "%s takes one %s: aq %s KEY %s", action->view->name, entity->name, entity->name,
                        action->view->name);
    enum cli_exit code = cli_find_key(cli, entity, action->words[0], &key);
    cli_url_escape(aq_buffer_string(&key), &escaped);
    return code == CLI_DONE ? cli_view_show(cli, action->view, aq_buffer_string(&escaped)) : code;
}

static enum cli_exit edit(struct cli *cli, const struct cli_action *action)
{
    const struct aq_entity *entity = action->entity;
    if (action->count != 1)
        return cli_fail(CLI_USAGE, "edit takes one %s: aq %s edit KEY", entity->name, entity->plural);
    return cli_edit(cli, entity, action->words[0]);
}

static enum cli_exit act(struct cli *cli, const struct cli_action *action)
{
    const struct aq_entity *entity = action->entity;
    cli->options.flags.watch = cli->options.flags.watch || action->watch;
    switch (action->form) {
    case CLI_TOPIC:
        return action->topic->run(cli, action->words, action->count);
    case CLI_LIST:
        return cli_list(cli, entity, action->words, action->count);
    case CLI_GET:
        return get(cli, action);
    case CLI_DESCRIBE:
        return cli_describe(cli, entity, action->words, action->count);
    case CLI_FIELD:
        return cli_get_field(cli, entity, action->words[0], action->field);
    case CLI_VIEW:
        return view(cli, action);
    case CLI_EDIT:
        return edit(cli, action);
    default:
        return cli_write(cli, action->command, action->words, action->count);
    }
}

/* The command that the line is about, if it is about one. */
static const struct aq_command *command_of(const struct cli_action *action)
{
    if (action->form == CLI_TOPIC && action->topic->run == cli_run_application)
        return &aq_command_application_create;
    if (action->form == CLI_TOPIC && (action->topic->run == cli_snapshot || action->topic->run == cli_image))
        return &aq_command_task_create;
    return action->form == CLI_WRITE ? action->command : NULL;
}

static int add_word(struct cli_action *action, const char *word, struct aq_error *error)
{
    if (action->count == CLI_WORDS_MAX)
        return aq_fail(error, AQ_E_INVALID, "more than %d words", CLI_WORDS_MAX);
    action->words[action->count++] = word;
    return 0;
}

/* aq can --project web: the same as project=web. */
static int take_project(struct cli_options *options, struct cli_action *action, struct aq_error *error)
{
    if (options->filter_count != 1 || strcmp(options->filters[0].field, "project") != 0 || options->filters[0].negated)
        return 0; /* check_flags() refuses it */
    const char *word = aq_arena_format(&options->arena, "project=%s", options->filters[0].pattern);
    options->filter_count = 0;
    return add_word(action, word, error);
}

/* aq node n1 drain --timeout 1h: not how long to wait for an answer, but how long the drain may take. */
static int take_timeout(struct cli_options *options, struct cli_action *action, const struct aq_command *command,
                        struct aq_error *error)
{
    if (!cli_options_gave(options, "timeout") || aq_record_field(command->record, "timeout") == NULL)
        return 0;
    const char *word = aq_arena_format(&options->arena, "timeout=%" PRIu64, options->flags.timeout);
    options->flags.timeout = 0;
    options->given &= ~CLI_BIT(timeout);
    return add_word(action, word, error);
}

/* aq node n1 maintenance --cancel: without the flags this would show the field. */
static void choose_command(const struct cli_options *options, struct cli_action *action)
{
    const bool may_be = action->form == CLI_FIELD && action->command != NULL && options->filter_count > 0;
    for (unsigned i = 0; may_be && i < options->filter_count; i++)
        if (aq_record_field(action->command->record, options->filters[i].field) == NULL)
            return;
    if (may_be)
        action->form = CLI_WRITE;
}

/* aq nodes token --uses 20: the same as uses=20. Other flags are left for check_flags(). */
static int take_fields(struct cli_options *options, struct cli_action *action, struct aq_error *error)
{
    choose_command(options, action);
    const struct aq_command *command = command_of(action);
    unsigned kept = 0;
    if (action->form == CLI_TOPIC && action->topic->run == cli_can)
        return take_project(options, action, error);
    if (command == NULL)
        return 0;
    if (take_timeout(options, action, command, error) != 0)
        return -1;
    for (unsigned i = 0; i < options->filter_count; i++) {
        const struct cli_filter *filter = &options->filters[i];
        const struct aq_field *field = aq_record_field(command->record, filter->field);
        if (field == NULL || !aq_command_takes_field(command, field)) {
            options->filters[kept++] = *filter;
            continue;
        }
        if (filter->negated)
            return aq_fail(error, AQ_E_INVALID,
                           "--%s!= is a filter, for lists; a field of a command is given as --%s=", filter->field,
                           filter->field);
        if (add_word(action, aq_arena_format(&options->arena, "%s=%s", filter->field, filter->pattern), error) != 0)
            return -1;
    }
    options->filter_count = kept;
    return 0;
}

/* Does the verb take every flag of the line? */
static int check_flags(const struct cli_options *options, const struct cli_action *action, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer name = {0};
    cli_action_name(action, &name);
    if (cli_options_check(options, cli_action_flags(action), cli_action_filters(action), aq_buffer_string(&name),
                          error) != 0)
        return -1;
    /* Without a wait no table is printed. */
    if (action->form == CLI_WRITE && !options->flags.wait && (options->given & (CLI_BIT(wide) | CLI_BIT(no_headers))))
        return aq_fail(error, AQ_E_INVALID, "--wide and --no-headers are about the table that --wait prints");
    return 0;
}

enum cli_exit cli_run(struct cli *cli)
{
    struct cli_options *options = &cli->options;
    struct aq_error error = {0};
    struct cli_action action;
    if (options->flags.help)
        return show_help(options->words, options->word_count, &options->arena);
    if (options->word_count == 0) {
        if (cli_options_check(options, UINT64_MAX, NULL, "aq", &error) != 0)
            return cli_fail(CLI_USAGE, "%s", error.message);
        return show_help(NULL, 0, &options->arena);
    }
    if (cli_action_read(&action, options, &error) != 0 || take_fields(options, &action, &error) != 0 ||
        check_flags(options, &action, &error) != 0)
        return cli_fail(CLI_USAGE, "%s", error.message);
    if (action.form == CLI_TOPIC && action.topic->run == NULL) /* aq help NOUN */
        return show_help(action.words, action.count, &options->arena);
    if (action.form != CLI_TOPIC || !action.topic->offline) {
        enum cli_exit code = cli_client_open(&cli->client, options);
        if (code != CLI_DONE)
            return code;
    }
    return act(cli, &action);
}
