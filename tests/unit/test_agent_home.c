/* An agent's directory over restarts. What is kept there of workloads that are over is in test_agent_kept.c. */
#include "agent/home.h"
#include "drivers/output.h"
#include "schema/base/files.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/directory.h"
#include "tests/lib/home_scene.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- the directory ------------------------------------------------------------------------------------- */

static void a_directory_has_one_agent(void **context)
{
    struct home *first = home_scene_open(), *second = NULL;
    struct aq_error error = {0};
    (void)context;
    assert_int_equal(home_open(&second, home_scene.directory, "one", &home_scene.now, &error), -1);
    assert_int_equal(error.code, AQ_E_EXISTS);
    assert_non_null(strstr(error.message, "another name"));
    home_close(first);
    first = home_scene_open();
    home_close(first);
}

/* A copy of the directory, and the same one after another start of the host, count as another. */
static void a_copy_has_another_identity(void **context)
{
    char command[256];
    (void)context;
    struct home *home = home_scene_open();
    uint64_t identity = home_identity(home, "boot 1");
    assert_true(identity != 0);
    assert_true(home_identity(home, "boot 2") != identity);
    home_close(home);
    home = home_scene_open();
    assert_true(home_identity(home, "boot 1") == identity);
    home_close(home);
    snprintf(command, sizeof command, "cp -a %s/one %s/copy && mv %s/one %s/first && mv %s/copy %s/one",
             home_scene.directory, home_scene.directory, home_scene.directory, home_scene.directory,
             home_scene.directory, home_scene.directory);
    assert_int_equal(system(command), 0);
    home = home_scene_open();
    assert_true(home_identity(home, "boot 1") != identity);
    home_close(home);
}

static void the_instance_is_drawn_once(void **context)
{
    struct home *home = home_scene_open();
    uint64_t instance = home_instance(home);
    struct aq_error error = {0};
    (void)context;
    assert_true(instance != 0);
    home_close(home);
    home = home_scene_open();
    assert_true(home_instance(home) == instance);
    home_close(home);
    home_scene_put("instance", "x\n");
    assert_int_equal(home_open(&home, home_scene.directory, "one", &home_scene.now, &error), -1);
    assert_non_null(strstr(error.message, "instance"));
}

struct found {
    unsigned count, ended;
    uint64_t resource, exit_status;
};

static void count_row(void *context, const struct aq_assignment *assignment, const struct aq_happening *end)
{
    struct found *found = context;
    found->count++;
    found->resource = assignment->resource;
    assert_string_equal(assignment->options, "{\"a\":1}");
    assert_int_equal(assignment->amounts.cpu, 500);
    if (end != NULL) {
        found->ended++;
        found->exit_status = end->exit_status;
        assert_string_equal(end->reason, "exit status 3");
    }
}

static struct found load(struct home *home)
{
    struct found found = {0};
    struct aq_error error = {0};
    assert_int_equal(home_load(home, count_row, &found, &error), 0);
    return found;
}

static void workloads_are_found_again(void **context)
{
    struct home *home = home_scene_open();
    struct aq_error error = {0};
    struct aq_happening end = {.resource = 7, .what = AQ_HAPPENED_ENDED, .exit_status = 3, .reason = "exit status 3"};
    (void)context;
    home_scene_add(home, 7);
    assert_true(home_scene_has("workloads/7/driver"));
    home_close(home);
    home = home_scene_open();
    struct found found = load(home);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.ended, 0);
    assert_int_equal(home_end(home, &end, &error), 0);
    home_close(home);
    home = home_scene_open();
    found = load(home);
    assert_int_equal(found.ended, 1);
    assert_int_equal(found.exit_status, 3);
    home_close(home);
}

static void what_is_damaged_is_put_aside(void **context)
{
    struct home *home = home_scene_open();
    (void)context;
    home_scene_add(home, 1);
    home_scene_add(home, 2);
    home_scene_add(home, 3);
    home_scene_put("workloads/1/assignment", "nonsense");
    home_scene_put("workloads/2/assignment", "");
    home_scene_put("workloads/3/ended", "nonsense"); /* the driver finds out */
    struct found found = load(home);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.resource, 3);
    assert_int_equal(found.ended, 0);
    assert_false(home_scene_has("workloads/1"));
    home_close(home);
}

