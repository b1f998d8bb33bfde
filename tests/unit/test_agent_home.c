/* An agent's directory over restarts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/home.h"
#include "drivers/output.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"
#include "tests/lib/directory.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char directory[64];
static struct aq_clocks now;

static int setup(void **context)
{
    (void)context;
    test_make_directory(directory, sizeof directory, "/tmp", "aquarium-test");
    aq_journal_open("test", AQ_ERROR);
    now = (struct aq_clocks){.steady_ms = 5000, .wall_ms = 1764000000000};
    return sodium_init() >= 0 ? 0 : -1;
}

static int teardown(void **context)
{
    (void)context;
    test_remove_tree(directory);
    return 0;
}

static struct home *open_home(void)
{
    struct home *home = NULL;
    struct aq_error error = {0};
    if (home_open(&home, directory, "one", &now, &error) != 0)
        fail_msg("%s", error.message);
    return home;
}

static struct aq_assignment assignment_of(uint64_t resource)
{
    return (struct aq_assignment){.resource = resource,
                                  .want = AQ_WANT_RUNNING,
                                  .driver = "test",
                                  .options = "{\"a\":1}",
                                  .network = "",
                                  .metadata = "{}",
                                  .amounts = {.cpu = 500}};
}

static void add(struct home *home, uint64_t resource)
{
    struct aq_error error = {0};
    struct aq_assignment assignment = assignment_of(resource);
    assert_int_equal(home_add(home, &assignment, &error), 0);
}

static bool there_is(const char *path)
{
    char full[256];
    struct stat status;
    snprintf(full, sizeof full, "%s/one/%s", directory, path);
    return lstat(full, &status) == 0;
}

static void put(const char *path, const char *text)
{
    char full[256];
    snprintf(full, sizeof full, "%s/one/%s", directory, path);
    FILE *file = fopen(full, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* ---- the directory ------------------------------------------------------------------------------------- */

static void a_directory_has_one_agent(void **context)
{
    struct home *first = open_home(), *second = NULL;
    struct aq_error error = {0};
    (void)context;
    assert_int_equal(home_open(&second, directory, "one", &now, &error), -1);
    assert_int_equal(error.code, AQ_E_EXISTS);
    assert_non_null(strstr(error.message, "another name"));
    home_close(first);
    first = open_home();
    home_close(first);
}

/* A copy of the directory, and the same one after another start of the host, count as another. */
static void a_copy_has_another_identity(void **context)
{
    char command[256];
    (void)context;
    struct home *home = open_home();
    uint64_t identity = home_identity(home, "boot 1");
    assert_true(identity != 0);
    assert_true(home_identity(home, "boot 2") != identity);
    home_close(home);
    home = open_home();
    assert_true(home_identity(home, "boot 1") == identity);
    home_close(home);
    snprintf(command, sizeof command, "cp -a %s/one %s/copy && mv %s/one %s/first && mv %s/copy %s/one", directory,
             directory, directory, directory, directory, directory);
    assert_int_equal(system(command), 0);
    home = open_home();
    assert_true(home_identity(home, "boot 1") != identity);
    home_close(home);
}

static void the_instance_is_drawn_once(void **context)
{
    struct home *home = open_home();
    uint64_t instance = home_instance(home);
    struct aq_error error = {0};
    (void)context;
    assert_true(instance != 0);
    home_close(home);
    home = open_home();
    assert_true(home_instance(home) == instance);
    home_close(home);
    put("instance", "x\n");
    assert_int_equal(home_open(&home, directory, "one", &now, &error), -1);
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
    struct home *home = open_home();
    struct aq_error error = {0};
    struct aq_happening end = {.resource = 7, .what = AQ_HAPPENED_ENDED, .exit_status = 3, .reason = "exit status 3"};
    (void)context;
    add(home, 7);
    assert_true(there_is("workloads/7/driver"));
    home_close(home);
    home = open_home();
    struct found found = load(home);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.ended, 0);
    assert_int_equal(home_end(home, &end, &error), 0);
    home_close(home);
    home = open_home();
    found = load(home);
    assert_int_equal(found.ended, 1);
    assert_int_equal(found.exit_status, 3);
    home_close(home);
}

static void what_is_damaged_is_put_aside(void **context)
{
    struct home *home = open_home();
    (void)context;
    add(home, 1);
    add(home, 2);
    add(home, 3);
    put("workloads/1/assignment", "nonsense");
    put("workloads/2/assignment", "");
    put("workloads/3/ended", "nonsense"); /* the driver finds out */
    struct found found = load(home);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.resource, 3);
    assert_int_equal(found.ended, 0);
    assert_false(there_is("workloads/1"));
    home_close(home);
}

