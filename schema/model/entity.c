#include "schema/model/entity.h"

#include <stdlib.h>
#include <string.h>

#define ROLES(W) W(AQ_ROLE_USER, "user", "own applications only") W(AQ_ROLE_ADMIN, "admin", "everything")
static const char *const role_texts[] = {ROLES(AQ_WORD_TEXT)};
static const struct aq_spelled role_quoted[] = {ROLES(AQ_WORD_QUOTED)};
static const char *const role_helps[] = {ROLES(AQ_WORD_HELP)};
const struct aq_words aq_role_words = {"aq_role", role_texts, role_quoted, role_helps, aq_role_count};

/* Bounds of the sections, made by the linker. */
extern const struct aq_entity *const __start_aq_entities[], *const __stop_aq_entities[];
extern const struct aq_command *const __start_aq_commands[], *const __stop_aq_commands[];
extern const struct aq_event_type *const __start_aq_events[], *const __stop_aq_events[];

/* The same rows in their order, made once before main(): lookups must not cost a search. */
enum { ROWS_MAX = 128 };
static struct {
    const struct aq_entity *entities[ROWS_MAX];
    const struct aq_command *commands[ROWS_MAX];
    const struct aq_event_type *events[ROWS_MAX];
    size_t n_entities, n_commands, n_events;
} rows;

static int by_rank(const void *a, const void *b)
{
    unsigned one = (*(const struct aq_entity *const *)a)->rank, other = (*(const struct aq_entity *const *)b)->rank;
    return (one > other) - (one < other);
}

static int by_command(const void *a, const void *b)
{
    unsigned one = (*(const struct aq_command *const *)a)->code, other = (*(const struct aq_command *const *)b)->code;
    return (one > other) - (one < other);
}

static int by_event(const void *a, const void *b)
{
    unsigned one = (*(const struct aq_event_type *const *)a)->code;
    unsigned other = (*(const struct aq_event_type *const *)b)->code;
    return (one > other) - (one < other);
}

__attribute__((constructor)) static void sort_rows(void)
{
    rows.n_entities = (size_t)(__stop_aq_entities - __start_aq_entities);
    rows.n_commands = (size_t)(__stop_aq_commands - __start_aq_commands);
    rows.n_events = (size_t)(__stop_aq_events - __start_aq_events);
    aq_assert(rows.n_entities <= ROWS_MAX && rows.n_commands <= ROWS_MAX && rows.n_events <= ROWS_MAX);
    memcpy(rows.entities, __start_aq_entities, rows.n_entities * sizeof *rows.entities);
    memcpy(rows.commands, __start_aq_commands, rows.n_commands * sizeof *rows.commands);
    memcpy(rows.events, __start_aq_events, rows.n_events * sizeof *rows.events);
    qsort(rows.entities, rows.n_entities, sizeof *rows.entities, by_rank);
    qsort(rows.commands, rows.n_commands, sizeof *rows.commands, by_command);
    qsort(rows.events, rows.n_events, sizeof *rows.events, by_event);
}

const struct aq_field *aq_entity_key(const struct aq_entity *entity)
{
    for (size_t i = 0; i < entity->record->count; i++)
        if (entity->record->fields[i].rules & AQ_KEY)
            return &entity->record->fields[i];
    aq_broken(__FILE__, __LINE__, "an entity without a key");
}

const struct aq_entity *aq_entity_find(const char *name)
{
    for (size_t i = 0; i < rows.n_entities; i++)
        if (strcmp(rows.entities[i]->name, name) == 0 || strcmp(rows.entities[i]->plural, name) == 0)
            return rows.entities[i];
    return NULL;
}

const struct aq_entity *aq_entity_at(size_t index)
{
    return index < rows.n_entities ? rows.entities[index] : NULL;
}

const struct aq_command *aq_command_find(unsigned code)
{
    for (size_t i = 0; i < rows.n_commands; i++)
        if (rows.commands[i]->code == code)
            return rows.commands[i];
    return NULL;
}

const struct aq_command *aq_command_named(const char *name)
{
    for (size_t i = 0; i < rows.n_commands; i++)
        if (strcmp(rows.commands[i]->name, name) == 0)
            return rows.commands[i];
    return NULL;
}

const struct aq_command *aq_command_of(const char *entity, const char *verb)
{
    for (size_t i = 0; i < rows.n_commands; i++)
        if (strcmp(rows.commands[i]->entity, entity) == 0 && strcmp(rows.commands[i]->verb, verb) == 0)
            return rows.commands[i];
    return NULL;
}

const struct aq_command *aq_command_at(size_t index)
{
    return index < rows.n_commands ? rows.commands[index] : NULL;
}

const struct aq_event_type *aq_event_type_find(unsigned code)
{
    for (size_t i = 0; i < rows.n_events; i++)
        if (rows.events[i]->code == code)
            return rows.events[i];
    return NULL;
}

const struct aq_event_type *aq_event_type_at(size_t index)
{
    return index < rows.n_events ? rows.events[index] : NULL;
}
