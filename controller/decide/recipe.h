/* What a label says: its definitions, with the options of drivers, its metadata and its description. */
#ifndef AQ_CONTROLLER_DECIDE_RECIPE_H
#define AQ_CONTROLLER_DECIDE_RECIPE_H

#include "controller/decide/decide.h"
#include "schema/model/label.h"

/* Checks the options of each definition as its driver would. A driver that is not declared (schema/drivers/) is only
 * warned about, unless a node has it. `checked` are the definitions with their options in the plain form, in the arena.
 */
int recipe_check(struct decide *decide, const struct aq_list *definitions, struct aq_list *checked,
                 struct aq_error *error) AQ_MUST_CHECK;

/* Does the label say the same? Values are compared, not texts: an option that is left out equals its preset. */
bool recipe_equals(const struct decide *decide, const struct aq_label *label, const struct aq_label_create *content);

#endif
