/* What a label says: its definitions, with the options of drivers, its metadata and its description. */
#ifndef AQ_CONTROLLER_DECIDE_RECIPE_H
#define AQ_CONTROLLER_DECIDE_RECIPE_H

#include "controller/decide/decide.h"
#include "schema/model/label.h"

/* Checks the options of each definition as its driver would, that it takes a command of applications if the label
 * says so, and how it is kept up. A driver that no node has is warned about; if it is not declared (schema/drivers/),
 * its options are not checked. `checked` are the definitions with their options in the plain form, and with presets for
 * what is left out of their upkeep, in the arena. */
int recipe_check(struct decide *decide, const struct aq_label_create *content, struct aq_list *checked,
                 struct aq_error *error) AQ_MUST_CHECK;

/* Does the label say the same? Values are compared, not texts: an option that is left out equals its preset. */
bool recipe_equals(const struct decide *decide, const struct aq_label *label, const struct aq_label_create *content);

#endif
