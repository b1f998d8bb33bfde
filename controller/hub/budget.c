#include "controller/hub/budget.h"

#include "schema/base/address.h"

#include <sodium.h>
#include <string.h>

enum { SECOND_MS = 1000 };

_Static_assert(crypto_shorthash_KEYBYTES == sizeof((struct hub_budget *)0)->key, "a key of the hash");

void budget_open(struct hub_budget *budget)
{
    *budget = (struct hub_budget){0};
    randombytes_buf(budget->key, sizeof budget->key);
}

static struct budget_purse *purse_of(struct hub_budget *budget, const struct hub_source *source)
{
    uint64_t hash;
    unsigned char out[crypto_shorthash_BYTES];
    crypto_shorthash(out, source->bytes, aq_address_host_length(source->bytes), budget->key);
    memcpy(&hash, out, sizeof hash);
    return &budget->places[hash % BUDGET_PLACES];
}

/* Takes off what has come back since the last time. */
static void refill(struct budget_purse *purse, uint64_t per_s, uint64_t now_ms)
{
    const uint64_t back = (now_ms - purse->since_ms) * per_s / SECOND_MS;
    if (back == 0)
        return;
    purse->since_ms = back >= purse->spent ? now_ms : purse->since_ms + back * SECOND_MS / per_s;
    purse->spent -= back >= purse->spent ? purse->spent : (uint32_t)back;
}

static bool has_left(struct budget_purse *purse, unsigned at_once, unsigned per_s, uint64_t now_ms)
{
    refill(purse, per_s, now_ms);
    return purse->spent < at_once;
}

bool budget_spend(struct budget_purse *purse, unsigned at_once, unsigned per_s, uint64_t now_ms)
{
    const bool left = has_left(purse, at_once, per_s, now_ms);
    purse->spent += left;
    return left;
}

bool budget_take(struct hub_budget *budget, const struct hub_source *source, uint64_t now_ms)
{
    struct budget_purse *purse = purse_of(budget, source);
    if (!has_left(&budget->all, BUDGET_ALL_AT_ONCE, BUDGET_ALL_PER_S, now_ms) ||
        !budget_spend(purse, BUDGET_AT_ONCE, BUDGET_PER_S, now_ms))
        return false;
    budget->all.spent++;
    return true;
}

void budget_give_back(struct hub_budget *budget, const struct hub_source *source)
{
    struct budget_purse *purse = purse_of(budget, source);
    budget->all.spent -= budget->all.spent > 0;
    purse->spent -= purse->spent > 0;
}