static void only_the_log_remains(void **context)
{
    struct home *home = home_scene_open();
    char path[256];
    (void)context;
    home_scene_add(home, 7);
    strcpy(path, "workloads/7/driver");
    for (int i = 0; i < 20; i++) {
        char full[512];
        strcat(path, "/d");
        snprintf(full, sizeof full, "%s/one/%s", home_scene.directory, path);
        assert_int_equal(mkdir(full, 0700), 0);
        home_scene_put(strcat(strcpy(full, path), "/f"), "x");
    }
    home_scene_put("outside", "x");
    char link_path[256];
    snprintf(link_path, sizeof link_path, "%s/one/workloads/7/driver/link", home_scene.directory);
    assert_int_equal(symlink("../../../outside", link_path), 0);
    home_scene_put("workloads/7/driver/output.1000", "hello world");
    home_remove(home, 7);
    assert_false(home_scene_has("workloads/7"));
    assert_true(home_is_over(home, 7));
    home_scene_read_log(home, 7, 1006, "world");
    home_scene_sweep(home);
    snprintf(path, sizeof path, "%s/one/trash", home_scene.directory);
    assert_int_equal(rmdir(path), 0); /* it is empty */
    assert_true(home_scene_has("outside"));
    home_close(home);
}

/* Removes what a workload has left, as an agent that is not root. Returns 0 if nothing is left. */
static int remove_what_is_closed(void)
{
    enum { NOBODY = 65534 };
    char path[256];
    if (geteuid() == 0 && (setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0))
        return 2;
    struct home *home = home_scene_open();
    home_scene_add(home, 7);
    snprintf(path, sizeof path, "%s/one/workloads/7/driver/work", home_scene.directory);
    int failed = mkdir(path, 0700);
    strcat(path, "/module");
    failed += mkdir(path, 0700);
    home_scene_put("workloads/7/driver/work/module/file", "x");
    failed += chmod(path, 0500); /* read only, as some tools make directories */
    strcat(path, "/../secret");
    failed += mkdir(path, 0);
    snprintf(path, sizeof path, "%s/one/workloads/7/driver/work", home_scene.directory);
    failed += chmod(path, 0100);
    home_remove(home, 7);
    home_scene_sweep(home);
    home_close(home);
    snprintf(path, sizeof path, "%s/one/trash", home_scene.directory);
    return failed == 0 && rmdir(path) == 0 ? 0 : 1;
}

