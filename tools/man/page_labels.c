/* aquarium-labels(5): the fields of a label from its declaration, the options of each driver from theirs. */
#include "schema/drivers/options.h"
#include "schema/model/label.h"
#include "tools/man/pages.h"
#include "tools/man/roff.h"

static bool has_preset(const struct aq_field *field)
{
    return field->preset != NULL && field->preset[0] != '\0';
}

static void add_option(struct aq_buffer *page, const struct aq_driver *driver, const struct aq_field *field)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    aq_buffer_format(&text, "%s (", field->help);
    aq_option_accepts(driver, field, &text);
    if (field->rules & AQ_REQUIRED)
        aq_buffer_text(&text, "; must be given");
    if (has_preset(field))
        aq_buffer_format(&text, "; preset %s", field->preset);
    aq_buffer_char(&text, ')');
    roff_term(page, field->name, aq_buffer_string(&text));
}

static void add_drivers(struct aq_buffer *page)
{
    roff_section(page, "OPTIONS OF THE DRIVERS");
    const struct aq_driver *driver;
    for (size_t i = 0; (driver = aq_driver_at(i)) != NULL; i++) {
        roff_subsection(page, driver->name);
        roff_paragraph(page, driver->help);
        for (size_t k = 0; k < driver->options->count; k++)
            add_option(page, driver, &driver->options->fields[k]);
    }
}

void page_options_table(struct aq_buffer *out, const struct aq_driver *driver)
{
    aq_buffer_text(out, "| option | value | preset | |\n|---|---|---|---|\n");
    for (size_t i = 0; i < driver->options->count; i++) {
        const struct aq_field *field = &driver->options->fields[i];
        aq_buffer_format(out, "| `%s` | ", field->name);
        aq_option_accepts(driver, field, out);
        aq_buffer_format(out, " | %s | %s |\n",
                         field->rules & AQ_REQUIRED ? "must be given"
                         : has_preset(field)        ? field->preset
                                                    : "none",
                         field->help);
    }
}

void page_labels(struct aq_buffer *page, const char *example)
{
    static const char *const others[] = {"aq(1)", "aq-agent(8)", NULL};
    roff_begin(page, "aquarium-labels", 5, "files that labels are made from");
    roff_section(page, "DESCRIPTION");
    roff_paragraph(page, "A label says how to run something, in order of preference, and what that needs from a node. "
                         "It is a document in YAML or JSON, and is created with");
    roff_lines(page, "aq labels create label.yml\ncp label.yml /aquarium/labels/new\n");
    roff_paragraph(
        page,
        "A label never changes: creating it again creates its next version (`aq labels apply` only if "
        "something has changed), and requests that name no version get the latest. A label goes by its "
        "name, by name:version, or by its number. A list of texts is written with commas on a command line, and as a "
        "list in a document. An unknown field, or a value out of its bounds, is refused with its line "
        "and column.");
    roff_section(page, "FIELDS");
    page_fields(page, &aq_label_create_record, "");
    add_drivers(page);
    roff_section(page, "EXAMPLE");
    roff_lines(page, example);
    roff_see_also(page, others);
}
