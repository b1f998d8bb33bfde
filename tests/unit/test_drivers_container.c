/* The `container` driver with a real runtime: how a container begins and ends, and what it finds. */
#include "tests/lib/container_rig.h"

#include "schema/base/clock.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* ---- beginning and end ---------------------------------------------------------------------------------------- */

static void test_exit_status(void **state)
{
    struct rig *rig = container_rig(state);
    struct rig_workload *seen = container_run(rig, "{" CONTAINER_IMAGE ",'command':'exit 3'}");
    assert_int_equal(seen->exit_status, 3);
    assert_string_equal(seen->reason, "exit status 3");
    assert_false(rig_has_group(rig, rig->used));
    seen = container_run(rig, "{" CONTAINER_IMAGE ",'command':'kill -SEGV $$'}");
    assert_true(seen->exit_status == 128 + SIGSEGV || seen->exit_status == 0); /* pid 1 may ignore it */
}

static void test_the_other_runtime(void **state)
{
    struct rig *rig = container_rig(state);
    if (access("/usr/sbin/runc", X_OK) != 0)
        skip();
    container_configure(rig, "container.runtime=runc");
    struct rig_workload *seen = container_run(rig, "{" CONTAINER_IMAGE ",'command':'id -u; exit 3'}");
    assert_int_equal(seen->exit_status, 3);
    assert_string_equal(container_output(rig), "0\n");
    assert_false(rig_has_group(rig, rig->used));
    assert_has(container_fail_reason(rig, "{" CONTAINER_IMAGE ",'command':['/no/such']}"), "/no/such");
    uint64_t resource;
    seen = rig_start_running(
        rig, "{" CONTAINER_IMAGE ",'command':'trap \\u0022exit 7\\u0022 TERM; echo up; while :; do sleep 0.1; done'}",
        &resource);
    rig_await_log(rig, resource, "up");
    rig->type->stop(rig->driver, resource);
    rig_await(rig, &seen->ended);
    assert_int_equal(seen->exit_status, 7);
    container_configure(rig, "container.runtime=no-such-runtime");
    assert_has(container_fail_reason(rig, "{" CONTAINER_IMAGE ",'command':'true'}"),
               "no-such-runtime (container.runtime of the agent) is not installed");
}

static void test_what_cannot_start_fails_with_a_reason(void **state)
{
    struct rig *rig = container_rig(state);
    assert_has(container_fail_reason(rig, "{" CONTAINER_IMAGE ",'command':['/no/such']}"), "/no/such");
    assert_has(container_fail_reason(rig, "{" CONTAINER_IMAGE ",'command':['true'],'user':'nobody-there'}"),
               "user \"nobody-there\": the image has no such user");
    assert_has(container_fail_reason(rig, "{'image':'oci:busybox:2','command':['true']}"), "has no such tag");
    assert_has(container_fail_reason(rig, "{'image':'oci:missing','command':['true']}"), "No such file or directory");
    assert_has(container_fail_reason(rig, "{'image':'127.0.0.1:1/none:1','network':'none','pull':'never'}"),
               "is never");
}

static void test_stop(void **state)
{
    struct rig *rig = container_rig(state);
    uint64_t resource;
    struct rig_workload *seen = rig_start_running(
        rig,
        "{" CONTAINER_IMAGE
        ",'command':'trap \\u0022echo bye; exit 7\\u0022 TERM; echo up; while true; do sleep 1; done'}",
        &resource);
    rig_await_log(rig, resource, "up");
    rig->type->stop(rig->driver, resource);
    rig_await(rig, &seen->ended);
    assert_int_equal(seen->exit_status, 7);
    assert_has(rig_log(rig, resource, 1000), "bye");
    seen = rig_start_running(
        rig,
        "{" CONTAINER_IMAGE
        ",'command':'trap \\u0022\\u0022 TERM; echo up; while true; do sleep 1; done','stop_grace':1}",
        &resource);
    rig_await_log(rig, resource, "up");
    rig->type->stop(rig->driver, resource);
    rig_await(rig, &seen->ended);
    assert_int_equal(seen->exit_status, 128 + SIGKILL);
    assert_has(seen->reason, "still running 1 s after SIGTERM");
    assert_false(rig_has_group(rig, resource));
}

static void test_nothing_outlives_the_main_process(void **state)
{
    struct rig *rig = container_rig(state);
    uint64_t begin_ms = aq_clock_boot_ms();
    container_run(rig, "{" CONTAINER_IMAGE ",'command':'setsid sleep 1000 & sleep 1000 & exit 0'}");
    assert_true(aq_clock_boot_ms() - begin_ms < 60000);
    assert_false(rig_has_group(rig, rig->used));
}

static void test_adoption(void **state)
{
    struct rig *rig = container_rig(state);
    uint64_t resource;
    struct rig_workload *seen = rig_start_running(
        rig, "{" CONTAINER_IMAGE ",'command':'while [ ! -e /tmp/end ]; do sleep 0.1; done; exit 5'}", &resource);
    pid_t pid = seen->pid;
    rig_close(rig);
    rig_open(rig);
    container_configure(rig, NULL);
    rig_adopt(rig, resource);
    seen->started = 0;
    rig_await(rig, &seen->started);
    assert_int_equal(seen->pid, pid);
    char number[16];
    snprintf(number, sizeof number, "%d", pid);
    container_on_host("touch /proc/%s/root/tmp/end", number);
    rig_await(rig, &seen->ended);
    assert_int_equal(seen->exit_status, 5);
}

