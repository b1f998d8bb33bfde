#include "fs/tree/newest.h"

#include "controller/state/indexes.h"

static bool note_number(void *context, const struct state_key *key, const void *value, size_t length)
{
    (void)value;
    (void)length;
    *(uint64_t *)context = state_key_number_at(key, key->length - sizeof(uint64_t));
    return false;
}

/* The index can only be scanned forwards, so bisect the range of numbers. */
uint64_t newest_row(struct look *look, const struct aq_entity *entity)
{
    aq_assert(entity->has_newest && entity->indexed_by_owner);
    if (!look->caller.known)
        return 0;
    struct state_key prefix = {0};
    state_key_add_text(&prefix, look->caller.name);
    uint64_t newest = 0, beyond = UINT64_MAX;
    while (newest + 1 < beyond) {
        uint64_t middle = newest + (beyond - newest) / 2, found = 0;
        struct state_key after = prefix;
        state_key_add_number(&after, middle - 1);
        index_scan_after(look->txn, INDEX_OWNED, &prefix, &after, note_number, &found);
        if (found == 0)
            beyond = middle;
        else
            newest = found;
    }
    return newest;
}
