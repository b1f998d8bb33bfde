/* aquarium-labels(5): the fields of a label from its declaration, the drivers' options from docs/labels.md, where they
 * stand as
 *
 *     ## Driver `process`
 *
 *     Runs a program on the agent's host.
 *
 *     | option | | preset |
 *     |---|---|---|
 *     | `command` | a list: program and arguments | must be given |
 */
#include "schema/model/label.h"
#include "tools/man/pages.h"
#include "tools/man/roff.h"

#include <stdio.h>
#include <string.h>

#define HEADING "## Driver "

enum { CELL_SIZE = 512, CELLS = 3 };

struct row {
    char cells[CELLS][CELL_SIZE];
};

/* Cuts "| option | words | preset |". False: the line is no such row. */
static bool read_row(const char *line, size_t length, struct row *row)
{
    const char *end = line + length, *at = line;
    if (length == 0 || *at != '|')
        return false;
    for (int i = 0; i < CELLS; i++) {
        const char *from = at + 1, *to = memchr(from, '|', (size_t)(end - from));
        if (to == NULL)
            return false;
        at = to;
        while (from < to && *from == ' ')
            from++;
        while (to > from && to[-1] == ' ')
            to--;
        snprintf(row->cells[i], CELL_SIZE, "%.*s", (int)(to - from), from);
    }
    return at + 1 == end;
}

/* Without the marks of Markdown: for what is bold as a whole. */
static void drop_marks(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++)
        if (*from != '`')
            *to++ = *from;
    *to = '\0';
}

static void add_option(struct aq_buffer *page, struct row *row)
{
    struct aq_buffer words = {0};
    drop_marks(row->cells[0]);
    aq_buffer_text(&words, row->cells[1]);
    if (strcmp(row->cells[2], "must be given") == 0)
        aq_buffer_text(&words, "; must be given");
    else if (row->cells[2][0] != '\0')
        aq_buffer_format(&words, "; preset: %s", row->cells[2]);
    roff_term(page, row->cells[0], aq_buffer_string(&words));
    aq_buffer_free(&words);
}

/* From behind the heading to the next one: the first paragraph, then the rows below the table's rule. How many rows. */
static unsigned add_driver(struct aq_buffer *page, const char *text)
{
    struct row row;
    struct aq_buffer words = {0};
    unsigned options = 0;
    bool below_rule = false, told = false;
    size_t length;
    for (; *text != '\0' && strncmp(text, "## ", 3) != 0; text += length + (text[length] == '\n')) {
        length = strcspn(text, "\n");
        if (strncmp(text, "|---", 4) == 0) {
            below_rule = true;
        } else if (text[0] == '|' && below_rule && read_row(text, length, &row)) {
            add_option(page, &row);
            options++;
        } else if (text[0] == '|' || length == 0) {
            below_rule = below_rule && length > 0;
            if (words.length > 0 && !told)
                roff_paragraph(page, aq_buffer_string(&words));
            told = told || words.length > 0;
        } else if (!told) {
            aq_buffer_format(&words, "%s%.*s", words.length > 0 ? " " : "", (int)length, text);
        }
    }
    aq_buffer_free(&words);
    return options;
}

static int add_drivers(struct aq_buffer *page, const char *labels, struct aq_error *error)
{
    char name[CELL_SIZE];
    unsigned drivers = 0;
    roff_section(page, "OPTIONS OF THE DRIVERS");
    for (const char *at = labels; (at = strstr(at, "\n" HEADING)) != NULL;) {
        at += strlen("\n" HEADING);
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at, "\n"), at);
        drop_marks(name);
        roff_subsection(page, name);
        at += strcspn(at, "\n");
        if (add_driver(page, at + (*at == '\n')) == 0)
            return aq_fail(error, AQ_E_INVALID, "docs/labels.md has no table of options for the driver %s", name);
        drivers++;
    }
    return drivers > 0 ? 0 : aq_fail(error, AQ_E_INVALID, "docs/labels.md has no section \"" HEADING "...\"");
}

int page_labels(struct aq_buffer *page, const char *labels, const char *example, struct aq_error *error)
{
    static const char *const others[] = {"aq(1)", "aq-agent(8)", NULL};
    roff_begin(page, "aquarium-labels", 5, "files that labels are made from");
    roff_section(page, "DESCRIPTION");
    roff_paragraph(page, "A label says how to run something, most preferred way first, and what that needs of a node. "
                         "It is a document in YAML or JSON, and is given to the cluster by");
    roff_lines(page, "aq labels create --file label.yml\ncp label.yml /aquarium/labels/new\n");
    roff_paragraph(page, "A label is never changed: creating it again makes its next version, and requests that name "
                         "no version take the latest. Where texts are separated by "
                         "commas in a line of words, a document has a list. What is not known or out of its bounds is "
                         "refused, with line and "
                         "column.");
    roff_section(page, "FIELDS");
    page_fields(page, &aq_label_create_record, "");
    if (add_drivers(page, labels, error) != 0)
        return -1;
    roff_section(page, "EXAMPLE");
    roff_lines(page, example);
    roff_see_also(page, others);
    return 0;
}
