#include "tools/aq/table.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

enum { GAP = 3, GAP_NARROW = 2, NARROWEST = 6 };
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

/* Where the columns of one table are. */
struct layout {
    const struct cli_table *table;
    size_t rows;
    unsigned *widths; /* of each column */
    bool *left_out;
    unsigned gap;
};

static unsigned measure(const struct layout *layout, bool cut)
{
    unsigned total = 0, shown = 0;
    for (unsigned i = 0; i < layout->table->columns; i++) {
        const struct cli_table_column *shape = layout->table->shapes ? &layout->table->shapes[i] : NULL;
        if (layout->left_out[i])
            continue;
        total +=
            cut && shape && shape->least > 0 && layout->widths[i] > shape->least ? shape->least : layout->widths[i];
        shown++;
    }
    return total + (shown > 0 ? (shown - 1) * layout->gap : 0);
}

static bool is_empty(const struct layout *layout, unsigned column)
{
    const struct cli_table *table = layout->table;
    for (size_t row = 1; row < layout->rows; row++)
        if (strcmp(table->cells[row * table->columns + column].text, "-") != 0)
            return false;
    return layout->rows > 1;
}

/* The next column to be left out; the number of columns: none may. */
static unsigned least_important(const struct layout *layout)
{
    unsigned least = layout->table->columns, rank = 0;
    for (unsigned i = 0; i < layout->table->columns; i++) {
        unsigned own = layout->table->shapes[i].rank;
        if (!layout->left_out[i] && own > 0 && is_empty(layout, i))
            return i;
        if (!layout->left_out[i] && own > rank) {
            least = i;
            rank = own;
        }
    }
    return least;
}

/* How far a column may be narrowed. */
static unsigned least_width(const struct layout *layout, unsigned column, bool only_elastic)
{
    const struct cli_table_column *shapes = layout->table->shapes;
    unsigned least = only_elastic && shapes != NULL ? shapes[column].least : 0;
    return least > 0 ? least : only_elastic ? layout->widths[column] : NARROWEST;
}

/* Narrows the widest column, one cell at a time, until the row fits or no column can shrink: texts before others. The
 * first column stays whole, since people copy it. */
static void shrink(struct layout *layout, unsigned limit, bool only_elastic)
{
    for (unsigned total = measure(layout, false); total > limit; total--) {
        unsigned widest = 0;
        for (unsigned i = layout->table->columns - 1; i > 0; i--) {
            bool may = layout->widths[i] > least_width(layout, i, only_elastic);
            if (!layout->left_out[i] && may && (widest == 0 || layout->widths[i] > layout->widths[widest]))
                widest = i;
        }
        if (widest == 0)
            return;
        layout->widths[widest]--;
    }
}

static void fit(struct layout *layout, unsigned limit)
{
    if (layout->table->shapes != NULL && measure(layout, true) > limit) {
        layout->gap = GAP_NARROW;
        for (unsigned least;
             measure(layout, true) > limit && (least = least_important(layout)) < layout->table->columns;)
            layout->left_out[least] = true;
    }
    shrink(layout, limit, true);
    shrink(layout, limit, false);
}

/* Leaves out what does not fit into `width` at all (0: no limit). */
static void print_row(const struct layout *layout, size_t row, unsigned width, struct aq_buffer *out)
{
    const struct cli_table_cell *cells = layout->table->cells + row * layout->table->columns;
    unsigned at = 0, columns = layout->table->columns;
    while (columns > 0 && layout->left_out[columns - 1])
        columns--;
    for (unsigned i = 0; i < columns && (width == 0 || at < width); i++) {
        if (layout->left_out[i])
            continue;
        unsigned own = layout->widths[i], room = width > 0 && width - at < own ? width - at : own;
        bool coloured = cells[i].colour != CLI_PLAIN && cli_in_colour();
        if (coloured)
            aq_buffer_text(out, cli_colour_code(cells[i].colour));
        unsigned used = cli_text_cut(cells[i].text, room, out);
        if (coloured)
            aq_buffer_text(out, cli_colour_end());
        at += own + layout->gap;
        if (i + 1 < columns && (width == 0 || at < width))
            aq_buffer_format(out, "%*s", (int)(own - used + layout->gap), "");
    }
    while (out->length > 0 && out->data[out->length - 1] == ' ')
        out->data[--out->length] = '\0';
    aq_buffer_char(out, '\n');
}

void cli_table_print(const struct cli_table *table, size_t first_row, unsigned width, struct aq_buffer *out)
{
    struct layout layout = {.table = table,
                            .rows = table->count / table->columns,
                            .widths = aq_calloc(table->columns, sizeof *layout.widths),
                            .left_out = aq_calloc(table->columns, sizeof *layout.left_out),
                            .gap = GAP};
    for (size_t i = first_row * table->columns; i < layout.rows * table->columns; i++) {
        unsigned *widest = &layout.widths[i % table->columns];
        *widest = table->cells[i].width > *widest ? table->cells[i].width : *widest;
    }
    for (unsigned i = 0; table->shapes != NULL && i < table->columns; i++)
        layout.left_out[i] = table->shapes[i].extra && (width == 0 || layout.rows < 2 || is_empty(&layout, i));
    if (width > 0)
        fit(&layout, width);
    for (size_t row = first_row; row < layout.rows; row++)
        print_row(&layout, row, width, out);
    free(layout.widths);
    free(layout.left_out);
}

void cli_table_close(struct cli_table *table)
{
    free(table->cells);
    aq_arena_free(&table->texts);
    *table = (struct cli_table){0};
}
