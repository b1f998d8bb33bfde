#include "tools/aq/help.h"

#include "schema/codec/help.h"
#include "tools/aq/aliases.h"
#include "tools/aq/table.h"
#include "tools/aq/usage.h"

#include <string.h>

/* ---- two columns ---------------------------------------------------------------------------------------- */

static void add_line(struct cli_table *table, const char *name, const char *help)
{
    struct aq_buffer indented = {0};
    aq_buffer_format(&indented, "  %s", name);
    cli_table_add(table, aq_buffer_string(&indented), indented.length, CLI_PLAIN);
    cli_table_add(table, help, strlen(help), CLI_PLAIN);
    aq_buffer_free(&indented);
}

static void end_table(struct cli_table *table, struct aq_buffer *out)
{
    cli_table_print(table, 0, 0, out);
    cli_table_close(table);
}

/* ---- fields --------------------------------------------------------------------------------------------- */

static void add_fields(struct cli_table *table, const struct aq_record *record, const char *prefix, unsigned depth,
                       const struct aq_field *left_out)
{
    for (size_t i = 0; i < record->count; i++) {
        const struct aq_field *field = &record->fields[i];
        struct aq_buffer name = {0}, text = {0};
        if ((field->rules & (AQ_INTERNAL | AQ_SECRET)) || field == left_out)
            continue;
        aq_buffer_format(&name, "%s%s", prefix, field->name);
        aq_buffer_format(&text, "%s (", field->help);
        aq_help_field_type(field, &text);
        aq_buffer_text(&text, field->rules & AQ_REQUIRED ? "; must be given)" : ")");
        add_line(table, aq_buffer_string(&name), aq_buffer_string(&text));
        aq_buffer_text(&name, field->type == AQ_TYPE_LIST ? "[]." : ".");
        if (field->record != NULL && depth < 4)
            add_fields(table, field->record, aq_buffer_string(&name), depth + 1, NULL);
        aq_buffer_free(&name);
        aq_buffer_free(&text);
    }
}

/* ---- flags ---------------------------------------------------------------------------------------------- */

/* Those of `taken`, but not of `left_out`. */
static void add_flags(uint64_t taken, uint64_t left_out, struct aq_buffer *out)
{
    struct cli_table table;
    cli_table_open(&table, 2);
    for (size_t i = 0; i < cli_flags_record.count; i++) {
        const struct aq_field *field = &cli_flags_record.fields[i];
        struct aq_buffer name = {0}, text = {0};
        char spelled[64], letter = cli_flag_letter(field->name);
        if (!cli_flag_is_taken(taken, field) || (left_out >> i & 1))
            continue;
        if (letter != '\0')
            aq_buffer_format(&name, "-%c, ", letter);
        aq_buffer_text(&name, cli_flag_spelling(field, spelled));
        aq_buffer_text(&text, field->help);
        if (field->type != AQ_TYPE_BOOL) {
            aq_buffer_text(&name, "=VALUE");
            aq_buffer_text(&text, " (");
            aq_help_field_type(field, &text);
            aq_buffer_format(&text, "%s%s)", field->preset ? "; else " : "", field->preset ? field->preset : "");
        }
        add_line(&table, aq_buffer_string(&name), aq_buffer_string(&text));
        aq_buffer_free(&name);
        aq_buffer_free(&text);
    }
    end_table(&table, out);
}

static void add_flags_titled(const char *title, uint64_t taken, uint64_t left_out, struct aq_buffer *out)
{
    if ((taken & ~left_out) != 0)
        aq_buffer_format(out, "\n%s:\n", title);
    add_flags(taken, left_out, out);
}

/* The flags of one verb; those of every verb are in the general help. */
static void add_own_flags(uint64_t taken, struct aq_buffer *out)
{
    add_flags_titled("Flags, besides those in aq --help", taken, CLI_COMMON_FLAGS, out);
}

/* ---- general -------------------------------------------------------------------------------------------- */

