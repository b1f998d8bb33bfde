/* What nodes and workloads use, as columns of tables. */
#ifndef AQ_TOOLS_AQ_FIGURES_H
#define AQ_TOOLS_AQ_FIGURES_H

#include "tools/aq/nouns.h"
#include "tools/aq/table.h"

/* A figure of aq_usage, and its column. */
struct cli_figure {
    const char *name, *header;
    const char *sort; /* as --sort of top calls it */
    const char *most; /* the member of a row that bounds it; NULL: none */
    bool is_cores;    /* else bytes, or bytes a second */
};
enum { CLI_FIGURES = 6 };
extern const struct cli_figure cli_figures[CLI_FIGURES];

/* `bounds`: a figure that has a bound has three columns, "0.42", "21%" and "2". A row is an object that has figures by
 * their names; what is null, or not there, is "-". */
unsigned cli_figures_columns(bool bounds);
/* How columns with bounds shrink, from shapes[at] on. Returns where the next one is. */
enum { CLI_FIGURES_RANK = 20 /* columns with more are left out sooner */ };
unsigned cli_figures_shape(struct cli_table_column *shapes, unsigned at);
void cli_figures_add_headers(struct cli_table *table, bool bounds);
void cli_figures_add(struct cli_table *table, const json_t *row, bool bounds);

/* "512B", "1.2KiB", "23GiB": three digits at most. */
void cli_figures_bytes(double bytes, struct aq_buffer *out);

/* The view `load` of a row: its use over time, a line for each step. */
enum cli_exit cli_show_load(struct cli *cli, const struct aq_view *view, const char *key);

#endif
