#include "tools/aq/wrap.h"

#include "tools/aq/table.h"

#include <string.h>

/* Where the text of a line begins: after the first gap of two blanks or more; else after those at its beginning. */
static size_t text_of(const char *line, size_t length, unsigned width)
{
    size_t blanks = strspn(line, " ");
    const char *gap = memmem(line + blanks, length - blanks, "  ", 2);
    size_t at = gap != NULL ? (size_t)(gap - line) + strspn(gap, " ") : blanks;
    return at < width - width / 4 ? at : blanks;
}

/* The bytes of the line's first part: up to the last blank before `width`, or a word that is longer. */
static size_t part_of(const char *line, size_t length, size_t from, unsigned width)
{
    size_t end = 0;
    for (size_t at = from; at <= length; at++) {
        if (at < length && line[at] != ' ')
            continue;
        if (end > 0 && cli_text_width(line, at) > width)
            break;
        end = at;
    }
    return end;
}

static void wrap_line(const char *line, size_t length, unsigned width, struct aq_buffer *out)
{
    size_t indent = text_of(line, length, width), from = indent;
    while (cli_text_width(line, length) > width) {
        size_t end = part_of(line, length, from, width);
        if (end == length)
            break;
        aq_buffer_add(out, line, end);
        aq_buffer_format(out, "\n%*s", (int)indent, "");
        line += end + 1;
        length -= end + 1;
        width -= from > 0 ? (unsigned)indent : 0; /* from now on the indent is printed already */
        from = 0;
    }
    aq_buffer_add(out, line, length);
}

void cli_wrap(const char *text, unsigned width, struct aq_buffer *out)
{
    if (width == 0) {
        aq_buffer_text(out, text);
        return;
    }
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        wrap_line(text, length, width, out);
        text += length;
        if (*text == '\n') {
            aq_buffer_char(out, '\n');
            text++;
        }
    }
}
