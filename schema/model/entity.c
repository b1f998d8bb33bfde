#include "schema/model/entity.h"

#include <string.h>

static int compare_ranks(const void *a, const void *b)
{
    unsigned one = (*(const struct aq_entity *const *)a)->rank, other = (*(const struct aq_entity *const *)b)->rank;
    return (one > other) - (one < other);
}

AQ_REGISTRY(entities, aq_entities, aq_entity, compare_ranks)

const struct aq_field *aq_entity_key(const struct aq_entity *entity)
{
    for (size_t i = 0; i < entity->record->count; i++)
        if (entity->record->fields[i].rules & AQ_KEY)
            return &entity->record->fields[i];
    aq_broken(__FILE__, __LINE__, "an entity without a key");
}

const struct aq_entity *aq_entity_find(const char *name)
{
    const struct aq_entity *entity;
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++)
        if (strcmp(entity->name, name) == 0 || strcmp(entity->plural, name) == 0)
            return entity;
    return NULL;
}

const struct aq_entity *aq_entity_at(size_t index)
{
    return aq_registry_at(&entities, index);
}
