#include "fs/tree/newest.h"

#include "controller/state/indexes.h"

struct newest {
    struct look *look;
    const struct aq_entity *entity;
    uint64_t number;
};

static bool note_newest(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct newest *newest = context;
    const struct look *look = newest->look;
    const uint64_t number = state_key_number_at(key, key->length - sizeof(uint64_t));
    if (look_is_narrow(look, newest->entity)) {
        const struct state_key in_project = index_project_key(look->sources->project, number);
        if (!index_get(look->txn, index_of_project(newest->entity), &in_project, &value, &length))
            return true; /* that of another project */
    }
    newest->number = number;
    return false;
}

uint64_t newest_row(struct look *look, const struct aq_entity *entity)
{
    const struct state_key prefix = state_key_number(look->caller.as.number);
    struct newest newest = {look, entity, 0};
    aq_assert(entity->has_newest && entity->indexed_by_owner);
    if (look->caller.known)
        index_scan_back(look->txn, index_of_owner(entity), &prefix, NULL, note_newest, &newest);
    return newest.number;
}
