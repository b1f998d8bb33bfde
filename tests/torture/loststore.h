/* Cuts the power of a log store at each of its calls. */
#ifndef AQ_TESTS_TORTURE_LOSTSTORE_H
#define AQ_TESTS_TORTURE_LOSTSTORE_H

#include <stdbool.h>
#include <stdint.h>

struct loststore_totals {
    uint64_t calls, images, broken;
};

/* Records the calls of LMDB's log store through a history of appends that is drawn from the seed: of one entry or
 * several, small ones and such that have pages of their own, votes, the commit index, tails that are replaced, and at
 * the end so much that the map grows. Then cuts the power in each call, opens what the disk may have, and judges it:
 * opening succeeds; every append that had returned is there, and the one under way wholly or not at all; pages are
 * intact; and the log goes on from there. Works in `directory`, which is on a memory file system. */
void loststore_live(uint64_t seed, const char *directory, struct loststore_totals *totals);

#endif
