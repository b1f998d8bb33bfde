/* What a definition of a label asks of the owners of nodes, and which nodes refuse it (schema/drivers/allow.h). */
#ifndef AQ_CONTROLLER_PLACE_DEMAND_H
#define AQ_CONTROLLER_PLACE_DEMAND_H

#include "schema/drivers/allow.h"
#include "schema/model/label.h"

/* Zeroed memory asks for nothing. */
struct place_demand {
    bool asks; /* it asks for anything */
    struct aq_demand demand;
    struct aq_arena arena;
};

/* `arguments`: the label lets applications give a command. */
void place_demand_read(struct place_demand *demand, const struct aq_definition *definition, bool arguments);
void place_demand_free(struct place_demand *demand);

/* Does the owner of a node with these identifiers refuse it? Appends the reason to `why`, if that is not NULL. */
bool place_demand_is_refused(const struct place_demand *demand, const struct aq_list *identifiers,
                             struct aq_buffer *why);

#endif
