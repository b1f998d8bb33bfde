/* The recipes of labels: what workloads of the driver `test` do, and what they need. */
#ifndef AQ_TESTS_SIM_RECIPES_H
#define AQ_TESTS_SIM_RECIPES_H

#include "schema/model/label.h"
#include "tests/sim/sim.h"

/* The contents of a label without its name, as a new reference. */
json_t *recipe_draw(struct sim *sim);
/* Changes one option of it. */
void recipe_vary(json_t *recipe);
/* The same for the same recipe, however it was written. */
uint64_t recipe_hash(const struct aq_list *definitions, bool arguments);

#endif
