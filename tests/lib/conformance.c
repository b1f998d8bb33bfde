/* The parts about other agents and commands are in conformance_agents.c, conformance_commands.c and
 * conformance_samples.c. */
#include "tests/lib/conformance_tests.h"

#include "drivers/output.h"
#include "schema/base/clock.h"
#include "schema/base/files.h"
#include "tests/lib/directory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MANY = 200 };

const struct conformance *conformance_subject;
bool conformance_adopted[RIG_MOST + 1];

/* ---- what holds for every report ------------------------------------------------------------------------ */

void conformance_check_order(struct rig *rig, const struct driver_report *report)
{
    const struct rig_workload *seen = &rig->seen[report->resource];
    if (report->kind == DRIVER_COMMAND_ENDED)
        return;
    assert_true(seen->started <= 1);
    assert_int_equal(seen->failed + seen->ended, report->kind != DRIVER_STARTED);
    if (report->kind == DRIVER_FAILED)
        assert_int_equal(seen->started, 0);
    if (report->kind == DRIVER_ENDED && !conformance_adopted[report->resource])
        assert_int_equal(seen->started, 1);
    if (report->kind != DRIVER_STARTED) {
        assert_in_range(report->exit_status, 0, 255);
        assert_true(report->reason[0] != '\0');
    }
}

static int setup(void **state)
{
    memset(conformance_adopted, 0, sizeof conformance_adopted);
    const struct conformance *subject = conformance_subject;
    const int failed = subject->program != NULL ? rig_setup_program(state, subject->driver, subject->program())
                       : subject->type != NULL  ? rig_setup_type(state, subject->driver, subject->type)
                                                : rig_setup(state, subject->driver);
    if (failed != 0)
        return -1;
    ((struct rig *)*state)->on_report = conformance_check_order;
    if (conformance_subject->opened != NULL)
        conformance_subject->opened(*state);
    return 0;
}

void conformance_open_again(struct rig *rig)
{
    rig_open(rig);
    if (conformance_subject->opened != NULL)
        conformance_subject->opened(rig);
}

/* The name of the workload's directory in what the kernel says of mounts. */
static bool has_mount(const struct rig *rig, uint64_t resource)
{
    char line[4096], directory[128];
    bool found = false;
    snprintf(directory, sizeof directory, " %s/", rig_directory(rig, resource));
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    assert_non_null(mounts);
    while (!found && fgets(line, sizeof line, mounts) != NULL)
        found = strstr(line, directory) != NULL;
    fclose(mounts);
    return found;
}

void conformance_expect_nothing_left(struct rig *rig, uint64_t resource)
{
    for (int i = 0; i < TURNS_AFTER_END; i++)
        rig_turn(rig, 0); /* conformance_check_order() would see another report */
    assert_false(conformance_subject->is_left != NULL && conformance_subject->is_left(rig, resource));
    assert_false(has_mount(rig, resource));
    assert_false(rig->type->end_leftover(rig->driver, resource));
}

struct rig_workload *conformance_await_end(struct rig *rig, uint64_t resource)
{
    struct rig_workload *seen = &rig->seen[resource];
    uint64_t until_ms = aq_clock_boot_ms() + 4 * RIG_PATIENCE_MS;
    while (seen->failed + seen->ended == 0) {
        assert_true(aq_clock_boot_ms() < until_ms);
        rig_turn(rig, 100);
    }
    conformance_expect_nothing_left(rig, resource);
    return seen;
}

struct rig_workload *conformance_stop(struct rig *rig, uint64_t resource)
{
    rig->now = aq_clocks_read();
    rig->type->stop(rig->driver, resource);
    return conformance_await_end(rig, resource);
}

/* ---- beginning and end ---------------------------------------------------------------------------------- */

static void test_start_and_stop(void **state)
{
    struct rig *rig = *state;
    uint64_t resource;
    struct rig_workload *seen = rig_start_running(rig, conformance_subject->runs, &resource);
    assert_true(seen->identifier[0] != '\0');
    for (int i = 0; i < TURNS_AFTER_END; i++)
        rig_turn(rig, 1);
    assert_int_equal(seen->ended, 0);
    rig->type->stop(rig->driver, resource);
    rig->type->stop(rig->driver, resource); /* harmless */
    conformance_stop(rig, resource);
    assert_int_equal(seen->ended, 1);
    rig->type->stop(rig->driver, resource); /* as of one that never was: harmless, too */
    rig->type->stop(rig->driver, 1000);
    conformance_expect_nothing_left(rig, resource);
}

static void test_exit_status(void **state)
{
    struct rig *rig = *state;
    const struct conformance_end *end = conformance_subject->exit_end;
    if (conformance_subject->exits == NULL)
        skip();
    struct rig_workload *seen = rig_run(rig, conformance_subject->exits);
    assert_int_equal(seen->exit_status, end != NULL ? end->status : 3);
    assert_string_equal(seen->reason, end != NULL ? end->reason : "exit status 3");
    conformance_expect_nothing_left(rig, 1);
}

