/* What the files of a workload take is counted, and a workload that has too many is to be ended. */
#include "drivers/keeper/watch.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/directory.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MIB = 1 << 20, TURNS = 100, LATER_MS = 61000 };

static const struct usage no_bound = {.bytes = UINT64_MAX, .files = UINT64_MAX};
static char base[64];
static int directory;

static int setup(void **state)
{
    (void)state;
    test_make_directory(base, sizeof base, "/var/tmp", "aquarium-test");
    directory = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return directory >= 0 ? mkdirat(directory, "work", 0700) : -1;
}

static int teardown(void **state)
{
    (void)state;
    close(directory);
    test_remove_tree(base);
    return 0;
}

static void put(const char *name, size_t size)
{
    static char bytes[MIB];
    memset(bytes, 'x', sizeof bytes);
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    for (; size > 0; size -= size < sizeof bytes ? size : sizeof bytes)
        assert_true(write(fd, bytes, size < sizeof bytes ? size : sizeof bytes) > 0);
    assert_int_equal(fsync(fd), 0);
    close(fd);
}

static void files_are_counted(void **state)
{
    (void)state;
    struct usage usage = {0};
    assert_false(usage_add(directory, "none", &no_bound, &usage));
    assert_false(usage_add(directory, "work", &no_bound, &usage));
    assert_int_equal(usage.files, 0);
    put("work/a", 2 * MIB);
    assert_int_equal(mkdirat(directory, "work/d", 0700), 0);
    put("work/d/b", MIB);
    put("elsewhere", 8 * MIB);
    assert_int_equal(symlinkat("../elsewhere", directory, "work/link"), 0);
    assert_int_equal(symlinkat("..", directory, "work/up"), 0);
    assert_false(usage_add(directory, "work", &no_bound, &usage));
    assert_int_equal(usage.files, 5);
    assert_in_range(usage.bytes, 3 * MIB, 4 * MIB);
    usage = (struct usage){0};
    assert_false(usage_add(directory, "work/a", &no_bound, &usage));
    assert_int_equal(usage.files, 1);
}

static void counting_stops_at_a_bound(void **state)
{
    (void)state;
    const struct usage few = {.bytes = UINT64_MAX, .files = 3}, little = {.bytes = MIB, .files = UINT64_MAX};
    struct usage usage = {0};
    char name[32];
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "work/%d", i);
        put(name, MIB);
    }
    assert_true(usage_add(directory, "work", &few, &usage));
    assert_int_equal(usage.files, 4);
    usage = (struct usage){0};
    assert_true(usage_add(directory, "work", &little, &usage));
    assert_in_range(usage.files, 1, 3);
}

static void what_is_too_deep_is_told(void **state)
{
    (void)state;
    struct usage usage = {0};
    int inner = openat(directory, "work", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < USAGE_DEPTH_MAX; i++) {
        assert_int_equal(mkdirat(inner, "d", 0700), 0);
        int next = openat(inner, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(inner);
        inner = next;
    }
    assert_true(usage_add(directory, "work", &no_bound, &usage));
    assert_true(usage.deep);
    close(inner);
}

/* Others write to the same disk, so it may have more space than before: after a minute, it is counted all the same. */
static void watch_until_reason(struct keeper_watch *watch)
{
    uint64_t now_ms = 1000;
    for (int i = 0; i < TURNS && watch->reason[0] == '\0'; i++, now_ms += LATER_MS) {
        (void)keeper_watch_turn(watch, directory, now_ms);
        int status;
        if (watch->counter != 0 && waitpid(watch->counter, &status, 0) > 0)
            keeper_watch_take(watch, status == 0);
    }
}

static void who_takes_too_much_is_ended(void **state)
{
    (void)state;
    struct keeper_watch watch = {.tree = "work", .most = {.bytes = 4 * MIB, .files = 100}};
    keeper_watch_begin(&watch, directory, 0);
    assert_in_range(keeper_watch_turn(&watch, directory, 1), 1, 5000);
    put("work/a", 8 * MIB);
    watch_until_reason(&watch);
    assert_string_equal(watch.reason,
                        "its files took more than 4 MiB of the node's disk (allow.disk of its agent), and "
                        "its label asks for no disks");
    assert_int_equal(keeper_watch_turn(&watch, directory, UINT32_MAX), -1);
}

/* More than are counted in passing: a fork counts them. */
static void who_has_too_many_files_is_ended(void **state)
{
    (void)state;
    struct keeper_watch watch = {.tree = "work", .most = {.bytes = UINT64_MAX, .files = 6000}};
    char name[32];
    keeper_watch_begin(&watch, directory, 0);
    for (int i = 0; i < 6100; i++) {
        snprintf(name, sizeof name, "work/%d", i);
        int fd = openat(directory, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        close(fd);
    }
    watch_until_reason(&watch);
    assert_string_equal(watch.reason,
                        "it had more than 6000 files on the node's disk (allow.files of its agent), and its "
                        "label asks for no disks");
}

static void without_a_bound_nothing_is_looked_at(void **state)
{
    (void)state;
    struct keeper_watch watch = {0};
    keeper_watch_begin(&watch, directory, 0);
    assert_int_equal(keeper_watch_turn(&watch, directory, LATER_MS), -1);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(files_are_counted),           T(counting_stops_at_a_bound),       T(what_is_too_deep_is_told),
        T(who_takes_too_much_is_ended), T(who_has_too_many_files_is_ended), T(without_a_bound_nothing_is_looked_at),
    };
    return cmocka_run_group_tests_name("drivers: files of workloads", tests, NULL, NULL);
}