static void add_usage(const char *title, const struct cli_usage_line *line, struct aq_buffer *out)
{
    struct cli_table table;
    aq_buffer_format(out, "\n%s:\n", title);
    cli_table_open(&table, 2);
    for (; line->name != NULL; line++)
        add_line(&table, line->name, line->help);
    end_table(&table, out);
}

static void help_general(struct aq_buffer *out)
{
    const struct aq_entity *entity;
    const struct cli_topic *topic;
    struct cli_table table;
    aq_buffer_text(out, "aq - " CLI_PURPOSE "\n\n  aq " CLI_FORM "\n\nNouns:\n");
    cli_table_open(&table, 2);
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++)
        add_line(&table, entity->plural, entity->record->help);
    for (size_t i = 0; (topic = cli_topic_at(i)) != NULL; i++)
        if (topic->help != NULL)
            add_line(&table, topic->name, topic->help);
    end_table(&table, out);
    add_usage("For example", cli_examples, out);
    aq_buffer_text(out, "\nFlags, anywhere on the line; each verb takes some, which its --help lists:\n");
    add_flags(UINT64_MAX, 0, out);
    for (const char *const *note = cli_flag_notes; *note != NULL; note++)
        aq_buffer_format(out, "  %s\n", *note);
    add_usage("Environment", cli_environment, out);
    add_usage("Exit status", cli_exits, out);
}

/* ---- nouns and verbs ------------------------------------------------------------------------------------ */

/* aq nodes token makes something else than a node, and is looked for here. */
static void add_words_for_others(struct cli_table *table, const struct aq_entity *entity)
{
    const struct cli_alias *alias;
    const size_t length = strlen(entity->plural);
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    for (size_t i = 0; (alias = cli_alias_at(i)) != NULL; i++) {
        if (strncmp(alias->word, entity->plural, length) != 0 || alias->word[length] != ' ' || alias->means == NULL)
            continue;
        aq_buffer_reset(&text);
        aq_buffer_format(&text, "the same as aq %s", alias->means);
        add_line(table, alias->word + length + 1, aq_buffer_string(&text));
    }
}

static void help_entity(const struct aq_entity *entity, struct aq_buffer *out)
{
    const struct aq_command *command;
    const struct aq_view *view;
    const struct cli_verb *verb;
    struct aq_buffer text = {0};
    struct cli_table table;
    aq_buffer_format(out, "%s: %s\n\nVerbs:\n", entity->plural, entity->record->help);
    cli_table_open(&table, 2);
    for (size_t i = 0; (verb = cli_verb_at(entity, &i)) != NULL;)
        add_line(&table, verb->name, verb->help);
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++)
        if (cli_command_is_verb(command, entity))
            add_line(&table, command->verb, command->help);
    for (size_t i = 0; (view = cli_view_at(&i)) != NULL;)
        if (view->entity == entity)
            add_line(&table, view->name, cli_view_help(view, &text));
    add_words_for_others(&table, entity);
    aq_buffer_free(&text);
    end_table(&table, out);
    aq_buffer_format(out,
                     "\n  See aq %s VERB --help for what a verb takes. Without a verb: list; with a key: get.\n"
                     "  aq %s KEY VERB|FIELD is about one.\n\nFields, and what lists can be filtered by:\n",
                     entity->plural, entity->name);
    cli_table_open(&table, 2);
    add_fields(&table, entity->record, "", 4, NULL);
    end_table(&table, out);
}

