/* The file view's time for each uid: what waits, how long, and what never does. */
#include "fs/kernel/throttle.h"
#include "schema/base/memory.h"
#include "tests/lib/cmocka.h"

#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>

enum { ANN = 1001, BOB = 1002, MS = 100, BURST_US = MS * 1000 * THROTTLE_BURST_S };

static struct throttle *throttle;
static uint64_t now_us;
static uid_t exempt;

static bool is_exempt(void *context, uid_t uid)
{
    (void)context;
    return uid == exempt;
}

static int set_up(void **state)
{
    (void)state;
    throttle = throttle_new(is_exempt, NULL);
    now_us = 1000000;
    exempt = (uid_t)-1;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    throttle_free(throttle);
    return 0;
}

struct packed {
    struct fuse_in_header head;
    struct fuse_interrupt_in interrupt;
    char more[64];
};

static struct fuse_buf packed(struct packed *packed, uint32_t operation, uid_t uid, uint64_t number)
{
    *packed = (struct packed){.head = {.len = sizeof *packed, .opcode = operation, .unique = number, .uid = uid}};
    return (struct fuse_buf){.mem = packed, .size = sizeof *packed};
}

static enum throttle_verdict come(uint32_t operation, uid_t uid, uint64_t number)
{
    struct packed bytes;
    const struct fuse_buf request = packed(&bytes, operation, uid, number);
    return throttle_take(throttle, &request, MS, now_us);
}

static void cost(uid_t uid, uint64_t took_us)
{
    struct packed bytes;
    const struct fuse_buf request = packed(&bytes, FUSE_LOOKUP, uid, 1);
    throttle_charge(throttle, &request, MS, took_us, now_us);
}

/* The number of the request that is handled now; 0: none is. */
static uint64_t release(void)
{
    struct fuse_buf request;
    if (!throttle_release(throttle, &request, MS, now_us))
        return 0;
    const uint64_t number = throttle_request_number(&request);
    assert_int_equal(request.size, sizeof(struct packed));
    free(request.mem);
    return number;
}

static void a_minutes_worth_comes_at_once_and_then_requests_wait(void **state)
{
    (void)state;
    cost(ANN, BURST_US - 1);
    assert_int_equal(come(FUSE_LOOKUP, ANN, 1), THROTTLE_NOW);
    assert_int_equal(throttle_due_us(throttle), UINT64_MAX);
    cost(ANN, MS * 1000); /* a second's worth more */
    assert_int_equal(come(FUSE_LOOKUP, ANN, 2), THROTTLE_LATER);
    assert_int_equal(come(FUSE_LOOKUP, ANN, 3), THROTTLE_LATER);
    assert_int_equal(come(FUSE_LOOKUP, BOB, 4), THROTTLE_NOW); /* others do not wait for that */
    assert_int_equal(release(), 0);
    assert_in_range(throttle_due_us(throttle), now_us + 900000, now_us + 1100000);
    now_us += 900000;
    assert_int_equal(release(), 0);
    now_us += 200000;
    assert_int_equal(come(FUSE_LOOKUP, ANN, 5), THROTTLE_LATER); /* behind those that wait */
    assert_int_equal(release(), 2);
    assert_int_equal(release(), 3);
    cost(ANN, MS * 1000);
    assert_int_equal(release(), 0);
    now_us += 1100000;
    assert_int_equal(release(), 5);
    assert_int_equal(release(), 0);
    assert_int_equal(come(FUSE_LOOKUP, ANN, 6), THROTTLE_NOW);
}

static void what_ends_something_never_waits(void **state)
{
    static const uint32_t free_ones[] = {FUSE_FORGET,     FUSE_BATCH_FORGET, FUSE_INTERRUPT, FUSE_RELEASE,
                                         FUSE_RELEASEDIR, FUSE_INIT,         FUSE_DESTROY,   FUSE_FLUSH};
    static const uint32_t others[] = {FUSE_LOOKUP,  FUSE_GETATTR, FUSE_OPEN,     FUSE_READ, FUSE_WRITE,
                                      FUSE_OPENDIR, FUSE_READDIR, FUSE_READLINK, FUSE_POLL};
    (void)state;
    cost(ANN, 2 * BURST_US);
    for (unsigned i = 0; i < AQ_LENGTH(free_ones); i++)
        assert_int_equal(come(free_ones[i], ANN, 1), THROTTLE_NOW);
    for (unsigned i = 0; i < AQ_LENGTH(others); i++)
        assert_int_equal(come(others[i], ANN, 1), THROTTLE_LATER);
    struct fuse_buf shorter = {.mem = "x", .size = 1}; /* libfuse judges it */
    assert_int_equal(throttle_take(throttle, &shorter, MS, now_us), THROTTLE_NOW);
}