static void directories_that_were_closed_go_too(void **context)
{
    int status;
    (void)context;
    assert_int_equal(chmod(home_scene.directory, 0777), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(remove_what_is_closed());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static ino_t number_of(const char *path)
{
    char full[256];
    struct stat status;
    snprintf(full, sizeof full, "%s/one/%s", home_scene.directory, path);
    assert_int_equal(lstat(full, &status), 0);
    return status.st_ino;
}

static void directories_are_used_again(void **context)
{
    struct home *home = home_scene_open();
    struct aq_error error = {0};
    struct aq_happening end = {.resource = 1, .what = AQ_HAPPENED_ENDED, .exit_status = 3, .reason = "exit status 3"};
    (void)context;
    home_scene_add(home, 1);
    assert_int_equal(home_end(home, &end, &error), 0);
    home_scene_put("workloads/1/driver/file", "x");
    ino_t place = number_of("workloads/1"), file = number_of("workloads/1/assignment");
    home_remove(home, 1);
    assert_false(home_scene_has("workloads/1"));
    home_scene_add(home, 2);
    assert_int_equal(number_of("workloads/2"), place);
    assert_int_equal(number_of("workloads/2/assignment"), file);
    assert_false(home_scene_has("workloads/2/driver/file"));
    assert_false(home_scene_has("workloads/2/ended"));
    struct found found = load(home);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.resource, 2);
    assert_int_equal(found.ended, 0);
    for (uint64_t i = 3; i < 3 + 2 * HOME_SPARES_MAX; i++)
        home_scene_add(home, i);
    for (uint64_t i = 3; i < 3 + 2 * HOME_SPARES_MAX; i++)
        home_remove(home, i);
    home_scene_sweep(home);
    assert_true(home_scene_has("spare/16"));
    assert_false(home_scene_has("spare/17"));
    home_close(home);
    home = home_scene_open(); /* spare directories of an earlier run are not used */
    home_scene_sweep(home);
    assert_false(home_scene_has("spare/1"));
    home_close(home);
}

static void move(const char *from, const char *to)
{
    char a[256], b[256];
    snprintf(a, sizeof a, "%s/one/%s", home_scene.directory, from);
    snprintf(b, sizeof b, "%s/one/%s", home_scene.directory, to);
    assert_int_equal(rename(a, b), 0);
}

/* An agent that ends after `steps` of the steps in which a directory is reused. */
static void stop_after(unsigned steps)
{
    static const char *const moves[][2] = {
        {"workloads/1", "spare/1"},
        {"spare/1/driver", "trash/9"},
        {"spare/1/assignment", "spare/1/assignment.new"},
        {"spare/1/ended", "spare/1/ended.new"},
        {"spare/1", "workloads/2"}, /* from here on it belongs to the next workload */
    };
    for (unsigned i = 0; i < steps; i++)
        move(moves[i][0], moves[i][1]);
}

static void nothing_is_taken_for_another_after_a_crash(void **context)
{
    struct aq_error error = {0};
    struct aq_happening end = {.resource = 1, .what = AQ_HAPPENED_ENDED, .exit_status = 3, .reason = "exit status 3"};
    (void)context;
    for (unsigned steps = 0; steps <= 6; steps++) {
        struct home *home = home_scene_open();
        home_scene_add(home, 1);
        assert_int_equal(home_end(home, &end, &error), 0);
        home_scene_put("workloads/1/driver/file", "of the first");
        home_close(home);
        if (steps < 6)
            stop_after(steps);
        else
            move("workloads/1", "workloads/2"); /* the files of the first workload, as if they had kept their names */
        home = home_scene_open();
        struct found found = load(home);
        assert_int_equal(found.count, steps == 0 ? 1 : 0); /* the first workload, with its end, or none */
        assert_int_equal(found.ended, found.count);
        home_scene_add(home, 2);
        assert_false(home_scene_has("workloads/2/driver/file"));
        assert_false(home_scene_has("workloads/2/ended"));
        home_close(home);
        home = home_scene_open();
        found = load(home);
        assert_int_equal(found.count, steps == 0 ? 2 : 1);
        home_remove(home, 1);
        home_remove(home, 2);
        home_scene_sweep(home);
        home_close(home);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_directory_has_one_agent, home_scene_setup, home_scene_teardown),
        cmocka_unit_test_setup_teardown(a_copy_has_another_identity, home_scene_setup, home_scene_teardown),
        cmocka_unit_test_setup_teardown(the_instance_is_drawn_once, home_scene_setup, home_scene_teardown),
        cmocka_unit_test_setup_teardown(workloads_are_found_again, home_scene_setup, home_scene_teardown),
        cmocka_unit_test_setup_teardown(what_is_damaged_is_put_aside, home_scene_setup, home_scene_teardown),
        cmocka_unit_test_setup_teardown(only_the_log_remains, home_scene_setup, home_scene_teardown),
        cmocka_unit_test_setup_teardown(directories_that_were_closed_go_too, home_scene_setup, home_scene_teardown),
        cmocka_unit_test_setup_teardown(directories_are_used_again, home_scene_setup, home_scene_teardown),
        cmocka_unit_test_setup_teardown(nothing_is_taken_for_another_after_a_crash, home_scene_setup,
                                        home_scene_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
