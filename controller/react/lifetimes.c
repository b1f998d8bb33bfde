#include "controller/react/lifetimes.h"

#include "controller/state/indexes.h"

static bool expire_one(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct lifetimes *lifetimes = context;
    (void)value, (void)length;
    uint64_t time_ms = state_key_number_at(key, 0);
    if (time_ms > lifetimes->now_ms) {
        lifetimes->next_ms = time_ms;
        return false;
    }
    uint64_t resource = state_key_number_at(key, sizeof time_ms);
    return react_commands_send(lifetimes->commands, &aq_command_resource_expire, resource);
}

void lifetimes_end_old(struct lifetimes *lifetimes, struct state_txn *txn)
{
    const struct state_key all = {0};
    lifetimes->next_ms = 0;
    lifetimes->now_ms = writer_time_ms(lifetimes->commands->writer);
    index_scan(txn, INDEX_EXPIRY, &all, expire_one, lifetimes);
}