static void some_have_no_limit(void **state)
{
    struct packed bytes;
    (void)state;
    cost(ANN, 2 * BURST_US);
    cost(0, 2 * BURST_US);
    assert_int_equal(come(FUSE_LOOKUP, 0, 1), THROTTLE_NOW); /* root */
    exempt = ANN;
    assert_int_equal(come(FUSE_LOOKUP, ANN, 2), THROTTLE_NOW); /* a user with the permission */
    exempt = BOB;
    assert_int_equal(come(FUSE_LOOKUP, ANN, 3), THROTTLE_LATER);
    const struct fuse_buf request = packed(&bytes, FUSE_LOOKUP, ANN, 4);
    assert_int_equal(throttle_take(throttle, &request, THROTTLE_FULL_MS, now_us), THROTTLE_NOW); /* by the settings */
}

/* A process that is told to end gets its answer, and not after all that waits before it. */
static void an_interrupted_request_waits_no_longer(void **state)
{
    struct packed bytes;
    (void)state;
    cost(ANN, 2 * BURST_US);
    for (uint64_t number = 10; number < 15; number++)
        assert_int_equal(come(FUSE_READ, ANN, number), THROTTLE_LATER);
    struct fuse_buf request = packed(&bytes, FUSE_INTERRUPT, 0, 99);
    bytes.interrupt.unique = 12;
    assert_int_equal(throttle_take(throttle, &request, MS, now_us), THROTTLE_LATER);
    assert_int_equal(throttle_due_us(throttle), 0);
    assert_int_equal(release(), 12);
    assert_int_equal(release(), 0);
    bytes.interrupt.unique = 12; /* no longer here: libfuse knows it */
    assert_int_equal(throttle_take(throttle, &request, MS, now_us), THROTTLE_NOW);
    bytes.interrupt.unique = 14; /* the last one */
    assert_int_equal(throttle_take(throttle, &request, MS, now_us), THROTTLE_LATER);
    assert_int_equal(release(), 14);
    now_us += 10ull * BURST_US * 1000 / MS;
    assert_int_equal(come(FUSE_READ, ANN, 15), THROTTLE_LATER);
    const uint64_t rest[] = {10, 11, 13, 15, 0};
    for (unsigned i = 0; i < AQ_LENGTH(rest); i++)
        assert_int_equal(release(), rest[i]);
}

static void no_more_than_so_many_wait(void **state)
{
    (void)state;
    cost(ANN, 2 * BURST_US);
    for (uint64_t number = 1; number <= THROTTLE_WAITING_MAX; number++)
        assert_int_equal(come(FUSE_READ, ANN, number), THROTTLE_LATER);
    assert_int_equal(come(FUSE_READ, ANN, 9), THROTTLE_REFUSED);
    cost(BOB, 2 * BURST_US);
    assert_int_equal(come(FUSE_READ, BOB, 5000), THROTTLE_LATER);
    now_us += 10ull * BURST_US * 1000 / MS;
    const uint64_t first = release(), second = release(); /* the uids take turns */
    assert_int_equal(first + second, 5001);
}

int main(void)
{
#define THROTTLE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        THROTTLE_TEST(a_minutes_worth_comes_at_once_and_then_requests_wait),
        THROTTLE_TEST(what_ends_something_never_waits),
        THROTTLE_TEST(some_have_no_limit),
        THROTTLE_TEST(an_interrupted_request_waits_no_longer),
        THROTTLE_TEST(no_more_than_so_many_wait),
    };
    return cmocka_run_group_tests_name("fs: throttle", tests, NULL, NULL);
}
