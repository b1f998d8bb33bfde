#include "controller/place/demand.h"

#include "schema/codec/json.h"
#include "schema/drivers/options.h"

#include <string.h>

void place_demand_read(struct place_demand *demand, const struct aq_definition *definition, bool arguments)
{
    const struct aq_driver *driver = aq_driver_find(definition->driver);
    struct aq_error ignored; /* options were checked when the label was created */
    aq_arena_reset(&demand->arena);
    demand->asks = arguments;
    demand->demand = (struct aq_demand){.user = "", .directory = "", .arguments = arguments};
    if (driver == NULL || driver->demand == NULL)
        return;
    AQ_CLEANUP_JSON json_t *options = aq_json_parse(definition->options, strlen(definition->options), &ignored);
    if (options == NULL)
        return;
    aq_options_demand(driver, options, &demand->demand, &demand->arena);
    demand->demand.arguments = arguments;
    demand->asks = aq_demand_asks(&demand->demand);
}

void place_demand_free(struct place_demand *demand)
{
    aq_arena_free(&demand->arena);
    *demand = (struct place_demand){0};
}

bool place_demand_is_refused(const struct place_demand *demand, const struct aq_list *identifiers,
                             struct aq_buffer *why)
{
    return demand->asks && aq_allow_refuses(identifiers, &demand->demand, why);
}