static void test_keeper_that_is_killed(void **state)
{
    struct rig *rig = container_rig(state);
    uint64_t resource;
    struct rig_workload *seen = rig_start_running(rig, "{" CONTAINER_IMAGE ",'command':['sleep','1000']}", &resource);
    char path[128], line[64];
    snprintf(path, sizeof path, "/proc/%d/stat", seen->pid);
    FILE *file = fopen(path, "r");
    int parent = 0;
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*d (%63[^)]) %*c %d", line, &parent), 2);
    fclose(file);
    kill(parent, SIGKILL);
    rig_await(rig, &seen->ended);
    assert_has(seen->reason, "its keeper was killed");
    assert_false(rig_is_alive(seen->pid));
    assert_false(rig_has_group(rig, resource));
}

static void test_leftovers_are_found_and_ended(void **state)
{
    struct rig *rig = container_rig(state);
    uint64_t resource;
    struct rig_workload *seen = rig_start_running(
        rig, "{" CONTAINER_IMAGE ",'command':'trap \\u0022exit 0\\u0022 TERM; while true; do sleep 0.1; done'}",
        &resource);
    rig_close(rig);
    rig_open(rig);
    container_configure(rig, NULL);
    assert_true(rig->type->end_leftover(rig->driver, resource));
    rig_await(rig, &seen->ended);
    assert_false(rig_is_alive(seen->pid));
    assert_false(rig_has_group(rig, resource));
    assert_false(rig->type->end_leftover(rig->driver, resource));
}

static void test_many_at_once(void **state)
{
    struct rig *rig = container_rig(state);
    enum { MANY = 30 };
    uint64_t first = rig->used + 1;
    for (int i = 0; i < MANY; i++)
        rig_start(rig, "{" CONTAINER_IMAGE ",'command':['true']}");
    for (uint64_t i = first; i < first + MANY; i++) {
        rig_await(rig, &rig->seen[i].ended);
        assert_int_equal(rig->seen[i].started, 1);
        assert_string_equal(rig->seen[i].reason, "exit status 0");
    }
}

/* ---- what a container finds ----------------------------------------------------------------------------------- */

static void test_environment(void **state)
{
    struct rig *rig = container_rig(state);
    rig_start_spec(rig, "{" CONTAINER_IMAGE ",'command':['env'],'environment':{'GREETING':'good day','FROM':'label'}}",
                   (struct driver_spec){.metadata_json = "{\"answer\":42}"});
    rig_await(rig, &rig->seen[rig->used].ended);
    assert_has(container_output(rig), "PATH=/bin\n");
    assert_has(container_output(rig), "FROM=label\n");
    assert_has(container_output(rig), "GREETING=good day\n");
    assert_has(container_output(rig), "AQ_META_ANSWER=42\n");
    assert_has(container_output(rig), "AQUARIUM_METADATA={\"answer\":42}\n");
}

static void test_user_directory_and_host_name(void **state)
{
    struct rig *rig = container_rig(state);
    assert_string_equal(container_run_output(rig, "{" CONTAINER_IMAGE ",'command':'id -u; id -g; pwd'}"),
                        "0\n0\n/home\n");
    assert_string_equal(container_run_output(rig, "{" CONTAINER_IMAGE
                                                  ",'command':'id -u; id -G; pwd','user':'user','directory':'/tmp'}"),
                        "1000\n1000 1001\n/tmp\n");
    assert_string_equal(container_run_output(rig, "{" CONTAINER_IMAGE ",'command':'id -u; id -G','user':'7:extra'}"),
                        "7\n1001\n");
    assert_string_equal(
        container_run_output(rig, "{" CONTAINER_IMAGE ",'command':'hostname; cat /etc/hostname','hostname':'web-1'}"),
        "web-1\nweb-1\n");
    assert_string_equal(container_run_output(rig, "{" CONTAINER_IMAGE ",'entrypoint':['echo','a'],'command':['b']}"),
                        "a b\n");
}

static void test_read_only(void **state)
{
    struct rig *rig = container_rig(state);
    assert_has(
        container_run_output(rig, "{" CONTAINER_IMAGE
                                  ",'read_only':true,'command':'echo x > /new; echo y > /dev/shm/z; cat /dev/shm/z'}"),
        "Read-only file system\ny\n");
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, container_rig_setup, container_rig_teardown)
    const struct CMUnitTest tests[] = {
        T(test_exit_status),
        T(test_the_other_runtime),
        T(test_what_cannot_start_fails_with_a_reason),
        T(test_stop),
        T(test_nothing_outlives_the_main_process),
        T(test_adoption),
        T(test_keeper_that_is_killed),
        T(test_leftovers_are_found_and_ended),
        T(test_many_at_once),
        T(test_environment),
        T(test_user_directory_and_host_name),
        T(test_read_only),
    };
    return cmocka_run_group_tests_name("drivers: container", tests, container_rig_group_setup,
                                       container_rig_group_teardown);
}
