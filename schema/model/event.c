#include "schema/model/event.h"

static int compare_codes(const void *a, const void *b)
{
    unsigned one = (*(const struct aq_event_type *const *)a)->code;
    unsigned other = (*(const struct aq_event_type *const *)b)->code;
    return (one > other) - (one < other);
}

AQ_REGISTRY(event_types, aq_events, aq_event_type, compare_codes)

static int compare_versions(const void *a, const void *b)
{
    const struct aq_older_event *one = *(const struct aq_older_event *const *)a;
    const struct aq_older_event *other = *(const struct aq_older_event *const *)b;
    if (one->type != other->type)
        return one->type->code > other->type->code ? 1 : -1;
    return (one->version > other->version) - (one->version < other->version);
}

AQ_REGISTRY(older_events, aq_older_events, aq_older_event, compare_versions)

const struct aq_older_event *aq_older_event_at(size_t index)
{
    return aq_registry_at(&older_events, index);
}

const struct aq_older_event *aq_event_older(const struct aq_event_type *type, uint64_t version)
{
    const struct aq_older_event *older;
    if (version >= type->record->version)
        return NULL;
    for (size_t i = 0; (older = aq_older_event_at(i)) != NULL; i++)
        if (older->type == type && version <= older->version)
            return older;
    return NULL;
}

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
