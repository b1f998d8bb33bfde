#include "tests/sim/mirror_rows.h"

#include "schema/codec/preset.h"
#include "schema/model/application.h"
#include "schema/model/key.h"
#include "schema/model/label.h"
#include "schema/model/membership.h"
#include "schema/model/node.h"
#include "schema/model/project.h"
#include "schema/model/resource.h"
#include "schema/model/task.h"
#include "schema/model/user.h"

#include <stdlib.h>
#include <string.h>

static const struct aq_entity *const entities[MIRROR_TABLES] = {
    &aq_entity_application, &aq_entity_resource, &aq_entity_label,      &aq_entity_node, &aq_entity_user,
    &aq_entity_role,        &aq_entity_project,  &aq_entity_membership, &aq_entity_task,
};

/* ---- tables ------------------------------------------------------------------------------------------- */

size_t mirror_number(const struct aq_entity *entity)
{
    size_t i = 0;
    while (entities[i] != entity)
        aq_assert(++i < MIRROR_TABLES);
    return i;
}

const struct mirror_table *mirror_table(const struct mirror *mirror, const struct aq_entity *entity)
{
    return &mirror->tables[mirror_number(entity)];
}

static int compare_key(const struct aq_entity *entity, const void *row, uint64_t number, const char *name)
{
    const struct aq_field *key = aq_entity_key(entity);
    if (aq_entity_is_named(entity))
        return strcmp(aq_field_text(key, row), name);
    uint64_t own = aq_field_number(key, row);
    return (own > number) - (own < number);
}

/* Where the row is, or would be. */
static size_t place_of(const struct mirror_table *table, uint64_t number, const char *name)
{
    size_t place = 0;
    while (place < table->count && compare_key(table->entity, table->rows[place], number, name) < 0)
        place++;
    return place;
}

static void *find(const struct mirror_table *table, uint64_t number, const char *name)
{
    size_t place = place_of(table, number, name);
    bool there = place < table->count && compare_key(table->entity, table->rows[place], number, name) == 0;
    return there ? table->rows[place] : NULL;
}

void *mirror_find_number(struct mirror *mirror, const struct aq_entity *entity, uint64_t number)
{
    return find(mirror_table(mirror, entity), number, "");
}

void *mirror_find_name(struct mirror *mirror, const struct aq_entity *entity, const char *name)
{
    return find(mirror_table(mirror, entity), 0, name);
}

const void *mirror_row(const struct mirror *mirror, const struct aq_entity *entity, const char *text)
{
    struct aq_key key;
    struct aq_error ignored;
    if (aq_key_from_text(entity, text, &key, &ignored) != 0)
        return NULL;
    return find(mirror_table(mirror, entity), key.number, key.name != NULL ? key.name : "");
}

void *mirror_add(struct mirror *mirror, const struct aq_entity *entity, uint64_t number, const char *name)
{
    struct mirror_table *table = &mirror->tables[mirror_number(entity)];
    const struct aq_field *key = aq_entity_key(entity);
    void *row = aq_arena_alloc(&mirror->arena, entity->record->size);
    aq_record_init(entity->record, row, &mirror->arena);
    size_t place = place_of(table, number, name);
    AQ_GROW(table->rows, table->count, table->room);
    memmove(table->rows + place + 1, table->rows + place, (table->count++ - place) * sizeof *table->rows);
    table->rows[place] = row;
    if (aq_entity_is_named(entity))
        *(const char **)AQ_AT(row, key) = aq_arena_text(&mirror->arena, name, strlen(name));
    else
        *(uint64_t *)AQ_AT(row, key) = number;
    return row;
}

void mirror_drop(struct mirror *mirror, const struct aq_entity *entity, uint64_t number, const char *name)
{
    struct mirror_table *table = &mirror->tables[mirror_number(entity)];
    size_t place = place_of(table, number, name);
    if (find(table, number, name) == NULL)
        return;
    memmove(table->rows + place, table->rows + place + 1, (--table->count - place) * sizeof *table->rows);
}

