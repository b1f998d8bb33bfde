/* Rows and single values on standard output, in the form that was asked for: a table or lines for people, JSON or YAML
 * with everything for programs, or keys alone. */
#ifndef AQ_TOOLS_AQ_SHOW_H
#define AQ_TOOLS_AQ_SHOW_H

#include "tools/aq/cell.h"
#include "tools/aq/options.h"

/* A list. The table has the columns that the record declares; `headers` false leaves out its first row. */
void cli_show_rows(const struct aq_record *record, const json_t *rows, const struct cli_flags *flags, bool headers);

/* One row: every field on a line of its own, those of inner records by their path; then what else the server sent. */
void cli_show_one(const struct aq_record *record, const json_t *object, const struct cli_flags *flags);

/* Any value as JSON or YAML. */
void cli_show_data(const json_t *value, const struct cli_flags *flags);

/* One value of an endless list: JSON on one line, or a YAML document of its own. */
void cli_show_item(const json_t *value, const struct cli_flags *flags);

/* Does the user want data instead of a table? */
bool cli_wants_data(const struct cli_flags *flags);

#endif
