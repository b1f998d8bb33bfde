#include "tools/man/roff.h"

#include "schema/base/version.h"
#include "tools/aq/say.h"

#include <ctype.h>
#include <string.h>

/* What a font, an output device or roff itself would change. */
static const char *escape_of(unsigned character)
{
    switch (character) {
    case '\\':
        return "\\e";
    case '-':
        return "\\-";
    case '"':
        return "\\(dq";
    case '\'':
        return "\\(aq";
    case '^':
        return "\\(ha";
    case '~':
        return "\\(ti";
    default:
        return NULL;
    }
}

static void add_escaped(struct aq_buffer *page, const char *text, bool marks)
{
    bool bold = false;
    size_t left = strlen(text), size;
    for (; left > 0; text += size, left -= size) {
        unsigned character = cli_character(text, left, &size);
        const char *escape = escape_of(character);
        if (character == '`' && marks) {
            bold = !bold;
            aq_buffer_text(page, bold ? "\\fB" : "\\fR");
        } else if (character == '`') {
            aq_buffer_text(page, "\\(ga");
        } else if (escape != NULL) {
            aq_buffer_text(page, escape);
        } else if (character >= 0x80) {
            aq_buffer_format(page, "\\[u%04X]", character);
        } else {
            aq_buffer_char(page, (char)character);
        }
    }
    if (bold)
        aq_buffer_text(page, "\\fR");
}

/* A dot in front would be a request to roff. An apostrophe is escaped anyway. */
static void guard_line(struct aq_buffer *page, const char *text)
{
    if (text[0] == '.')
        aq_buffer_text(page, "\\&");
}

void roff_text(struct aq_buffer *page, const char *text)
{
    guard_line(page, text);
    add_escaped(page, text, true);
}

void roff_begin(struct aq_buffer *page, const char *name, unsigned section, const char *purpose)
{
    struct aq_buffer title = {0};
    for (const char *c = name; *c != '\0'; c++)
        aq_buffer_char(&title, (char)toupper((unsigned char)*c));
    aq_buffer_text(page, ".\\\" Made by make man from the declarations of the program: do not edit.\n");
    aq_buffer_format(page, ".TH \"%s\" \"%u\" \"\" \"Aquarium %s\" \"Aquarium\"\n", aq_buffer_string(&title), section,
                     AQ_VERSION);
    aq_buffer_free(&title);
    roff_section(page, "NAME");
    roff_text(page, name);
    aq_buffer_text(page, " \\- ");
    add_escaped(page, purpose, true);
    aq_buffer_char(page, '\n');
}

static void add_title(struct aq_buffer *page, const char *request, const char *title)
{
    aq_buffer_format(page, ".%s \"", request);
    add_escaped(page, title, false);
    aq_buffer_text(page, "\"\n");
}

void roff_section(struct aq_buffer *page, const char *title)
{
    add_title(page, "SH", title);
}

void roff_subsection(struct aq_buffer *page, const char *title)
{
    add_title(page, "SS", title);
}

void roff_paragraph(struct aq_buffer *page, const char *text)
{
    aq_buffer_text(page, ".PP\n");
    roff_text(page, text);
    aq_buffer_char(page, '\n');
}

void roff_form(struct aq_buffer *page, const char *name, const char *rest)
{
    aq_buffer_text(page, ".PP\n\\fB");
    add_escaped(page, name, false);
    aq_buffer_text(page, "\\fR ");
    add_escaped(page, rest, false);
    aq_buffer_char(page, '\n');
}

void roff_term(struct aq_buffer *page, const char *term, const char *text)
{
    aq_buffer_text(page, ".TP\n\\fB");
    add_escaped(page, term, false);
    aq_buffer_text(page, "\\fR\n");
    roff_text(page, text);
    aq_buffer_char(page, '\n');
}

void roff_lines(struct aq_buffer *page, const char *text)
{
    struct aq_buffer line = {0};
    aq_buffer_text(page, ".PP\n.RS 4\n.nf\n");
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        aq_buffer_reset(&line);
        aq_buffer_add(&line, text, length);
        guard_line(page, aq_buffer_string(&line));
        add_escaped(page, aq_buffer_string(&line), false);
        aq_buffer_char(page, '\n');
        text += length + (text[length] == '\n');
    }
    aq_buffer_text(page, ".fi\n.RE\n");
    aq_buffer_free(&line);
}

void roff_see_also(struct aq_buffer *page, const char *const *pages)
{
    roff_section(page, "SEE ALSO");
    for (; *pages != NULL; pages++) {
        int name = (int)strcspn(*pages, "(");
        aq_buffer_format(page, ".BR %.*s %s%s\n", name, *pages, *pages + name, pages[1] != NULL ? " ," : "");
    }
}