static void sweep(struct home *home)
{
    for (int i = 0; i < 1000 && home_has_trash(home); i++)
        home_sweep(home, 8);
}

/* What is kept of the log of a workload that is over, from a position on. */
static void read_log(struct home *home, uint64_t resource, uint64_t position, const char *expected)
{
    struct aq_error error = {0};
    struct output_span span;
    AQ_CLEANUP_BUFFER struct aq_buffer log = {0};
    AQ_CLEANUP_FD int output = home_log_open(home, resource, &error);
    if (output < 0 || output_read(output, &position, 1000, &log, &span, &error) != 0)
        fail_msg("%s", error.message);
    assert_true(span.placed);
    assert_string_equal(aq_buffer_string(&log), expected);
}

static void only_the_log_remains(void **context)
{
    struct home *home = open_home();
    char path[256];
    (void)context;
    add(home, 7);
    strcpy(path, "workloads/7/driver");
    for (int i = 0; i < 20; i++) {
        char full[512];
        strcat(path, "/d");
        snprintf(full, sizeof full, "%s/one/%s", directory, path);
        assert_int_equal(mkdir(full, 0700), 0);
        put(strcat(strcpy(full, path), "/f"), "x");
    }
    put("outside", "x");
    char link_path[256];
    snprintf(link_path, sizeof link_path, "%s/one/workloads/7/driver/link", directory);
    assert_int_equal(symlink("../../../outside", link_path), 0);
    put("workloads/7/driver/output.1000", "hello world");
    home_remove(home, 7);
    assert_false(there_is("workloads/7"));
    assert_true(home_is_over(home, 7));
    read_log(home, 7, 1006, "world");
    sweep(home);
    snprintf(path, sizeof path, "%s/one/trash", directory);
    assert_int_equal(rmdir(path), 0); /* it is empty */
    assert_true(there_is("outside"));
    home_close(home);
}

/* Removes what a workload has left, as an agent that is not root. Returns 0 if nothing is left. */
static int remove_what_is_closed(void)
{
    enum { NOBODY = 65534 };
    char path[256];
    if (geteuid() == 0 && (setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0))
        return 2;
    struct home *home = open_home();
    add(home, 7);
    snprintf(path, sizeof path, "%s/one/workloads/7/driver/work", directory);
    int failed = mkdir(path, 0700);
    strcat(path, "/module");
    failed += mkdir(path, 0700);
    put("workloads/7/driver/work/module/file", "x");
    failed += chmod(path, 0500); /* read only, as some tools make directories */
    strcat(path, "/../secret");
    failed += mkdir(path, 0);
    snprintf(path, sizeof path, "%s/one/workloads/7/driver/work", directory);
    failed += chmod(path, 0100);
    home_remove(home, 7);
    sweep(home);
    home_close(home);
    snprintf(path, sizeof path, "%s/one/trash", directory);
    return failed == 0 && rmdir(path) == 0 ? 0 : 1;
}

static void directories_that_were_closed_go_too(void **context)
{
    int status;
    (void)context;
    assert_int_equal(chmod(directory, 0777), 0);
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
    snprintf(full, sizeof full, "%s/one/%s", directory, path);
    assert_int_equal(lstat(full, &status), 0);
    return status.st_ino;
}

static void directories_are_used_again(void **context)
{
    struct home *home = open_home();
    struct aq_error error = {0};
    struct aq_happening end = {.resource = 1, .what = AQ_HAPPENED_ENDED, .exit_status = 3, .reason = "exit status 3"};
    (void)context;
    add(home, 1);
    assert_int_equal(home_end(home, &end, &error), 0);
    put("workloads/1/driver/file", "x");
    ino_t place = number_of("workloads/1"), file = number_of("workloads/1/assignment");
    home_remove(home, 1);
    assert_false(there_is("workloads/1"));
    add(home, 2);
    assert_int_equal(number_of("workloads/2"), place);
    assert_int_equal(number_of("workloads/2/assignment"), file);
    assert_false(there_is("workloads/2/driver/file"));
    assert_false(there_is("workloads/2/ended"));
    struct found found = load(home);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.resource, 2);
    assert_int_equal(found.ended, 0);
    for (uint64_t i = 3; i < 3 + 2 * HOME_SPARES_MAX; i++)
        add(home, i);
    for (uint64_t i = 3; i < 3 + 2 * HOME_SPARES_MAX; i++)
        home_remove(home, i);
    sweep(home);
    assert_true(there_is("spare/16"));
    assert_false(there_is("spare/17"));
    home_close(home);
    home = open_home(); /* spare directories of an earlier run are not used */
    sweep(home);
    assert_false(there_is("spare/1"));
    home_close(home);
}

