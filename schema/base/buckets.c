#include "schema/base/buckets.h"

#include "schema/base/memory.h"

#include <stdlib.h>

enum { PROBES = 8 };

/* How much is left, in thousandths, at a time. Key 0: free. */
struct bucket {
    uint64_t key, at_ms;
    int64_t left;
};

struct aq_buckets {
    struct bucket places[AQ_BUCKETS_PLACES];
};

struct aq_buckets *aq_buckets_new(void)
{
    return aq_calloc(1, sizeof(struct aq_buckets));
}

void aq_buckets_free(struct aq_buckets *buckets)
{
    free(buckets);
}

static uint64_t place_of(uint64_t key)
{
    key *= UINT64_C(0x9E3779B97F4A7C15);
    return key >> 32;
}

static int64_t most(const struct aq_budget *budget)
{
    return budget->burst > INT64_MAX / 1000 ? INT64_MAX : (int64_t)budget->burst * 1000;
}

/* As of now: a rate of n a second is n thousandths a millisecond. */
static int64_t left_of(const struct bucket *bucket, const struct aq_budget *budget, uint64_t now_ms)
{
    const int64_t full = most(budget);
    const uint64_t passed = now_ms > bucket->at_ms ? now_ms - bucket->at_ms : 0;
    if (bucket->left >= full)
        return full;
    const uint64_t missing = (uint64_t)full - (uint64_t)bucket->left;
    if (budget->rate == 0)
        return bucket->left;
    return passed >= missing / budget->rate + 1 ? full : bucket->left + (int64_t)(passed * budget->rate);
}

static const struct bucket *find(const struct aq_buckets *buckets, uint64_t key)
{
    const uint64_t place = place_of(key);
    for (unsigned i = 0; i < PROBES; i++) {
        const struct bucket *bucket = &buckets->places[(place + i) % AQ_BUCKETS_PLACES];
        if (bucket->key == key)
            return bucket;
    }
    return NULL;
}

bool aq_buckets_open(const struct aq_buckets *buckets, uint64_t key, const struct aq_budget *budget, uint64_t now_ms,
                     uint64_t *wait_ms)
{
    const struct bucket *bucket = find(buckets, key);
    int64_t left = bucket != NULL ? left_of(bucket, budget, now_ms) : most(budget);
    *wait_ms = 0;
    if (left > 0)
        return true;
    *wait_ms = budget->rate > 0 ? (uint64_t)-left / budget->rate + 1 : UINT64_MAX;
    return false;
}

/* The key's own place, a free one, or that of the fullest. */
static struct bucket *claim(struct aq_buckets *buckets, uint64_t key, const struct aq_budget *budget, uint64_t now_ms)
{
    const uint64_t place = place_of(key);
    struct bucket *fullest = NULL;
    int64_t fullest_left = 0;
    for (unsigned i = 0; i < PROBES; i++) {
        struct bucket *bucket = &buckets->places[(place + i) % AQ_BUCKETS_PLACES];
        if (bucket->key == key)
            return bucket;
        int64_t left = bucket->key == 0 ? INT64_MAX : left_of(bucket, budget, now_ms);
        if (fullest == NULL || left > fullest_left) {
            fullest = bucket;
            fullest_left = left;
        }
    }
    *fullest = (struct bucket){key, now_ms, most(budget)};
    return fullest;
}

void aq_buckets_spend(struct aq_buckets *buckets, uint64_t key, const struct aq_budget *budget, uint64_t cost,
                      uint64_t now_ms)
{
    struct bucket *bucket = claim(buckets, key, budget, now_ms);
    int64_t paid = cost > INT64_MAX / 2000 ? INT64_MAX / 2 : (int64_t)cost * 1000;
    int64_t left = left_of(bucket, budget, now_ms);
    bucket->left = left < INT64_MIN / 2 + paid ? INT64_MIN / 2 : left - paid;
    bucket->at_ms = now_ms;
}
