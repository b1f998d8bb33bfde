/* Which thread does what for a request: the writer's thread decides, appends and answers, unless the disk is slow.
 * And when those who watch the writer are told. */
#include "schema/base/bell.h"
#include "schema/base/clock.h"
#include "schema/model/user.h"
#include "tests/lib/cluster.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { COMMITS = 200, TRIES = 5, SLOW_MS = 60, QUIET_MS = 1000 };

static struct test_cluster cluster;
static int bell; /* the writer rings it */

/* ---- a log that says who appends ------------------------------------------------------------------------ */

static const struct log_store_kind *real;
static struct log_store_kind watched;
static pthread_t appended_by; /* read by the writer's thread after the append, and then by its caller */
static atomic_uint sleep_ms;  /* of each append */

static int append_watched(struct log_store *store, const struct log_entry *entries, unsigned count, uint64_t commit,
                          const struct log_vote *vote, struct aq_error *error)
{
    unsigned ms = atomic_load(&sleep_ms);
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    appended_by = pthread_self();
    if (ms > 0)
        nanosleep(&left, NULL);
    return real->append(store, entries, count, commit, vote, error);
}

/* On a memory file system: the disk of a busy machine may be slow. */
static int setup(void **context)
{
    struct aq_error error = {0};
    (void)context;
    test_cluster_make(&cluster, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    test_cluster_open(&cluster, false);
    real = cluster.store->kind;
    watched = *real;
    watched.append = append_watched;
    cluster.store->kind = &watched;
    atomic_store(&sleep_ms, 0);
    bell = aq_bell_open(&error);
    assert_true(bell >= 0);
    test_must(writer_loop_watch(cluster.loop, bell, &error), &error);
    test_cluster_start(&cluster);
    return 0;
}

static int teardown(void **context)
{
    (void)context;
    test_cluster_free(&cluster);
    close(bell);
    return 0;
}

/* ---- asking --------------------------------------------------------------------------------------------- */

struct asked {
    sem_t done;
    pthread_t answered_by;
};

static void note_answer(struct writer_request *request)
{
    struct asked *asked = request->context;
    asked->answered_by = pthread_self();
    sem_post(&asked->done);
}

/* Makes a user. True: the thread that answered has also appended. */
static bool one_thread_does_it(unsigned number)
{
    char name[16];
    snprintf(name, sizeof name, "user%u", number);
    struct asked asked;
    struct aq_error error = {0};
    struct aq_user_create user = {.name = name, .role = AQ_ROLE_USER, .hash = "x", .project = ""};
    const void *records[] = {&user};
    struct writer_request request = {.command = &aq_command_user_create,
                                     .records = records,
                                     .count = 1,
                                     .caller = aq_caller_internal("aquarium"),
                                     .done = note_answer,
                                     .context = &asked};
    sem_init(&asked.done, 0, 0);
    test_must(writer_submit(cluster.writer, &request, &error), &error);
    while (sem_wait(&asked.done) != 0)
        ;
    sem_destroy(&asked.done);
    assert_int_equal(request.error.code, AQ_OK);
    return pthread_equal(asked.answered_by, appended_by);
}

static unsigned count_by_one_thread(unsigned first, unsigned count)
{
    unsigned by_one = 0;
    for (unsigned i = 0; i < count; i++)
        by_one += one_thread_does_it(first + i);
    return by_one;
}

/* ---- threads -------------------------------------------------------------------------------------------- */

/* The caller hands it to the writer, and the writer back: there is no third thread between. (On a busy machine even an
 * append to memory takes long now and then, so that the next one is given away.) */
static void a_single_request_is_handed_on_twice(void **context)
{
    (void)context;
    assert_true(count_by_one_thread(0, COMMITS) >= COMMITS / 2);
}

static void a_slow_disk_gets_a_thread_until_it_is_quick_again(void **context)
{
    (void)context;
    atomic_store(&sleep_ms, SLOW_MS);
    (void)one_thread_does_it(0); /* the writer learns it */
    assert_int_equal(count_by_one_thread(1, 3), 0);
    atomic_store(&sleep_ms, 0);
    assert_false(one_thread_does_it(4));
    assert_true(count_by_one_thread(5, 20) >= 10);
}

/* ---- watchers ------------------------------------------------------------------------------------------- */

/* How often the bell is rung until it has been quiet for a while. A bell is an eventfd, which counts. */
static uint64_t count_rings(uint64_t most)
{
    struct pollfd waits = {.fd = bell, .events = POLLIN};
    uint64_t rings = 0, more;
    while (rings < most && poll(&waits, 1, QUIET_MS) == 1)
        if (read(bell, &more, sizeof more) == sizeof more)
            rings += more;
    return rings;
}

static int compare_numbers(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

/* The second commit is told soon, and not with raft's next timer. */
static void watchers_hear_of_the_first_commit_and_of_the_last(void **context)
{
    uint64_t took_ms[TRIES];
    (void)context;
    for (unsigned i = 0; i < TRIES; i++) {
        (void)count_rings(UINT64_MAX);
        (void)one_thread_does_it(2 * i);
        assert_int_equal(count_rings(1), 1);
        (void)one_thread_does_it(2 * i + 1);
        uint64_t begun_ms = aq_clock_ms();
        assert_int_equal(count_rings(1), 1);
        took_ms[i] = aq_clock_ms() - begun_ms;
    }
    qsort(took_ms, TRIES, sizeof took_ms[0], compare_numbers);
    assert_true(took_ms[TRIES / 2] < QUIET_MS / 10);
}

static void watchers_are_told_of_many_commits_at_once(void **context)
{
    (void)context;
    (void)count_rings(UINT64_MAX);
    uint64_t begun_ms = aq_clock_ms();
    (void)count_by_one_thread(0, COMMITS);
    uint64_t took_ms = aq_clock_ms() - begun_ms, rings = count_rings(UINT64_MAX);
    assert_in_range(rings, 1, took_ms / 2 + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_single_request_is_handed_on_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(a_slow_disk_gets_a_thread_until_it_is_quick_again, setup, teardown),
        cmocka_unit_test_setup_teardown(watchers_hear_of_the_first_commit_and_of_the_last, setup, teardown),
        cmocka_unit_test_setup_teardown(watchers_are_told_of_many_commits_at_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