static void move(const char *from, const char *to)
{
    char a[256], b[256];
    snprintf(a, sizeof a, "%s/one/%s", directory, from);
    snprintf(b, sizeof b, "%s/one/%s", directory, to);
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
        struct home *home = open_home();
        add(home, 1);
        assert_int_equal(home_end(home, &end, &error), 0);
        put("workloads/1/driver/file", "of the first");
        home_close(home);
        if (steps < 6)
            stop_after(steps);
        else
            move("workloads/1", "workloads/2"); /* the files of the first workload, as if they had kept their names */
        home = open_home();
        struct found found = load(home);
        assert_int_equal(found.count, steps == 0 ? 1 : 0); /* the first workload, with its end, or none */
        assert_int_equal(found.ended, found.count);
        add(home, 2);
        assert_false(there_is("workloads/2/driver/file"));
        assert_false(there_is("workloads/2/ended"));
        home_close(home);
        home = open_home();
        found = load(home);
        assert_int_equal(found.count, steps == 0 ? 2 : 1);
        home_remove(home, 1);
        home_remove(home, 2);
        sweep(home);
        home_close(home);
    }
}

/* ---- logs of workloads that are over (keep.logs) --------------------------------------------------------- */

static void end_workload(struct home *home, uint64_t resource, const char *output)
{
    char path[64];
    add(home, resource);
    snprintf(path, sizeof path, "workloads/%d/driver/output.0", (int)resource);
    put(path, output);
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
    assert_false(there_is(path));
}

static void logs_of_the_newest_are_kept(void **context)
{
    struct home *home = open_home();
    const struct aq_agent_keep_logs keep = {.number = 20, .size = 1, .age = 3600};
    (void)context;
    home_keep(home, &(struct aq_agent_keep){.logs = keep});
    for (uint64_t i = 1; i <= keep.number + 5; i++) {
        end_workload(home, i, "x");
        now.steady_ms++;
    }
    expect_gone(home, 5, "its node keeps the newest 20 logs of workloads that have ended, 1MiB in all, for 1h");
    read_log(home, 6, 0, "x");
    home_close(home);
    home = open_home();
    home_keep(home, &(struct aq_agent_keep){.logs = keep});
    expect_gone(home, 5, "keep.logs");
    read_log(home, 6, 0, "x");
    assert_true(home_is_over(home, keep.number + 5));
    assert_true(home_is_over(home, 6));
    home_keep(home, &(struct aq_agent_keep){.logs = {.number = 0, .size = 1, .age = 3600}});
    expect_gone(home, keep.number + 5, "newest 0 logs");
    sweep(home);
    home_close(home);
}

static void logs_are_kept_up_to_a_size(void **context)
{
    struct home *home = open_home();
    const struct aq_agent_keep_logs keep = {.number = 100, .size = 1, .age = 3600};
    char *half = calloc(1, (512 << 10) + 1);
    (void)context;
    memset(half, 'x', 512 << 10);
    home_keep(home, &(struct aq_agent_keep){.logs = keep});
    end_workload(home, 1, half);
    end_workload(home, 2, half);
    assert_true(there_is("ended/1"));
    end_workload(home, 3, "y");
    expect_gone(home, 1, "keep.logs");
    read_log(home, 3, 0, "y");
    home_close(home);
    home = open_home(); /* what is there counts again */
    home_keep(home, &(struct aq_agent_keep){.logs = keep});
    assert_true(there_is("ended/2"));
    end_workload(home, 4, half);
    expect_gone(home, 2, "keep.logs");
    free(half);
    home_close(home);
}

