/* What an agent keeps of workloads that are over: their logs and the files that they have left, within bounds. */
#include "agent/home.h"
#include "schema/base/files.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/home_scene.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- logs of workloads that are over (keep.logs) --------------------------------------------------------- */

static void end_workload(struct home *home, uint64_t resource, const char *output)
{
    char path[64];
    home_scene_add(home, resource);
    snprintf(path, sizeof path, "workloads/%d/driver/output.0", (int)resource);
    home_scene_put(path, output);
    home_remove(home, resource);
}

static void expect_gone(struct home *home, uint64_t resource, const char *why)
{
    struct aq_error error = {0};
    char path[64];
    assert_int_equal(home_log_open(home, resource, &error), -1);
    assert_int_equal(error.code, AQ_E_NOT_FOUND);
    if (strstr(error.message, why) == NULL)
        fail_msg("%s", error.message);
    snprintf(path, sizeof path, "ended/%d", (int)resource);
    assert_false(home_scene_has(path));
}

static void logs_of_the_newest_are_kept(void **context)
{
    struct home *home = home_scene_open();
    const struct aq_agent_keep_logs keep = {.number = 20, .size = 1, .age = 3600};
    (void)context;
    home_keep(home, &(struct aq_agent_keep){.logs = keep});
    for (uint64_t i = 1; i <= keep.number + 5; i++) {
        end_workload(home, i, "x");
        home_scene.now.steady_ms++;
    }
    expect_gone(home, 5, "its node keeps the newest 20 logs of workloads that have ended, 1MiB in all, for 1h");
    home_scene_read_log(home, 6, 0, "x");
    home_close(home);
    home = home_scene_open();
    home_keep(home, &(struct aq_agent_keep){.logs = keep});
    expect_gone(home, 5, "keep.logs");
    home_scene_read_log(home, 6, 0, "x");
    assert_true(home_is_over(home, keep.number + 5));
    assert_true(home_is_over(home, 6));
    home_keep(home, &(struct aq_agent_keep){.logs = {.number = 0, .size = 1, .age = 3600}});
    expect_gone(home, keep.number + 5, "newest 0 logs");
    home_scene_sweep(home);
    home_close(home);
}

static void logs_are_kept_up_to_a_size(void **context)
{
    struct home *home = home_scene_open();
    const struct aq_agent_keep_logs keep = {.number = 100, .size = 1, .age = 3600};
    char *half = calloc(1, (512 << 10) + 1);
    (void)context;
    memset(half, 'x', 512 << 10);
    home_keep(home, &(struct aq_agent_keep){.logs = keep});
    end_workload(home, 1, half);
    end_workload(home, 2, half);
    assert_true(home_scene_has("ended/1"));
    end_workload(home, 3, "y");
    expect_gone(home, 1, "keep.logs");
    home_scene_read_log(home, 3, 0, "y");
    home_close(home);
    home = home_scene_open(); /* what is there counts again */
    home_keep(home, &(struct aq_agent_keep){.logs = keep});
    assert_true(home_scene_has("ended/2"));
    end_workload(home, 4, half);
    expect_gone(home, 2, "keep.logs");
    free(half);
    home_close(home);
}

static void logs_are_kept_for_a_time(void **context)
{
    struct home *home = home_scene_open();
    (void)context;
    end_workload(home, 1, "old");
    home_scene.now.steady_ms += 7200000;
    home_scene.now.wall_ms += 1; /* it was set back: ages do not depend on that */
    end_workload(home, 2, "new");
    home_close(home);
    home_scene.now.wall_ms += 7200000; /* a later start takes it as it is */
    home = home_scene_open();
    home_keep(home, &(struct aq_agent_keep){.logs = {.number = 100, .size = 1, .age = 7500}});
    home_scene_read_log(home, 1, 0, "old");
    home_keep(home, &(struct aq_agent_keep){.logs = {.number = 100, .size = 1, .age = 7000}});
    expect_gone(home, 1, "for 1h56m40s");
    home_scene_read_log(home, 2, 0, "new");
    home_close(home);
}

/* Earlier versions kept the end of a log as one file. */
static void logs_of_earlier_versions_are_kept(void **context)
{
    struct home *home = home_scene_open();
    (void)context;
    home_close(home);
    home_scene_put("ended/7", "hello\n");
    home = home_scene_open();
    home_scene_read_log(home, 7, 2, "llo\n");
    assert_true(home_is_over(home, 7));
    home_close(home);
}

/* The agent was killed after it had moved the log, and adds the workload again. */
static void a_log_that_is_added_again_counts_once(void **context)
{
    struct home *home = home_scene_open();
    (void)context;
    end_workload(home, 1, "first\n");
    end_workload(home, 1, "again\n");
    home_scene_read_log(home, 1, 0, "again\n");
    home_keep(home, &(struct aq_agent_keep){.logs = {.number = 1, .size = 1, .age = 7000}});
    home_scene_read_log(home, 1, 0, "again\n");
    home_note_over(home, 2);
    expect_gone(home, 1, "keep.logs");
    home_scene_read_log(home, 2, 0, "");
    home_close(home);
}

