/* The columns of a table of rows: which there are, what is in them, and which may be left out on a narrow terminal. */
#ifndef AQ_TOOLS_AQ_COLUMNS_H
#define AQ_TOOLS_AQ_COLUMNS_H

#include "tools/aq/table.h"

#include "schema/model/record.h"

#include <jansson.h>

enum { CLI_COLUMNS_MAX = 64 };

struct cli_column {
    const struct aq_field *field;
    const char *used, *capacity; /* the field is one of two records of the row: shown as "0.65/2"; else NULL */
};

struct cli_columns {
    struct cli_column items[CLI_COLUMNS_MAX];
    struct cli_table_column shapes[CLI_COLUMNS_MAX];
    unsigned count;
};

/* Those that the record declares; with `wide`, all fields that fit into a cell. */
void cli_columns_of(const struct aq_record *record, bool wide, struct cli_columns *columns);

void cli_column_header(const struct cli_column *column, struct aq_buffer *out);
void cli_column_cell(const struct cli_column *column, const json_t *row, uint64_t now_ms, struct aq_buffer *out);
enum cli_colour cli_column_colour(const struct cli_column *column, const json_t *row);

#endif
