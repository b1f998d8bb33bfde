/* Random numbers that are the same for the same seed. */
#ifndef AQ_TESTS_LIB_CHANCE_H
#define AQ_TESTS_LIB_CHANCE_H

#include <stdint.h>

/* For tests that need several sequences, such as one for each thread. Any state is a good seed. */
struct chance {
    uint64_t state;
};

uint64_t chance_next(struct chance *chance);
/* A number from 0 to `limit` - 1. */
uint64_t chance_below(struct chance *chance, uint64_t limit);

/* For tests that need only one: starts it at a seed, and draws a number from 0 to `limit` - 1. Not for threads. */
void draw_from(uint64_t seed);
uint64_t draw(uint64_t limit);

#endif
