/* aq-controller(8), aq-agent(8), aq-fs(8), and the settings of all three: aquarium.yml(5). */
#include "agent/settings/settings.h"
#include "controller/settings/settings.h"
#include "fs/settings/settings.h"
#include "tools/man/pages.h"
#include "tools/man/roff.h"

void page_daemon(struct aq_buffer *page, const struct aq_program *program, const char *description)
{
    static const char *const others[] = {"aq(1)", "aquarium.yml(5)", "aquarium-labels(5)", NULL};
    roff_begin(page, program->name, 8, program->purpose);
    roff_section(page, "SYNOPSIS");
    for (const char *const *form = program->forms; *form != NULL; form++)
        roff_form(page, program->name, *form);
    roff_section(page, "DESCRIPTION");
    roff_paragraph(page, description);
    for (const char *const *note = program->notes; *note != NULL; note++)
        roff_paragraph(page, *note);
    roff_section(page, "OPTIONS");
    for (const struct aq_option *option = program->options; option->spelling != NULL; option++)
        roff_term(page, option->spelling, option->help);
    roff_section(page, "FILES");
    roff_term(page, program->settings_file, "settings, if it is there; every one of them has a preset");
    roff_see_also(page, others);
}

static void add_settings(struct aq_buffer *page, const struct aq_program *program, const struct aq_record *record)
{
    roff_section(page, program->settings_file);
    roff_paragraph(page, record->help);
    page_fields(page, record, "");
}

void page_settings(struct aq_buffer *page)
{
    static const char *const others[] = {"aq-controller(8)", "aq-agent(8)", "aq-fs(8)", NULL};
    roff_begin(page, "aquarium.yml", 5, "settings of aq-controller, aq-agent and aq-fs");
    roff_section(page, "DESCRIPTION");
    roff_paragraph(page,
                   "Each daemon reads a file of its own in YAML, if it is there. A setting that is not in the file has "
                   "its preset value. A setting \"api.port\" below is written");
    roff_lines(page, "api:\n  port: 8001\n");
    roff_paragraph(page, "or given as --set api.port=8001, which overrides the file; a list of texts is then written "
                         "with commas. A setting that is not known, or out of its bounds, is refused with its line and "
                         "column. --help-config prints a file with all of them.");
    add_settings(page, &aq_controller_program, &aq_config_controller_record);
    add_settings(page, &aq_agent_program, &aq_config_agent_record);
    add_settings(page, &aq_fs_program, &aq_config_fs_record);
    roff_see_also(page, others);
}
