/* Heartbeats: written by one process and read by another, which moves to the new file when they are replaced. */
#include "controller/state/live.h"
#include "tests/lib/cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/wait.h>

#include <cmocka.h>

static char directory[64];

static int set_up(void **context)
{
    (void)context;
    test_make_directory(directory, sizeof directory, "/tmp", "aquarium-test");
    return 0;
}

static int tear_down(void **context)
{
    (void)context;
    test_remove_tree(directory);
    return 0;
}

static struct live *write_heartbeat(const char *name, uint64_t load)
{
    struct live *live;
    struct aq_error error = {0};
    const struct aq_node_live row = {.load_milli = load};
    test_must(live_open(&live, directory, STATE_WRITE, &error), &error);
    test_must(live_put(live, &name, &row, 1, &error), &error);
    return live;
}

static void heartbeats_are_kept_until_the_next_start(void **context)
{
    (void)context;
    struct aq_node_live row;
    struct live *live = write_heartbeat("one", 5);
    assert_true(live_node(live, "one", &row));
    assert_int_equal(row.load_milli, 5);
    assert_false(live_node(live, "two", &row));
    assert_false(live_node(live, "", &row));
    live_close(live);
    live = write_heartbeat("two", 6);
    assert_false(live_node(live, "one", &row));
    live_close(live);
}

static void the_sizes_of_logs_are_kept_until_their_resources_are_gone(void **context)
{
    (void)context;
    struct live *live;
    struct aq_error error = {0};
    struct aq_kept kept;
    const struct aq_kept logs[] = {{7, 0, 100}, {8, 50, 60}, {7, 10, 200}};
    const struct aq_kept gone[] = {{8, 0, 0}, {9, 0, 0}};
    test_must(live_open(&live, directory, STATE_WRITE, &error), &error);
    assert_false(live_log(live, 7, &kept));
    test_must(live_put_logs(live, logs, AQ_LENGTH(logs), &error), &error);
    assert_true(live_log(live, 7, &kept));
    assert_int_equal(kept.first, 10);
    assert_int_equal(kept.end, 200);
    assert_true(live_log(live, 8, &kept));
    test_must(live_put_logs(live, gone, AQ_LENGTH(gone), &error), &error);
    assert_false(live_log(live, 8, &kept));
    live_close(live);
    test_must(live_open(&live, directory, STATE_WRITE, &error), &error);
    assert_false(live_log(live, 7, &kept));
    live_close(live);
}

static void put_uses(struct live *live, uint64_t first, size_t count)
{
    enum { AT_ONCE = 256 };
    struct aq_error error = {0};
    uint64_t ids[AT_ONCE];
    struct aq_token_live rows[AT_ONCE];
    for (size_t i = 0; i < count; i += AT_ONCE) {
        for (size_t k = 0; k < AT_ONCE; k++) {
            ids[k] = first + i + k;
            rows[k] = (struct aq_token_live){.used_at = 9, .address = "10.0.0.1"};
        }
        test_must(live_put_tokens(live, ids, rows, AT_ONCE, &error), &error);
    }
}

/* Who makes token after token does not fill the file that heartbeats need. */
static void uses_of_tokens_are_kept_and_bounded(void **context)
{
    (void)context;
    struct live *live = write_heartbeat("one", 5);
    struct aq_token_live use;
    struct aq_arena arena = {0};
    put_uses(live, 7, 256);
    assert_true(live_find(live, &aq_entity_token, "7", &use, &arena));
    assert_int_equal(use.used_at, 9);
    assert_string_equal(use.address, "10.0.0.1");
    assert_false(live_find(live, &aq_entity_token, "6", &use, &arena));
    put_uses(live, 1000, 70000);
    assert_false(live_find(live, &aq_entity_token, "7", &use, &arena));
    assert_true(live_find(live, &aq_entity_token, "70900", &use, &arena));
    assert_true(live_node(live, "one", &(struct aq_node_live){0}));
    aq_arena_free(&arena);
    live_close(live);
}

/* Another process: reads names of one letter and writes the load of each node; 0: no heartbeat. */
static _Noreturn void read_elsewhere(int from, int to)
{
    struct live *live = NULL;
    struct aq_error error = {0};
    char name[2] = "";
    while (read(from, name, 1) == 1) {
        struct aq_node_live row;
        if (live == NULL && live_open(&live, directory, STATE_READ, &error) != 0)
            _exit(1);
        uint64_t load = live_node(live, name, &row) ? row.load_milli : 0;
        if (write(to, &load, sizeof load) != sizeof load)
            _exit(2);
    }
    live_close(live);
    _exit(0);
}

static void check_elsewhere(const int pipes[2], char name, uint64_t expected)
{
    uint64_t load;
    usleep(100000); /* readers check for another file every 20 ms */
    assert_int_equal(write(pipes[0], &name, 1), 1);
    assert_int_equal(read(pipes[1], &load, sizeof load), sizeof load);
    assert_int_equal(load, expected);
}

static void a_reader_moves_to_a_new_file(void **context)
{
    (void)context;
    int ask[2], answer[2], status;
    char path[80];
    assert_int_equal(pipe(ask) | pipe(answer), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ask[1]);
        close(answer[0]);
        read_elsewhere(ask[0], answer[1]);
    }
    close(ask[0]);
    close(answer[1]);
    const int pipes[2] = {ask[1], answer[0]};
    struct live *live = write_heartbeat("a", 1);
    check_elsewhere(pipes, 'a', 1);
    live_close(live);
    snprintf(path, sizeof path, "%s/live", directory); /* by hand, as the documentation allows */
    test_remove_tree(path);
    check_elsewhere(pipes, 'a', 1); /* there is no new file yet */
    live = write_heartbeat("b", 2);
    check_elsewhere(pipes, 'b', 2);
    check_elsewhere(pipes, 'a', 0);
    live_close(live);
    snprintf(path, sizeof path, "%s/live/boot", directory); /* as after a reboot */
    assert_int_equal(unlink(path), 0);
    live = write_heartbeat("c", 3);
    check_elsewhere(pipes, 'c', 3);
    live_close(live);
    close(ask[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(answer[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(heartbeats_are_kept_until_the_next_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_sizes_of_logs_are_kept_until_their_resources_are_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(uses_of_tokens_are_kept_and_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_moves_to_a_new_file, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("live", tests, NULL, NULL);
}