static void test_killed_from_outside(void **state)
{
    struct rig *rig = *state;
    uint64_t resource;
    if (conformance_subject->kill == NULL)
        skip();
    rig_start_running(rig, conformance_subject->runs, &resource);
    conformance_subject->kill(rig, resource);
    struct rig_workload *seen = conformance_await_end(rig, resource);
    const struct conformance_end *end = conformance_subject->kill_end;
    assert_int_equal(seen->exit_status, end != NULL ? end->status : STATUS_KILLED);
    assert_non_null(strstr(seen->reason, end != NULL ? end->reason : "killed by signal 9"));
}

static void test_a_start_that_fails(void **state)
{
    struct rig *rig = *state;
    struct rig_workload *seen = conformance_await_end(rig, rig_start(rig, conformance_subject->unstartable));
    assert_int_equal(seen->failed, 1);
    rig_start_running(rig, conformance_subject->runs, &(uint64_t){0}); /* the driver goes on */
}

static void test_out_of_memory(void **state)
{
    struct rig *rig = *state;
    if (conformance_subject->hungry == NULL)
        skip();
    const struct driver_spec spec = {.metadata_json = "{}", .ram_mib = conformance_subject->ram_mib};
    struct rig_workload *seen = conformance_await_end(rig, rig_start_spec(rig, conformance_subject->hungry, spec));
    assert_int_equal(seen->exit_status, STATUS_KILLED);
    assert_non_null(strstr(seen->reason, "out of memory"));
}

static void test_one_that_does_not_listen_is_killed(void **state)
{
    struct rig *rig = *state;
    uint64_t resource;
    if (conformance_subject->deaf == NULL)
        skip();
    rig_start_running(rig, conformance_subject->deaf, &resource);
    rig_await_log(rig, resource, "ready");
    struct rig_workload *seen = conformance_stop(rig, resource);
    assert_int_equal(seen->exit_status, STATUS_KILLED);
    assert_non_null(strstr(rig_log(rig, resource, 4096), "asked"));
}

/* ---- the same resource ---------------------------------------------------------------------------------- */

static int start_same(struct rig *rig, uint64_t resource, const char *options, struct aq_error *error)
{
    uint64_t used = rig->used;
    rig->used = resource - 1;
    uint64_t started = rig_try_start(rig, options, (struct driver_spec){.metadata_json = "{}"}, error);
    rig->used = used;
    return started == resource ? 0 : -1;
}

static void test_same_resource_twice(void **state)
{
    struct rig *rig = *state;
    uint64_t resource;
    struct aq_error error = {0};
    struct rig_workload *seen = rig_start_running(rig, conformance_subject->runs, &resource);
    assert_int_equal(start_same(rig, resource, conformance_subject->runs, &error), -1);
    assert_int_equal(error.code, AQ_E_EXISTS);
    assert_int_equal(rig->type->adopt(rig->driver, resource, rig_directory(rig, resource), &error), -1);
    assert_int_equal(error.code, AQ_E_EXISTS);
    assert_false(rig->type->end_leftover(rig->driver, resource)); /* it has an owner */
    for (int i = 0; i < TURNS_AFTER_END; i++)
        rig_turn(rig, 1);
    assert_int_equal(seen->ended, 0); /* the first one is unharmed */
    conformance_stop(rig, resource);
}

