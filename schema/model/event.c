#include "schema/model/event.h"

static int compare_codes(const void *a, const void *b)
{
    unsigned one = (*(const struct aq_event_type *const *)a)->code;
    unsigned other = (*(const struct aq_event_type *const *)b)->code;
    return (one > other) - (one < other);
}

AQ_REGISTRY(event_types, aq_events, aq_event_type, compare_codes)

const struct aq_event_type *aq_event_type_find(unsigned code)
{
    const struct aq_event_type *type;
    for (size_t i = 0; (type = aq_event_type_at(i)) != NULL; i++)
        if (type->code == code)
            return type;
    return NULL;
}

const struct aq_event_type *aq_event_type_at(size_t index)
{
    return aq_registry_at(&event_types, index);
}
