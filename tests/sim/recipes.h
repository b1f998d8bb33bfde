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
/* The same, with a secret besides, which comes after those of definitions before. */
uint64_t recipe_hash_add(uint64_t hash, const char *secret);
/* Of a label as it was given, with the secrets of its definitions in the clear. */
uint64_t recipe_hash_given(const struct aq_list *definitions, bool arguments);
/* Labels of some names have secrets, in each version. */
bool recipe_has_secrets(const char *label);
void recipe_add_secrets(struct sim *sim, const char *label, json_t *recipe);

#endif
