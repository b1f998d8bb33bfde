/* Budgets that fill again with time (token buckets), one for each key: what may be used at once, and then so much a
 * second. A budget is opened before it is known what the matter costs, and pays afterwards, so it may go into debt;
 * then it stays closed until the debt is paid.
 *
 * The table has a fixed size. A budget that is full is not kept; where there is no room, the fullest of a few is
 * forgotten, which is in its owner's favour. The caller serializes calls. */
#ifndef AQ_SCHEMA_BASE_BUCKETS_H
#define AQ_SCHEMA_BASE_BUCKETS_H

#include <stdbool.h>
#include <stdint.h>

enum { AQ_BUCKETS_PLACES = 8192 };

struct aq_budget {
    uint64_t rate;  /* a second */
    uint64_t burst; /* at once */
};

struct aq_buckets;

struct aq_buckets *aq_buckets_new(void);
void aq_buckets_free(struct aq_buckets *buckets); /* NULL is fine */

/* Is anything left for the key, which is not 0? If not, `wait_ms` is the time until there is. */
bool aq_buckets_open(const struct aq_buckets *buckets, uint64_t key, const struct aq_budget *budget, uint64_t now_ms,
                     uint64_t *wait_ms);
void aq_buckets_spend(struct aq_buckets *buckets, uint64_t key, const struct aq_budget *budget, uint64_t cost,
                      uint64_t now_ms);

#endif
