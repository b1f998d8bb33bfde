#include "tools/aq/table.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

enum { GAP = 3, NARROWEST = 6 };
static const char more[] = "\xE2\x80\xA6"; /* … */

static unsigned character_width(unsigned c)
{
    int width = c < 0x80 ? 1 : wcwidth((wchar_t)c);
    return width < 0 ? 1 : (unsigned)width;
}

unsigned cli_text_width(const char *text, size_t length)
{
    unsigned width = 0;
    for (size_t i = 0, size; i < length; i += size)
        width += character_width(cli_character(text + i, length - i, &size));
    return width;
}

unsigned cli_text_cut(const char *text, unsigned width, struct aq_buffer *out)
{
    size_t length = strlen(text), end = 0, size;
    unsigned whole = cli_text_width(text, length), used = 0;
    if (whole <= width) {
        aq_buffer_add(out, text, length);
        return whole;
    }
    if (width == 0)
        return 0;
    for (; end < length; end += size) {
        unsigned one = character_width(cli_character(text + end, length - end, &size));
        if (used + one > width - 1)
            break;
        used += one;
    }
    aq_buffer_add(out, text, end);
    aq_buffer_text(out, more);
    return used + 1;
}

void cli_table_open(struct cli_table *table, unsigned columns)
{
    *table = (struct cli_table){.columns = columns};
    aq_assert(columns > 0);
}

void cli_table_add(struct cli_table *table, const char *text, size_t length, enum cli_colour colour)
{
    struct aq_buffer clean = {0};
    cli_clean(text, length, false, &clean);
    AQ_GROW(table->cells, table->count, table->capacity);
    table->cells[table->count++] = (struct cli_table_cell){
        .text = aq_arena_text(&table->texts, aq_buffer_string(&clean), clean.length),
        .width = cli_text_width(aq_buffer_string(&clean), clean.length),
        .colour = colour,
    };
    aq_buffer_free(&clean);
}

/* Narrows the widest column, one cell at a time, until the row fits or no column can shrink. The first column stays
 * whole, since people copy it. */
static void shrink(unsigned *widths, unsigned columns, unsigned limit)
{
    unsigned total = (columns - 1) * GAP;
    for (unsigned i = 0; i < columns; i++)
        total += widths[i];
    while (total > limit) {
        unsigned widest = columns - 1;
        for (unsigned i = columns - 1; i > 0; i--)
            if (widths[i] > widths[widest])
                widest = i;
        if (widest == 0 || widths[widest] <= NARROWEST)
            return;
        widths[widest]--;
        total--;
    }
}

/* Leaves out what does not fit into `width` at all (0: no limit). */
static void print_row(const struct cli_table_cell *cells, const unsigned *widths, unsigned columns, unsigned width,
                      struct aq_buffer *out)
{
    unsigned at = 0;
    for (unsigned i = 0; i < columns && (width == 0 || at < width); i++) {
        unsigned room = width > 0 && width - at < widths[i] ? width - at : widths[i];
        bool coloured = cells[i].colour != CLI_PLAIN && cli_in_colour();
        if (coloured)
            aq_buffer_text(out, cli_colour_code(cells[i].colour));
        unsigned used = cli_text_cut(cells[i].text, room, out);
        if (coloured)
            aq_buffer_text(out, cli_colour_end());
        at += widths[i] + GAP;
        if (i + 1 < columns && (width == 0 || at < width))
            aq_buffer_format(out, "%*s", (int)(widths[i] - used + GAP), "");
    }
    while (out->length > 0 && out->data[out->length - 1] == ' ')
        out->data[--out->length] = '\0';
    aq_buffer_char(out, '\n');
}

void cli_table_print(const struct cli_table *table, size_t first_row, unsigned width, struct aq_buffer *out)
{
    size_t rows = table->count / table->columns;
    unsigned *widths = aq_calloc(table->columns, sizeof *widths);
    for (size_t i = first_row * table->columns; i < rows * table->columns; i++) {
        unsigned *widest = &widths[i % table->columns];
        *widest = table->cells[i].width > *widest ? table->cells[i].width : *widest;
    }
    if (width > 0)
        shrink(widths, table->columns, width);
    for (size_t row = first_row; row < rows; row++)
        print_row(table->cells + row * table->columns, widths, table->columns, width, out);
    free(widths);
}

void cli_table_close(struct cli_table *table)
{
    free(table->cells);
    aq_arena_free(&table->texts);
    *table = (struct cli_table){0};
}
