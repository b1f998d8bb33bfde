#include "controller/serve/about.h"

#include "schema/codec/ranges.h"
#include "schema/model/application.h"
#include "schema/model/resource.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int about_begin(struct about *about, const struct aq_entity *entity, const char *text, struct aq_error *error)
{
    struct aq_key key;
    *about = (struct about){.entity = entity};
    if (aq_key_from_text(entity, text, &key, error) != 0)
        return -1;
    about->number = key.number;
    snprintf(about->name, sizeof about->name, "%s", key.name != NULL ? key.name : "");
    return 0;
}

void about_end(struct about *about)
{
    free(about->resources);
}

/* The row that the event's record names, if it has the entity's key. */
static bool names_row(const struct about *about, const struct aq_event *event)
{
    const struct aq_field *field = aq_record_field(event->type->record, aq_entity_key(about->entity)->name);
    if (field == NULL)
        return false;
    return aq_field_is_text(field) ? strcmp(aq_field_text(field, event->data), about->name) == 0
                                   : aq_field_number(field, event->data) == about->number;
}

static bool is_other(void *context, uint64_t number)
{
    return number != *(const uint64_t *)context;
}

static void note_resource(struct about *about, uint64_t resource)
{
    AQ_GROW(about->resources, about->count, about->capacity);
    about->resources[about->count++] = resource;
}

static bool takes_resource(const struct about *about, const struct aq_event *event)
{
    uint64_t number = aq_field_number(aq_record_field(event->type->record, "id"), event->data);
    for (size_t i = 0; i < about->count; i++)
        if (about->resources[i] == number)
            return true;
    return false;
}

bool about_takes(struct about *about, const struct aq_event *event)
{
    bool of_application = about->entity == &aq_entity_application;
    if (about->entity == NULL)
        return true;
    if (of_application && event->type->entity == &aq_entity_resource)
        return takes_resource(about, event);
    if (event->type->entity != about->entity)
        return false;
    if (event->type == &aq_event_application_removed)
        return !aq_ranges_each(((const struct aq_application_removed *)event->data)->applications, is_other,
                               &about->number);
    bool named = names_row(about, event);
    if (named && event->type == &aq_event_application_elected)
        note_resource(about, ((const struct aq_application_elected *)event->data)->resource);
    return named;
}