static void help_command(const struct aq_entity *entity, const struct aq_command *command, struct aq_buffer *out)
{
    bool creates = command->kind == AQ_CREATES;
    const struct aq_field *alone = creates ? cli_bare_field(command) : NULL;
    struct cli_table table;
    cli_table_open(&table, 2);
    add_fields(&table, command->record, "", 0, creates ? NULL : &command->record->fields[0]);
    aq_buffer_format(out, "aq %s %s%s", entity->plural, command->verb, creates ? "" : " KEY...");
    if (table.count > 0)
        aq_buffer_text(out, " [field=value...]");
    if (creates && command->value == NULL && entity->group != NULL) /* a word alone would say too little */
        aq_buffer_text(out, " [FILE...]");
    else if (creates || command->kind == AQ_UPDATES)
        aq_buffer_text(out, " [-f FILE]");
    aq_buffer_format(out, " [FLAGS]\n\n  %s\n", command->help);
    if (command->kind == AQ_UPDATES)
        aq_buffer_text(out, "  Fields that are not given keep their value.\n");
    if (table.count > 0)
        aq_buffer_text(out, "\nFields, as field=value or --field value:\n");
    end_table(&table, out);
    if (creates && entity->pair[0] != NULL)
        aq_buffer_format(out, "\n  A word alone is %s:%s.\n", entity->pair[0], entity->pair[1]);
    if (alone != NULL || command->value != NULL)
        aq_buffer_format(out, "\n  A word alone is the %s.\n", alone != NULL ? alone->name : command->value);
    if (creates)
        aq_buffer_format(out, "\n  A file is YAML or JSON: an object, or a list of them, or several documents%s.\n",
                         aq_command_goes_by_verb(command) ? "" : "; several are made all or none");
    add_own_flags(cli_command_flags(command), out);
}

static void help_verb(const struct cli_action *action, struct aq_buffer *out)
{
    AQ_CLEANUP_BUFFER struct aq_buffer name = {0}, text = {0};
    const struct cli_verb *verb = cli_action_verb(action);
    cli_action_name(action, &name);
    aq_buffer_format(out, "%s%s%s [FLAGS]\n\n  %s\n", aq_buffer_string(&name),
                     action->view != NULL || verb->usage[0] != '\0' ? " " : "",
                     action->view != NULL ? "KEY" : verb->usage,
                     action->view != NULL ? cli_view_help(action->view, &text) : verb->help);
    add_own_flags(cli_action_flags(action), out);
}

static void help_topic(const struct cli_topic *parent, const struct cli_topic *topic, struct aq_buffer *out)
{
    struct cli_table table;
    aq_buffer_format(out, "aq %s%s%s%s%s\n\n  %s\n", parent ? parent->name : "", parent ? " " : "", topic->name,
                     topic->usage[0] ? " " : "", topic->usage, topic->help);
    if (topic->more != NULL)
        aq_buffer_format(out, "  %s\n", topic->more);
    if (topic->verbs != NULL) {
        aq_buffer_text(out, "\nVerbs:\n");
        cli_table_open(&table, 2);
        for (const struct cli_topic *verb = topic->verbs; verb->name != NULL; verb++)
            add_line(&table, verb->name, verb->help);
        end_table(&table, out);
        aq_buffer_format(out, "\n  See aq %s VERB --help for what a verb takes.\n", topic->name);
    }
    if (topic->offline) /* takes no others */
        add_flags_titled("Flags", topic->flags, 0, out);
    else
        add_own_flags(topic->flags, out);
}

int cli_help(const char *const *words, unsigned count, struct aq_arena *arena, struct aq_buffer *out,
             struct aq_error *error)
{
    const struct aq_entity *entity = count > 0 ? aq_entity_find(words[0]) : NULL;
    const struct cli_topic *topic = count > 0 ? cli_topic_find(words[0]) : NULL;
    struct cli_action action;
    bool known = count > 0 && cli_action_find(&action, words, count, arena, error) == 0;
    if (known && action.form == CLI_TOPIC)
        help_topic(action.parent, action.topic, out);
    else if (topic != NULL)
        help_topic(NULL, topic, out);
    else if (known && action.form == CLI_WRITE)
        help_command(action.entity, action.command, out);
    else if (known && count > 1 && !action.guessed && action.form != CLI_FIELD)
        help_verb(&action, out);
    else if (entity != NULL || (known && action.entity != NULL))
        help_entity(entity != NULL ? entity : action.entity, out);
    else if (count > 0 && !known)
        return -1;
    else
        help_general(out);
    return 0;
}
