/* One JSON value from the server as text for people: the content of a table's cell. The field's declaration says how:
 * times become ages, durations get units, records become name=value words. */
#ifndef AQ_TOOLS_AQ_CELL_H
#define AQ_TOOLS_AQ_CELL_H

#include "schema/model/entity.h"
#include "tools/aq/say.h"

#include <jansson.h>

/* Appends the text; "-" for nothing. `field` NULL: not declared here, shown as it is. `now_ms`: since 1970. */
void cli_cell(const struct aq_field *field, const json_t *value, uint64_t now_ms, struct aq_buffer *out);

/* "45s", "5m", "3h", "12d": the largest unit that is not 0, as kubectl shows it. */
void cli_age(uint64_t ms, struct aq_buffer *out);

/* The colour of a word of an enumeration: red for what failed, green for what runs. */
enum cli_colour cli_cell_colour(const struct aq_field *field, const json_t *value);

/* The key of a row, as users type it: a number or a name. "" if there is none. */
void cli_row_key(const struct aq_record *record, const json_t *row, struct aq_buffer *out);
/* Appends the two names by which people call the row: "web:ann". False: it has none. */
bool cli_row_pair(const struct aq_entity *entity, const json_t *row, struct aq_buffer *out);

#endif
