#include "controller/auth/attempts.h"

#include "schema/base/address.h"
#include "schema/base/memory.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* The keyed hash of an address chooses a set; it may be at any place in the set. */
enum { PLACES = 8, SETS = 512 };

struct row {
    unsigned char bytes[16];
    unsigned left; /* attempts that may fail */
    bool used;
    uint64_t filled_ms; /* when `left` last grew, or was complete */
    uint64_t untold, told_ms;
};

struct attempts {
    unsigned char key[crypto_shorthash_KEYBYTES];
    struct row rows[SETS][PLACES];
    uint64_t minute_ms; /* when the current minute began */
    unsigned told;      /* addresses, in this minute */
};

struct attempts *attempts_new(void)
{
    struct attempts *attempts = aq_calloc(1, sizeof *attempts);
    crypto_shorthash_keygen(attempts->key);
    return attempts;
}

void attempts_free(struct attempts *attempts)
{
    free(attempts);
}

static void refill(struct row *row, uint64_t now_ms)
{
    uint64_t gained = now_ms > row->filled_ms ? (now_ms - row->filled_ms) / ATTEMPTS_REFILL_MS : 0;
    if (row->left + gained >= ATTEMPTS_AT_ONCE) {
        row->left = ATTEMPTS_AT_ONCE;
        row->filled_ms = now_ms;
    } else {
        row->left += (unsigned)gained;
        row->filled_ms += gained * ATTEMPTS_REFILL_MS;
    }
}

/* The row of the address. A new address replaces the one of its set that has failed least. */
static struct row *find(struct attempts *attempts, const struct attempts_source *source, uint64_t now_ms)
{
    unsigned char bytes[16] = {0}, digest[crypto_shorthash_BYTES];
    memcpy(bytes, source->bytes, aq_address_host_length(source->bytes));
    crypto_shorthash(digest, bytes, sizeof bytes, attempts->key);
    struct row *set = attempts->rows[(digest[0] | digest[1] << 8) % SETS], *place = &set[0];
    for (unsigned i = 0; i < PLACES; i++) {
        struct row *row = &set[i];
        if (row->used)
            refill(row, now_ms);
        if (row->used && memcmp(row->bytes, bytes, sizeof bytes) == 0)
            return row;
        if (place->used && (!row->used || row->left > place->left))
            place = row;
    }
    *place = (struct row){.left = ATTEMPTS_AT_ONCE, .used = true, .filled_ms = now_ms};
    memcpy(place->bytes, bytes, sizeof bytes);
    return place;
}

bool attempts_take(struct attempts *attempts, const struct attempts_source *source, uint64_t now_ms)
{
    struct row *row = find(attempts, source, now_ms);
    if (row->left == 0)
        return false;
    row->left--;
    return true;
}

void attempts_give_back(struct attempts *attempts, const struct attempts_source *source)
{
    struct row *row = find(attempts, source, 0);
    if (row->left < ATTEMPTS_AT_ONCE)
        row->left++;
}

uint64_t attempts_count(struct attempts *attempts, const struct attempts_source *source, uint64_t now_ms)
{
    struct row *row = find(attempts, source, now_ms);
    uint64_t untold = ++row->untold;
    if (row->told_ms != 0 && now_ms < row->told_ms + ATTEMPTS_TOLD_MS)
        return 0;
    if (now_ms >= attempts->minute_ms + ATTEMPTS_TOLD_MS) {
        attempts->minute_ms = now_ms;
        attempts->told = 0;
    }
    if (attempts->told == ATTEMPTS_TOLD_MAX)
        return 0;
    attempts->told++;
    row->told_ms = now_ms > 0 ? now_ms : 1;
    row->untold = 0;
    return untold;
}
