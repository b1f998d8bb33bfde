/* The hub's end of sealed sessions, for tests that play the hub. Every key is a node's. */
#ifndef AQ_TESTS_LIB_TEST_SEALS_H
#define AQ_TESTS_LIB_TEST_SEALS_H

#include "controller/hub/seals.h"

struct test_seals {
    struct hub_identity identity;
    struct hub_seals seals;
    struct seals_holder holder;
};

void test_seals_open(struct test_seals *seals);
void test_seals_close(struct test_seals *seals);
/* As after a restart of the hub, which keeps its key. */
void test_seals_reopen(struct test_seals *seals, uint64_t now_ms);

#endif