/* A directory with nothing but the output of earlier runs, as the agent makes it. */
static void renew_directory(struct rig *rig, uint64_t resource)
{
    char old[128];
    struct aq_error error;
    const char *path = rig_directory(rig, resource);
    snprintf(old, sizeof old, "%s.old", path);
    assert_int_equal(rename(path, old), 0);
    assert_int_equal(mkdir(path, 0755), 0);
    AQ_CLEANUP_FD int from = open(old, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AQ_CLEANUP_FD int to = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (output_move(from, to, &error) != 0)
        fail_msg("%s", error.message);
    test_remove_tree(old);
}

static void test_a_workload_is_started_again(void **state)
{
    struct rig *rig = *state;
    struct aq_error error = {0};
    const char *options = conformance_subject->says != NULL ? conformance_subject->says : conformance_subject->exits;
    if (options == NULL)
        skip();
    rig_run(rig, options);
    for (int again = 0; again < 2; again++) {
        renew_directory(rig, 1);
        rig->seen[1] = (struct rig_workload){0};
        if (start_same(rig, 1, options, &error) != 0)
            fail_msg("%s", error.message);
        assert_int_equal(conformance_await_end(rig, 1)->ended, 1);
    }
    if (conformance_subject->says == NULL)
        return;
    struct output_span span;
    AQ_CLEANUP_FD int directory = open(rig_directory(rig, 1), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const char *log = rig_log(rig, 1, 65536), *at = log; /* with lines of the driver's own, if it writes any */
    for (int i = 0; i < 3; i++) {
        at = strstr(at, "hello\n");
        assert_non_null(at);
        at += strlen("hello\n");
    }
    assert_int_equal(output_measure(directory, &span, &error), 0);
    assert_int_equal(span.first, 0);
    assert_int_equal(span.end, strlen(log));
}

/* ---- nothing waits for anything else --------------------------------------------------------------------- */

static void test_cancelled_while_it_starts(void **state)
{
    struct rig *rig = *state;
    uint64_t at_once = rig_start(rig, conformance_subject->runs);
    conformance_stop(rig, at_once);
    if (conformance_subject->slow == NULL)
        return;
    uint64_t slow = rig_start(rig, conformance_subject->slow);
    for (int i = 0; i < TURNS_AFTER_END; i++)
        rig_turn(rig, 1);
    assert_int_equal(rig->seen[slow].started, 0);
    conformance_stop(rig, slow);
    assert_int_equal(rig->seen[slow].failed, 1);
}

/* While one takes an hour to start, others are started and ended. */
static void test_a_slow_start_holds_nothing_up(void **state)
{
    struct rig *rig = *state;
    uint64_t other;
    if (conformance_subject->slow == NULL)
        skip();
    uint64_t slow = rig_start(rig, conformance_subject->slow);
    rig_start_running(rig, conformance_subject->runs, &other);
    conformance_stop(rig, other);
    if (conformance_subject->exits != NULL)
        conformance_await_end(rig, rig_start(rig, conformance_subject->exits));
    assert_int_equal(rig->seen[slow].started + rig->seen[slow].failed, 0);
    conformance_stop(rig, slow);
}

/* The same while one takes an hour to stop. */
static void test_a_slow_stop_holds_nothing_up(void **state)
{
    struct rig *rig = *state;
    uint64_t patient, other;
    if (conformance_subject->patient == NULL)
        skip();
    rig_start_running(rig, conformance_subject->patient, &patient);
    if (conformance_subject->kill != NULL)
        rig_await_log(rig, patient, "ready");
    rig->type->stop(rig->driver, patient);
    rig_start_running(rig, conformance_subject->runs, &other);
    conformance_stop(rig, other);
    if (conformance_subject->exits != NULL)
        conformance_await_end(rig, rig_start(rig, conformance_subject->exits));
    assert_int_equal(rig->seen[patient].ended, 0);
    if (conformance_subject->kill == NULL)
        return; /* nothing runs */
    conformance_subject->kill(rig, patient);
    conformance_await_end(rig, patient);
}

static void test_many_at_once(void **state)
{
    struct rig *rig = *state;
    const uint64_t many = conformance_subject->many > 0 ? conformance_subject->many : MANY;
    for (uint64_t i = 0; i < many; i++)
        rig_start(rig, conformance_subject->runs);
    for (uint64_t i = 1; i <= many; i++)
        rig_await(rig, &rig->seen[i].started);
    for (uint64_t i = 1; i <= many; i++)
        rig->type->stop(rig->driver, i);
    for (uint64_t i = 1; i <= many; i++)
        rig_await(rig, &rig->seen[i].ended);
    for (uint64_t i = 1; i <= many; i++)
        conformance_expect_nothing_left(rig, i);
}

/* ---- all ------------------------------------------------------------------------------------------------- */

static bool is_wanted(const struct conformance *driver, const char *name)
{
    for (const char *const *wanted = driver->only; wanted != NULL && *wanted != NULL; wanted++)
        if (strcmp(*wanted, name) == 0)
            return true;
    return driver->only == NULL;
}

int conformance_run(const struct conformance *driver)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_start_and_stop),
        TEST(test_exit_status),
        TEST(test_killed_from_outside),
        TEST(test_a_start_that_fails),
        TEST(test_out_of_memory),
        TEST(test_one_that_does_not_listen_is_killed),
        TEST(test_same_resource_twice),
        TEST(test_a_workload_is_started_again),
        TEST(test_cancelled_while_it_starts),
        TEST(test_a_slow_start_holds_nothing_up),
        TEST(test_a_slow_stop_holds_nothing_up),
        TEST(test_many_at_once),
        TEST(conformance_test_another_process_adopts),
        TEST(conformance_test_an_agent_is_killed_while_it_starts),
        TEST(conformance_test_files_of_an_earlier_version_while_it_runs),
        TEST(conformance_test_files_of_earlier_versions),
        TEST(conformance_test_the_host_restarts),
        TEST(conformance_test_leftovers_are_found_and_ended),
        TEST(conformance_test_commands),
        TEST(conformance_test_commands_end_when_told_and_with_their_workload),
        TEST(conformance_test_samples),
        TEST(conformance_test_a_lease_ends_what_is_out_of_touch),
        TEST(conformance_test_what_has_no_lease_any_more_does_not_start),
        TEST(conformance_test_a_lease_is_kept_without_an_agent),
    };
#undef TEST
    conformance_subject = driver;
    if (driver->works != NULL && !driver->works()) {
        fprintf(stderr, "driver %s cannot be tested on this host\n", driver->driver);
        return 0;
    }
    struct CMUnitTest wanted[AQ_LENGTH(tests)];
    size_t count = 0;
    for (size_t i = 0; i < AQ_LENGTH(tests); i++)
        if (is_wanted(driver, tests[i].name))
            wanted[count++] = tests[i];
    return _cmocka_run_group_tests(driver->driver, wanted, count, NULL, NULL);
}
