#include "schema/entity.h"

#include <string.h>

#define ROLES(W) W(AQ_ROLE_USER, "user", "own applications only") W(AQ_ROLE_ADMIN, "admin", "everything")
static const char *const role_texts[] = {ROLES(AQ_WORD_TEXT)};
static const char *const role_helps[] = {ROLES(AQ_WORD_HELP)};
const struct aq_words aq_role_words = {"aq_role", role_texts, role_helps, aq_role_count};

/* Bounds of the sections, made by the linker. */
extern const struct aq_entity *const __start_aq_entities[], *const __stop_aq_entities[];
extern const struct aq_command *const __start_aq_commands[], *const __stop_aq_commands[];
extern const struct aq_event_type *const __start_aq_events[], *const __stop_aq_events[];

const struct aq_field *aq_entity_key(const struct aq_entity *entity)
{
    for (size_t i = 0; i < entity->record->count; i++)
        if (entity->record->fields[i].rules & AQ_KEY)
            return &entity->record->fields[i];
    aq_broken(__FILE__, __LINE__, "an entity without a key");
}

const struct aq_entity *aq_entity_find(const char *name)
{
    for (const struct aq_entity *const *row = __start_aq_entities; row < __stop_aq_entities; row++)
        if (strcmp((*row)->name, name) == 0 || strcmp((*row)->plural, name) == 0)
            return *row;
    return NULL;
}

const struct aq_entity *aq_entity_at(size_t index)
{
    for (const struct aq_entity *const *row = __start_aq_entities; row < __stop_aq_entities; row++) {
        size_t before = 0;
        for (const struct aq_entity *const *other = __start_aq_entities; other < __stop_aq_entities; other++)
            before += (*other)->rank < (*row)->rank;
        if (before == index)
            return *row;
    }
    return NULL;
}

const struct aq_command *aq_command_find(unsigned code)
{
    for (const struct aq_command *const *row = __start_aq_commands; row < __stop_aq_commands; row++)
        if ((*row)->code == code)
            return *row;
    return NULL;
}

const struct aq_command *aq_command_named(const char *name)
{
    for (const struct aq_command *const *row = __start_aq_commands; row < __stop_aq_commands; row++)
        if (strcmp((*row)->name, name) == 0)
            return *row;
    return NULL;
}

const struct aq_command *aq_command_of(const char *entity, const char *verb)
{
    for (const struct aq_command *const *row = __start_aq_commands; row < __stop_aq_commands; row++)
        if (strcmp((*row)->entity, entity) == 0 && strcmp((*row)->verb, verb) == 0)
            return *row;
    return NULL;
}

const struct aq_command *aq_command_at(size_t index)
{
    for (const struct aq_command *const *row = __start_aq_commands; row < __stop_aq_commands; row++) {
        size_t before = 0;
        for (const struct aq_command *const *other = __start_aq_commands; other < __stop_aq_commands; other++)
            before += (*other)->code < (*row)->code;
        if (before == index)
            return *row;
    }
    return NULL;
}

const struct aq_event_type *aq_event_type_find(unsigned code)
{
    for (const struct aq_event_type *const *row = __start_aq_events; row < __stop_aq_events; row++)
        if ((*row)->code == code)
            return *row;
    return NULL;
}

const struct aq_event_type *aq_event_type_at(size_t index)
{
    for (const struct aq_event_type *const *row = __start_aq_events; row < __stop_aq_events; row++) {
        size_t before = 0;
        for (const struct aq_event_type *const *other = __start_aq_events; other < __stop_aq_events; other++)
            before += (*other)->code < (*row)->code;
        if (before == index)
            return *row;
    }
    return NULL;
}
