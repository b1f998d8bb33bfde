/* aq(1), and how fields are told on every page. */
#include "schema/codec/help.h"
#include "tools/aq/help.h"
#include "tools/aq/usage.h"
#include "tools/man/pages.h"
#include "tools/man/roff.h"

#include <string.h>

enum { DEPTH_MAX = 6 };

static void fields_below(struct aq_buffer *page, const struct aq_record *record, const char *prefix, unsigned depth)
{
    for (size_t i = 0; i < record->count; i++) {
        const struct aq_field *field = &record->fields[i];
        struct aq_buffer name = {0}, text = {0};
        if (field->rules & (AQ_INTERNAL | AQ_SECRET))
            continue;
        aq_buffer_format(&name, "%s%s", prefix, field->name);
        aq_buffer_format(&text, "%s (", field->help);
        aq_help_field_type(field, &text);
        if (field->rules & AQ_REQUIRED)
            aq_buffer_text(&text, "; must be given");
        if (field->preset != NULL && field->preset[0] != '\0')
            aq_buffer_format(&text, "; preset %s", field->preset);
        if (field->rules & AQ_LIVE)
            aq_buffer_text(&text, "; SIGHUP applies a change");
        aq_buffer_char(&text, ')');
        roff_term(page, aq_buffer_string(&name), aq_buffer_string(&text));
        aq_buffer_text(&name, field->type == AQ_TYPE_LIST ? "[]." : ".");
        if (field->record != NULL && depth < DEPTH_MAX)
            fields_below(page, field->record, aq_buffer_string(&name), depth + 1);
        aq_buffer_free(&name);
        aq_buffer_free(&text);
    }
}

void page_fields(struct aq_buffer *page, const struct aq_record *record, const char *prefix)
{
    fields_below(page, record, prefix, 0);
}

static void add_table(struct aq_buffer *page, const struct cli_usage_line *line)
{
    for (; line->name != NULL; line++)
        roff_term(page, line->name, line->help);
}

static void add_entity(struct aq_buffer *page, const struct aq_entity *entity)
{
    const struct aq_command *command;
    const struct aq_view *view;
    const struct cli_verb *verb;
    struct aq_buffer text = {0};
    roff_subsection(page, entity->plural);
    roff_paragraph(page, entity->record->help);
    for (size_t i = 0; (verb = cli_verb_at(entity, &i)) != NULL;)
        roff_term(page, verb->name, verb->help);
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++)
        if (cli_command_is_verb(command, entity))
            roff_term(page, command->verb, command->help);
    for (size_t i = 0; (view = cli_view_at(&i)) != NULL;)
        if (view->entity == entity)
            roff_term(page, view->name, cli_view_help(view, &text));
    aq_buffer_free(&text);
    aq_buffer_text(page, ".PP\nFields:\n.RS 4\n");
    page_fields(page, entity->record, "");
    aq_buffer_text(page, ".RE\n");
}

static void add_topic(struct aq_buffer *page, const struct cli_topic *parent, const struct cli_topic *topic)
{
    struct aq_buffer name = {0};
    aq_buffer_format(&name, "%s%s%s%s%s", parent ? parent->name : "", parent ? " " : "", topic->name,
                     topic->usage[0] ? " " : "", topic->usage);
    roff_term(page, aq_buffer_string(&name), topic->help);
    aq_buffer_free(&name);
}

static void add_topics(struct aq_buffer *page)
{
    const struct cli_topic *topic;
    for (size_t i = 0; (topic = cli_topic_at(i)) != NULL; i++) {
        if (topic->verbs == NULL || topic->run != NULL)
            add_topic(page, NULL, topic);
        for (const struct cli_topic *verb = topic->verbs; verb != NULL && verb->name != NULL; verb++)
            add_topic(page, topic, verb);
    }
}

static void add_flags(struct aq_buffer *page)
{
    for (size_t i = 0; i < cli_flags_record.count; i++) {
        const struct aq_field *field = &cli_flags_record.fields[i];
        struct aq_buffer name = {0}, text = {0};
        char spelled[64], letter = cli_flag_letter(field->name);
        if (letter != '\0')
            aq_buffer_format(&name, "-%c, ", letter);
        aq_buffer_format(&name, "%s%s", cli_flag_spelling(field, spelled), field->type == AQ_TYPE_BOOL ? "" : "=VALUE");
        aq_buffer_text(&text, field->help);
        if (field->type != AQ_TYPE_BOOL) {
            aq_buffer_text(&text, " (");
            aq_help_field_type(field, &text);
            aq_buffer_format(&text, "%s%s)", field->preset != NULL ? "; else " : "",
                             field->preset != NULL ? field->preset : "");
        }
        roff_term(page, aq_buffer_string(&name), aq_buffer_string(&text));
        aq_buffer_free(&name);
        aq_buffer_free(&text);
    }
    for (const char *const *note = cli_flag_notes; *note != NULL; note++)
        roff_paragraph(page, *note);
}

void page_aq(struct aq_buffer *page)
{
    static const char *const others[] = {"aquarium-labels(5)", "aquarium.yml(5)", "aq-controller(8)",
                                         "aq-agent(8)",        "aq-fs(8)",        NULL};
    const struct aq_entity *entity;
    roff_begin(page, "aq", 1, CLI_PURPOSE);
    roff_section(page, "SYNOPSIS");
    roff_form(page, "aq", CLI_FORM);
    roff_section(page, "DESCRIPTION");
    roff_paragraph(page,
                   "Asks a controller of the cluster, and prints its answer: a table for people, or JSON and YAML "
                   "for programs. A noun alone lists; with a key it shows one.");
    roff_section(page, "NOUNS");
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++)
        add_entity(page, entity);
    roff_section(page, "OTHER WORDS");
    add_topics(page);
    roff_section(page, "FLAGS");
    roff_paragraph(page, "They may be anywhere on the line. Each verb takes some of them: see aq NOUN VERB --help.");
    add_flags(page);
    roff_section(page, "ENVIRONMENT");
    add_table(page, cli_environment);
    roff_section(page, "EXIT STATUS");
    add_table(page, cli_exits);
    roff_section(page, "EXAMPLES");
    add_table(page, cli_examples);
    roff_see_also(page, others);
}
