/* Rows in another order: --sort, --reverse, and the first or last ones of them. */
#ifndef AQ_TOOLS_AQ_ORDER_H
#define AQ_TOOLS_AQ_ORDER_H

#include "schema/model/entity.h"

#include <jansson.h>

bool cli_order_is_possible(const struct aq_field *field);

/* Finds the field of --sort. Fails, naming what would be right, for one that has no order. */
int cli_order_field(const struct aq_entity *entity, const char *name, const struct aq_field **field,
                    struct aq_error *error) AQ_MUST_CHECK;

/* Smallest first: numbers, times, sizes as such, words of an enumeration in their order, texts with the numbers in them
 * as numbers, so that node-9 comes before node-10. Rows that are equal keep their order. */
void cli_order_by(const struct aq_field *field, json_t *rows);
void cli_order_reverse(json_t *rows);
void cli_order_cut(json_t *rows, size_t most, bool last); /* keeps the first or the last ones */

#endif
