#include "controller/state/applied.h"

#include "controller/state/store.h"

#include <string.h>

static struct state_key applied_key(void)
{
    struct state_key key = {0};
    state_key_add_text(&key, "place");
    return key;
}

struct state_applied state_applied_get(struct state_txn *txn)
{
    struct state_key key = applied_key();
    struct state_applied applied = {0};
    const void *value;
    size_t length;
    if (index_get(txn, INDEX_META, &key, &value, &length)) {
        if (length == sizeof applied)
            memcpy(&applied, value, sizeof applied);
        else
            store_damage(txn, value, index_table(INDEX_META));
    }
    return applied;
}

void state_applied_set(struct state_txn *txn, const struct state_applied *applied)
{
    struct state_key key = applied_key();
    index_put(txn, INDEX_META, &key, applied, sizeof *applied);
}

uint64_t state_seq(struct state_txn *txn)
{
    return state_applied_get(txn).seq;
}
