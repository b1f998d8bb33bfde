#include "fs/tree/newest.h"

#include "controller/state/indexes.h"

uint64_t newest_row(struct look *look, const struct aq_entity *entity)
{
    struct state_key prefix = {0}, last;
    const void *value;
    size_t length;
    aq_assert(entity->has_newest && entity->indexed_by_owner);
    if (!look->caller.known)
        return 0;
    state_key_add_text(&prefix, look->caller.name);
    if (!index_last(look->txn, INDEX_OWNED, &prefix, &last, &value, &length))
        return 0;
    return state_key_number_at(&last, prefix.length);
}
