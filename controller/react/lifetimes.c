#include "controller/react/lifetimes.h"

#include "controller/state/indexes.h"

/* The keys of these indexes are time and number. */
static bool expire_one(struct lifetimes *lifetimes, const struct state_key *key, const struct aq_command *command)
{
    uint64_t time_ms = state_key_number_at(key, 0);
    if (time_ms <= lifetimes->now_ms)
        return react_commands_send(lifetimes->commands, command, state_key_number_at(key, sizeof time_ms));
    if (lifetimes->next_ms == 0 || time_ms < lifetimes->next_ms)
        lifetimes->next_ms = time_ms;
    return false;
}

static bool expire_resource(void *context, const struct state_key *key, const void *value, size_t length)
{
    (void)value, (void)length;
    return expire_one(context, key, &aq_command_resource_expire);
}

static bool expire_token(void *context, const struct state_key *key, const void *value, size_t length)
{
    (void)value, (void)length;
    return expire_one(context, key, &aq_command_token_expire);
}

static bool expire_task(void *context, const struct state_key *key, const void *value, size_t length)
{
    (void)value, (void)length;
    return expire_one(context, key, &aq_command_task_expire);
}

void lifetimes_end_old(struct lifetimes *lifetimes, struct state_txn *txn, uint64_t time_ms)
{
    const struct state_key all = {0};
    lifetimes->next_ms = 0;
    lifetimes->now_ms = time_ms;
    index_scan(txn, INDEX_EXPIRY, &all, expire_resource, lifetimes);
    index_scan(txn, INDEX_TOKEN_EXPIRY, &all, expire_token, lifetimes);
    index_scan(txn, INDEX_TASK_EXPIRY, &all, expire_task, lifetimes);
}
