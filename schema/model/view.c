#include "schema/model/view.h"

#include <string.h>

static int compare_views(const void *a, const void *b)
{
    const struct aq_view *one = *(const struct aq_view *const *)a, *other = *(const struct aq_view *const *)b;
    if (one->entity != other->entity)
        return one->entity->rank > other->entity->rank ? 1 : -1;
    return (one->kind > other->kind) - (one->kind < other->kind);
}

AQ_REGISTRY(views, aq_views, aq_view, compare_views)

const struct aq_view *aq_view_of(const struct aq_entity *entity, const char *name)
{
    const struct aq_view *view;
    for (size_t i = 0; (view = aq_view_at(i)) != NULL; i++)
        if (view->entity == entity && strcmp(view->name, name) == 0)
            return view;
    return NULL;
}

const struct aq_view *aq_view_at(size_t index)
{
    return aq_registry_at(&views, index);
}
