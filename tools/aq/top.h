/* aq top: what nodes and workloads use now. */
#ifndef AQ_TOOLS_AQ_TOP_H
#define AQ_TOOLS_AQ_TOP_H

#include "tools/aq/nouns.h"

/* Tables of nodes and of workloads, those first that use most; on a terminal again and again. Each caller sees what it
 * may see. */
enum cli_exit cli_top(struct cli *cli, const char *const *words, unsigned count);

/* One row of a table of top, taken from a row of REST, as an object: its names, and what it uses and has. */
json_t *cli_top_row(const struct aq_entity *entity, const json_t *row);

#endif
