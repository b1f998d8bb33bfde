#include "controller/auth/proofs.h"

#include "schema/base/memory.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first bytes of a digest choose a set; it may be at any place in the set. */
enum { PLACES = 8, SETS = PROOFS_MAX_COUNT / PLACES };

struct row {
    unsigned char digest[PROOF_SIZE];
    char stored[TOKEN_HASH_SIZE];
    uint64_t expires_ms; /* 0: free */
    bool good;
};

struct proofs {
    struct row rows[SETS][PLACES];
};

struct proofs *proofs_new(void)
{
    return aq_calloc(1, sizeof(struct proofs));
}

void proofs_free(struct proofs *proofs)
{
    if (proofs != NULL)
        sodium_memzero(proofs, sizeof *proofs);
    free(proofs);
}

static struct row *set_of(struct proofs *proofs, const unsigned char digest[PROOF_SIZE])
{
    return proofs->rows[(digest[0] | digest[1] << 8) % SETS];
}

enum proof proofs_find(struct proofs *proofs, const unsigned char digest[PROOF_SIZE], const char *stored,
                       uint64_t now_ms)
{
    struct row *set = set_of(proofs, digest);
    for (unsigned i = 0; i < PLACES; i++)
        if (now_ms < set[i].expires_ms && sodium_memcmp(set[i].digest, digest, PROOF_SIZE) == 0 &&
            strcmp(set[i].stored, stored) == 0)
            return set[i].good ? PROOF_GOOD : PROOF_BAD;
    return PROOF_NONE;
}

/* The row with the least worth is replaced: a free or expired one, then a bad one, then the one that expires first. */
static uint64_t worth(const struct row *row, uint64_t now_ms)
{
    if (now_ms >= row->expires_ms)
        return 0;
    return row->expires_ms - now_ms + (row->good ? PROOF_GOOD_MS : 0);
}

void proofs_add(struct proofs *proofs, const unsigned char digest[PROOF_SIZE], const char *stored, bool good,
                uint64_t now_ms)
{
    struct row *set = set_of(proofs, digest), *place = &set[0];
    for (unsigned i = 0; i < PLACES; i++) {
        if (memcmp(set[i].digest, digest, PROOF_SIZE) == 0) {
            place = &set[i];
            break;
        }
        if (worth(&set[i], now_ms) < worth(place, now_ms))
            place = &set[i];
    }
    memcpy(place->digest, digest, PROOF_SIZE);
    snprintf(place->stored, sizeof place->stored, "%s", stored);
    place->good = good;
    place->expires_ms = now_ms + (good ? PROOF_GOOD_MS : PROOF_BAD_MS);
}
