#include "tools/aq/help.h"

#include "schema/codec/help.h"
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

static void add_flags(struct aq_buffer *out)
{
    struct cli_table table;
    cli_table_open(&table, 2);
    for (size_t i = 0; i < cli_flags_record.count; i++) {
        const struct aq_field *field = &cli_flags_record.fields[i];
        struct aq_buffer name = {0}, text = {0};
        char spelled[64], letter = cli_flag_letter(field->name);
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
    aq_buffer_text(out, "\nFlags, anywhere on the line:\n");
    add_flags(out);
    for (const char *const *note = cli_flag_notes; *note != NULL; note++)
        aq_buffer_format(out, "  %s\n", *note);
    add_usage("Environment", cli_environment, out);
    add_usage("Exit status", cli_exits, out);
}

/* ---- nouns and verbs ------------------------------------------------------------------------------------ */

static void help_entity(const struct aq_entity *entity, struct aq_buffer *out)
{
    const struct aq_command *command;
    const struct aq_view *view;
    struct aq_buffer text = {0};
    struct cli_table table;
    aq_buffer_format(out, "%s: %s\n\nVerbs:\n", entity->plural, entity->record->help);
    cli_table_open(&table, 2);
    for (size_t i = 0; cli_read_verbs[i] != NULL; i++)
        add_line(&table, cli_read_verbs[i], cli_read_verb_help(cli_read_verbs[i]));
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++)
        if (cli_command_is_verb(command, entity))
            add_line(&table, command->verb, command->help);
    for (size_t i = 0; (view = cli_view_at(&i)) != NULL;)
        if (view->entity == entity)
            add_line(&table, view->name, cli_view_help(view, &text));
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
    aq_buffer_format(out, "%s%s [--dry-run]\n\n  %s\n",
                     creates && !aq_command_goes_by_verb(command) ? " [--count N]" : "",
                     entity->may_wait ? " [--wait]" : "", command->help);
    if (command->kind == AQ_UPDATES)
        aq_buffer_text(out, "  Fields that are not given keep their value.\n");
    if (table.count > 0)
        aq_buffer_text(out, "\nFields:\n");
    end_table(&table, out);
    if (command->value != NULL)
        aq_buffer_format(out, "\n  A word alone is the %s.\n", command->value);
    if (creates)
        aq_buffer_format(out, "\n  A file is YAML or JSON: an object, or a list of them%s.\n",
                         aq_command_goes_by_verb(command) ? "" : "; several are made all or none");
}

static void help_view(const struct aq_entity *entity, const char *verb, const char *help, struct aq_buffer *out)
{
    bool lists = strcmp(verb, "list") == 0, watches = strcmp(verb, "watch") == 0;
    aq_buffer_format(out, "aq %s %s%s%s\n\n  %s\n", entity->plural, verb,
                     lists || watches           ? " [field=pattern...] [--limit N | --all] [--reverse]"
                     : strcmp(verb, "get") == 0 ? " KEY... [--watch]"
                                                : " KEY",
                     lists ? " [--watch]" : "", help);
}

static bool help_verb(const struct aq_entity *entity, const char *verb, struct aq_buffer *out)
{
    const struct aq_command *command = aq_command_of(entity, verb);
    const struct aq_view *view = cli_view_find(entity, verb);
    if (command != NULL && cli_command_is_verb(command, entity)) {
        help_command(entity, command, out);
        return true;
    }
    for (size_t i = 0; cli_read_verbs[i] != NULL; i++)
        if (strcmp(cli_read_verbs[i], verb) == 0) {
            help_view(entity, verb, cli_read_verb_help(verb), out);
            return true;
        }
    if (view == NULL)
        return false;
    struct aq_buffer text = {0};
    help_view(entity, verb, cli_view_help(view, &text), out);
    aq_buffer_free(&text);
    return true;
}

void cli_help(const char *const *words, unsigned count, struct aq_buffer *out)
{
    const struct aq_entity *entity = count > 0 ? aq_entity_find(words[0]) : NULL;
    const struct cli_topic *topic = count > 0 ? cli_topic_find(words[0]) : NULL;
    if (topic != NULL && topic->help != NULL) {
        aq_buffer_format(out, "aq %s%s%s\n\n  %s\n", topic->name, topic->usage[0] ? " " : "", topic->usage,
                         topic->help);
        if (topic->more != NULL)
            aq_buffer_format(out, "  %s\n", topic->more);
        return;
    }
    if (entity == NULL) {
        help_general(out);
        return;
    }
    for (unsigned i = 1; i < count && i < 3; i++) /* aq applications create --help, aq application 7 why --help */
        if (help_verb(entity, words[i], out))
            return;
    help_entity(entity, out);
}