/* ---- files of workloads that are over (keep.files) ------------------------------------------------------- */

static const struct aq_agent_keep keep_files = {.logs = {.number = 100, .size = 1, .age = 3600},
                                                .files = {.number = 2, .size = 3, .age = 3600}};

/* It has left so many MiB; 0: its driver has written no note. */
static void leave(struct home *home, uint64_t resource, uint64_t mib)
{
    char path[128];
    struct aq_error error = {0};
    const struct driver_left note = {
        .driver = "process", .tree = "work", .at = "/work", .cwd = "/work", .bytes = mib << 20};
    home_scene_add(home, resource);
    snprintf(path, sizeof path, "%s/one/workloads/%d/driver", home_scene.directory, (int)resource);
    AQ_CLEANUP_FD int driver = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(driver >= 0);
    if (mib > 0)
        assert_int_equal(driver_left_write(driver, &note, &error), 0);
    home_remove(home, resource);
    home_scene.now.steady_ms++;
}

static bool is_left(struct home *home, uint64_t resource)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct driver_left note;
    struct aq_error error = {0};
    char path[128], short_path[32];
    const char *found = home_left(home, resource, &note, &arena, &error);
    snprintf(short_path, sizeof short_path, "left/%d", (int)resource);
    snprintf(path, sizeof path, "%s/one/%s", home_scene.directory, short_path);
    assert_int_equal(home_scene_has(short_path), found != NULL);
    if (found == NULL) {
        assert_int_equal(error.code, AQ_E_NOT_FOUND);
        return false;
    }
    assert_string_equal(note.driver, "process");
    assert_string_equal(found, path);
    return true;
}

static void files_of_the_newest_are_kept(void **context)
{
    struct home *home = home_scene_open();
    (void)context;
    home_keep(home, &keep_files);
    leave(home, 1, 1);
    leave(home, 2, 0);
    assert_true(is_left(home, 1));
    assert_false(is_left(home, 2));
    leave(home, 3, 4); /* more than all may be: the others stay */
    assert_false(is_left(home, 3));
    assert_true(is_left(home, 1));
    leave(home, 4, 1);
    leave(home, 5, 1);
    assert_false(is_left(home, 1)); /* number */
    assert_true(is_left(home, 4) && is_left(home, 5));
    leave(home, 6, 3);
    assert_false(is_left(home, 4) || is_left(home, 5)); /* size */
    assert_true(is_left(home, 6));
    home_close(home);
    home = home_scene_open();
    home_keep(home, &keep_files);
    assert_true(is_left(home, 6));
    leave(home, 7, 1); /* what was there counts */
    assert_false(is_left(home, 6));
    home_scene.now.steady_ms += 3601000;
    home_prune(home);
    assert_false(is_left(home, 7)); /* age */
    leave(home, 8, 1);
    struct aq_agent_keep none = keep_files;
    none.files.number = 0;
    home_keep(home, &none);
    assert_false(is_left(home, 8));
    leave(home, 9, 1);
    assert_false(is_left(home, 9));
    home_scene_sweep(home);
    home_close(home);
}

/* The hub has not noted the end yet, or the agent was killed before it had moved all. */
static void files_are_there_from_the_end_on(void **context)
{
    struct home *home = home_scene_open();
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct driver_left note = {.driver = "process", .tree = "work", .at = "/work", .cwd = "/work", .bytes = 1};
    struct aq_error error = {0};
    char path[128];
    (void)context;
    home_scene_add(home, 1);
    assert_null(home_left(home, 1, &note, &arena, &error));
    snprintf(path, sizeof path, "%s/one/workloads/1/driver", home_scene.directory);
    AQ_CLEANUP_FD int driver = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    note = (struct driver_left){.driver = "process", .tree = "work", .at = "/work", .cwd = "/work/a b", .bytes = 1};
    assert_int_equal(driver_left_write(driver, &note, &error), 0);
    assert_string_equal(home_left(home, 1, &note, &arena, &error), path);
    assert_string_equal(note.cwd, "/work/a b");
    home_remove(home, 1);
    assert_true(is_left(home, 1));
    home_remove(home, 1);
    assert_true(is_left(home, 1));
    home_close(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(logs_of_the_newest_are_kept, home_scene_setup, home_scene_teardown),
        cmocka_unit_test_setup_teardown(logs_are_kept_up_to_a_size, home_scene_setup, home_scene_teardown),
        cmocka_unit_test_setup_teardown(logs_are_kept_for_a_time, home_scene_setup, home_scene_teardown),
        cmocka_unit_test_setup_teardown(logs_of_earlier_versions_are_kept, home_scene_setup, home_scene_teardown),
        cmocka_unit_test_setup_teardown(a_log_that_is_added_again_counts_once, home_scene_setup, home_scene_teardown),
        cmocka_unit_test_setup_teardown(files_of_the_newest_are_kept, home_scene_setup, home_scene_teardown),
        cmocka_unit_test_setup_teardown(files_are_there_from_the_end_on, home_scene_setup, home_scene_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
