/* A table for people: columns as wide as their content, measured in terminal cells, so that "é" and "漢" line up. The
 * first row holds the headers. Cells are made harmless as they are added; line breaks in them become "\n". If the
 * terminal is too narrow, the gaps shrink, texts are cut and end with "…", and the least important columns are left
 * out; those that are empty in all rows go first. */
#ifndef AQ_TOOLS_AQ_TABLE_H
#define AQ_TOOLS_AQ_TABLE_H

#include "schema/base/memory.h"
#include "tools/aq/say.h"

struct cli_table_cell {
    const char *text;
    unsigned width; /* in terminal cells */
    enum cli_colour colour;
};

/* What may happen to a column when there is no room. */
struct cli_table_column {
    unsigned rank;  /* 0: it is not left out; the largest goes first */
    unsigned least; /* width of a part that still says something, to which it may be cut; 0: it stays whole */
    bool extra;     /* only where there is room for it, and when it says something; never without a terminal */
};

struct cli_table {
    unsigned columns;
    const struct cli_table_column *shapes; /* the caller's; NULL: none is left out, each may be cut but the first */
    struct cli_table_cell *cells;          /* row by row */
    size_t count, capacity;
    struct aq_arena texts;
};

void cli_table_open(struct cli_table *table, unsigned columns);
void cli_table_add(struct cli_table *table, const char *text, size_t length, enum cli_colour colour);
/* Appends the rows from `first_row` on (0 with, 1 without headers); an incomplete last row is left out. `width` in
 * terminal cells; 0: no limit. Colours as cli_in_colour() says. */
void cli_table_print(const struct cli_table *table, size_t first_row, unsigned width, struct aq_buffer *out);
void cli_table_close(struct cli_table *table);

/* Terminal cells of harmless text. */
unsigned cli_text_width(const char *text, size_t length);
/* Appends as much of harmless text as fits into `width`; the rest is replaced by "…". Returns the width used. */
unsigned cli_text_cut(const char *text, unsigned width, struct aq_buffer *out);

#endif
