/* The threads that call libvirt: jobs that take long, or never end, leave room for others. */
#include "drivers/libvirt/pool.h"
#include "schema/base/bell.h"
#include "schema/base/clock.h"
#include "tests/lib/cmocka.h"

#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { BUSY = 4, PATIENCE_MS = 10000, LONG_MS = 3600 * 1000 };

static int bell;
static struct pool *pool;
static sem_t gate;
static atomic_int running;
static int done, overdue;

static void run_until_let_go(struct pool_job *job)
{
    (void)job;
    atomic_fetch_add(&running, 1);
    sem_wait(&gate);
    atomic_fetch_sub(&running, 1);
}

static void run_at_once(struct pool_job *job)
{
    (void)job;
}

static void count_done(struct pool_job *job)
{
    (void)job;
    done++;
}

static void count_overdue(struct pool_job *job)
{
    (void)job;
    overdue++;
}

static void add(struct pool_job *job, void (*run)(struct pool_job *job), uint64_t patience_ms, bool is_long)
{
    *job = (struct pool_job){
        .run = run, .overdue = count_overdue, .done = count_done, .drop = count_done, .is_long = is_long};
    pool_add(pool, job, 0, patience_ms);
}

/* Works at the time `now_ms` of the pool until `*number` is `wanted`. */
static void await(const int *number, int wanted, uint64_t now_ms)
{
    const uint64_t until_ms = aq_clock_ms() + PATIENCE_MS;
    while (*number < wanted) {
        struct pollfd fd = {.fd = bell, .events = POLLIN};
        assert_true(aq_clock_ms() < until_ms);
        poll(&fd, 1, 10);
        aq_bell_clear(bell);
        pool_work(pool, now_ms);
    }
    assert_int_equal(*number, wanted);
}

static void await_running(int wanted)
{
    const uint64_t until_ms = aq_clock_ms() + PATIENCE_MS;
    while (atomic_load(&running) < wanted) {
        assert_true(aq_clock_ms() < until_ms);
        usleep(1000);
    }
}

static void let_go(int count)
{
    for (int i = 0; i < count; i++)
        sem_post(&gate);
}

static int setup(void **state)
{
    struct aq_error error;
    (void)state;
    sem_init(&gate, 0, 0);
    done = overdue = 0;
    bell = aq_bell_open(&error);
    pool = pool_open(bell);
    return bell >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    bool closed = pool_close(pool);
    close(bell);
    sem_destroy(&gate);
    return closed ? 0 : -1;
}

static void test_long_jobs_leave_threads_for_others(void **state)
{
    struct pool_job jobs[2 * BUSY], other;
    (void)state;
    for (int i = 0; i < 2 * BUSY; i++)
        add(&jobs[i], run_until_let_go, LONG_MS, true);
    await_running(2 * BUSY);
    add(&other, run_at_once, LONG_MS, false);
    await(&done, 1, 0);
    let_go(2 * BUSY);
    await(&done, 2 * BUSY + 1, 0);
}

static void test_jobs_that_are_overdue_before_they_run_take_no_thread_away(void **state)
{
    struct pool_job busy[BUSY], late, other;
    (void)state;
    for (int round = 0; round < 5; round++) {
        done = overdue = 0;
        for (int i = 0; i < BUSY; i++)
            add(&busy[i], run_until_let_go, LONG_MS, false);
        await_running(BUSY);
        add(&late, run_at_once, 1, false);
        await(&overdue, 1, 1);
        assert_int_equal(done, 0);
        let_go(BUSY);
        await(&done, BUSY + 1, 1);
    }
    done = overdue = 0;
    for (int i = 0; i < BUSY; i++)
        add(&busy[i], run_until_let_go, 1, false);
    await_running(BUSY);
    await(&overdue, BUSY, 1);
    add(&other, run_at_once, LONG_MS, false);
    await(&done, 1, 1);
    let_go(BUSY);
    await(&done, BUSY + 1, 1);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_long_jobs_leave_threads_for_others),
        T(test_jobs_that_are_overdue_before_they_run_take_no_thread_away),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