static void logs_are_kept_for_a_time(void **context)
{
    struct home *home = open_home();
    (void)context;
    end_workload(home, 1, "old");
    now.steady_ms += 7200000;
    now.wall_ms += 1; /* it was set back: ages do not depend on that */
    end_workload(home, 2, "new");
    home_close(home);
    now.wall_ms += 7200000; /* a later start takes it as it is */
    home = open_home();
    home_keep(home, &(struct aq_agent_keep){.logs = {.number = 100, .size = 1, .age = 7500}});
    read_log(home, 1, 0, "old");
    home_keep(home, &(struct aq_agent_keep){.logs = {.number = 100, .size = 1, .age = 7000}});
    expect_gone(home, 1, "for 1h56m40s");
    read_log(home, 2, 0, "new");
    home_close(home);
}

/* Earlier versions kept the end of a log as one file. */
static void logs_of_earlier_versions_are_kept(void **context)
{
    struct home *home = open_home();
    (void)context;
    home_close(home);
    put("ended/7", "hello\n");
    home = open_home();
    read_log(home, 7, 2, "llo\n");
    assert_true(home_is_over(home, 7));
    home_close(home);
}

/* The agent was killed after it had moved the log, and adds the workload again. */
static void a_log_that_is_added_again_counts_once(void **context)
{
    struct home *home = open_home();
    (void)context;
    end_workload(home, 1, "first\n");
    end_workload(home, 1, "again\n");
    read_log(home, 1, 0, "again\n");
    home_keep(home, &(struct aq_agent_keep){.logs = {.number = 1, .size = 1, .age = 7000}});
    read_log(home, 1, 0, "again\n");
    home_note_over(home, 2);
    expect_gone(home, 1, "keep.logs");
    read_log(home, 2, 0, "");
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
    add(home, resource);
    snprintf(path, sizeof path, "%s/one/workloads/%d/driver", directory, (int)resource);
    AQ_CLEANUP_FD int driver = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(driver >= 0);
    if (mib > 0)
        assert_int_equal(driver_left_write(driver, &note, &error), 0);
    home_remove(home, resource);
    now.steady_ms++;
}

static bool is_left(struct home *home, uint64_t resource)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct driver_left note;
    struct aq_error error = {0};
    char path[128], short_path[32];
    const char *found = home_left(home, resource, &note, &arena, &error);
    snprintf(short_path, sizeof short_path, "left/%d", (int)resource);
    snprintf(path, sizeof path, "%s/one/%s", directory, short_path);
    assert_int_equal(there_is(short_path), found != NULL);
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
    struct home *home = open_home();
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
    home = open_home();
    home_keep(home, &keep_files);
    assert_true(is_left(home, 6));
    leave(home, 7, 1); /* what was there counts */
    assert_false(is_left(home, 6));
    now.steady_ms += 3601000;
    home_prune(home);
    assert_false(is_left(home, 7)); /* age */
    leave(home, 8, 1);
    struct aq_agent_keep none = keep_files;
    none.files.number = 0;
    home_keep(home, &none);
    assert_false(is_left(home, 8));
    leave(home, 9, 1);
    assert_false(is_left(home, 9));
    sweep(home);
    home_close(home);
}

/* The hub has not noted the end yet, or the agent was killed before it had moved all. */
static void files_are_there_from_the_end_on(void **context)
{
    struct home *home = open_home();
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct driver_left note = {.driver = "process", .tree = "work", .at = "/work", .cwd = "/work", .bytes = 1};
    struct aq_error error = {0};
    char path[128];
    (void)context;
    add(home, 1);
    assert_null(home_left(home, 1, &note, &arena, &error));
    snprintf(path, sizeof path, "%s/one/workloads/1/driver", directory);
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
        cmocka_unit_test_setup_teardown(a_directory_has_one_agent, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copy_has_another_identity, setup, teardown),
        cmocka_unit_test_setup_teardown(the_instance_is_drawn_once, setup, teardown),
        cmocka_unit_test_setup_teardown(workloads_are_found_again, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_damaged_is_put_aside, setup, teardown),
        cmocka_unit_test_setup_teardown(only_the_log_remains, setup, teardown),
        cmocka_unit_test_setup_teardown(directories_that_were_closed_go_too, setup, teardown),
        cmocka_unit_test_setup_teardown(directories_are_used_again, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_taken_for_another_after_a_crash, setup, teardown),
        cmocka_unit_test_setup_teardown(logs_of_the_newest_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(logs_are_kept_up_to_a_size, setup, teardown),
        cmocka_unit_test_setup_teardown(logs_are_kept_for_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(logs_of_earlier_versions_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_that_is_added_again_counts_once, setup, teardown),
        cmocka_unit_test_setup_teardown(files_of_the_newest_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(files_are_there_from_the_end_on, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
