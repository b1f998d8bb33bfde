#include "tests/lib/test_seals.h"

static struct seals_holder *find(void *context, const unsigned char key[AQ_NOISE_KEY_SIZE])
{
    struct test_seals *seals = context;
    (void)key;
    return &seals->holder;
}

void test_seals_open(struct test_seals *seals)
{
    *seals = (struct test_seals){0};
    aq_noise_pair_make(&seals->identity.key);
    seals_open(&seals->seals, &seals->identity, find, seals, 0);
}

void test_seals_reopen(struct test_seals *seals, uint64_t now_ms)
{
    seals_close(&seals->seals);
    seals->holder = (struct seals_holder){0};
    seals_open(&seals->seals, &seals->identity, find, seals, now_ms);
}

void test_seals_close(struct test_seals *seals)
{
    seals_close(&seals->seals);
}