const char *mirror_copy(struct mirror *mirror, const char *text)
{
    return aq_arena_text(&mirror->arena, text, strlen(text));
}

/* The row of an application's or a resource's project, which is always there. */
struct aq_project *mirror_project_of(struct mirror *mirror, const char *name)
{
    struct aq_project *row = mirror_find_name(mirror, &aq_entity_project, name);
    aq_assert(row != NULL);
    return row;
}

struct aq_list mirror_copy_texts(struct mirror *mirror, const struct aq_list *texts)
{
    const char **copies = aq_arena_alloc(&mirror->arena, texts->count * sizeof *copies);
    for (uint32_t i = 0; i < texts->count; i++)
        copies[i] = mirror_copy(mirror, AQ_TEXT_ITEM(*texts, i));
    return (struct aq_list){copies, texts->count};
}

/* ---- events ------------------------------------------------------------------------------------------- */

static void add_built_in(struct mirror *mirror)
{
    *(struct aq_project *)mirror_add(mirror, &aq_entity_project, 0, AQ_PROJECT_DEFAULT) = aq_project_default;
    const struct aq_role *role;
    for (size_t i = 0; (role = aq_role_built_in_at(i)) != NULL; i++)
        *(struct aq_role *)mirror_add(mirror, &aq_entity_role, 0, role->name) = *role;
}

/* Must be asked before the event is taken: a resource that has ended is gone. */
static uint64_t application_of(struct mirror *mirror, const struct aq_event *event)
{
    const struct aq_field *id = aq_record_field(event->type->record, "id");
    uint64_t number = id != NULL ? aq_field_number(id, event->data) : 0;
    if (event->type == &aq_event_application_rewrapped)
        return 0; /* which nobody has to know */
    if (event->type->entity == &aq_entity_application)
        return number;
    if (event->type == &aq_event_task_created)
        return ((const struct aq_task_created *)event->data)->application;
    if (event->type->entity == &aq_entity_task) {
        const struct aq_task *task = mirror_find_number(mirror, &aq_entity_task, number);
        return task != NULL ? task->application : 0;
    }
    if (event->type == &aq_event_resource_exec_ended) /* its resource may be gone */
        return ((const struct aq_resource_exec_ended *)event->data)->application;
    const struct aq_resource *resource =
        event->type->entity == &aq_entity_resource ? mirror_find_number(mirror, &aq_entity_resource, number) : NULL;
    return resource != NULL ? resource->application : 0;
}

static const struct mirror_taker *const takers[] = {mirror_work, mirror_accounts};

void mirror_take(struct mirror *mirror, const struct aq_event *event, const char *text)
{
    AQ_GROW(mirror->events, mirror->n_events, mirror->events_room);
    mirror->events[mirror->n_events++] = (struct mirror_event){.text = mirror_copy(mirror, text),
                                                               .entity = event->type->entity,
                                                               .application = application_of(mirror, event),
                                                               .ends = event->type == &aq_event_resource_ended};
    aq_assert(mirror->n_events == event->seq);
    for (size_t i = 0; i < AQ_LENGTH(takers); i++)
        for (const struct mirror_taker *taker = takers[i]; taker->type != NULL; taker++)
            if (taker->type == event->type)
                taker->take(mirror, event);
}

void mirror_open(struct mirror *mirror)
{
    *mirror = (struct mirror){.n_events = 0};
    for (size_t i = 0; i < MIRROR_TABLES; i++)
        mirror->tables[i].entity = entities[i];
    add_built_in(mirror);
}

void mirror_free(struct mirror *mirror)
{
    for (size_t i = 0; i < MIRROR_TABLES; i++)
        free(mirror->tables[i].rows);
    free(mirror->events);
    aq_arena_free(&mirror->arena);
}
