/* Commands in workloads of driver process: what they find is what the main process has, and nothing outlives them. */
#include "drivers/output.h"
#include "tests/lib/driver_rig.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct ending {
    int count, exit_status;
    uint64_t number, resource;
    char reason[256];
} ending;

static void note(struct rig *rig, const struct driver_report *report)
{
    (void)rig;
    if (report->kind != DRIVER_COMMAND_ENDED)
        return;
    ending.count++;
    ending.exit_status = report->exit_status;
    ending.number = report->command;
    ending.resource = report->resource;
    snprintf(ending.reason, sizeof ending.reason, "%s", report->reason);
}

static int set_up(void **state)
{
    int failed = rig_setup(state, "process");
    if (failed == 0)
        ((struct rig *)*state)->on_report = note;
    memset(&ending, 0, sizeof ending);
    return failed;
}

static int begin(struct rig *rig, uint64_t resource, uint64_t number, const char *const *arguments, int output,
                 struct aq_error *error)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    const struct driver_command command = {.number = number,
                                           .resource = resource,
                                           .arguments = arguments,
                                           .input = nothing,
                                           .output = output >= 0 ? output : nothing,
                                           .errors = output >= 0 ? output : nothing,
                                           .term = ""};
    int failed = rig->type->command(rig->driver, &command, error);
    close(nothing);
    return failed;
}

static void await_file(struct rig *rig, uint64_t resource, const char *name)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", rig_directory(rig, resource), name);
    for (int i = 0; i < 15000 && access(path, F_OK) != 0; i++)
        rig_turn(rig, 1);
    assert_int_equal(access(path, F_OK), 0);
}

/* Runs the text in a shell of the workload; its output is valid until the next call. */
static const char *run(struct rig *rig, uint64_t resource, const char *text)
{
    static char output[8192];
    static uint64_t number = 1000;
    const char *const arguments[] = {"/bin/sh", "-c", text, NULL};
    struct aq_error error;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    ending.count = 0;
    if (begin(rig, resource, ++number, arguments, ends[1], &error) != 0)
        fail_msg("%s", error.message);
    close(ends[1]);
    rig_await(rig, &ending.count);
    assert_int_equal(ending.number, number);
    assert_int_equal(ending.resource, resource);
    size_t length = 0;
    for (ssize_t got; (got = read(ends[0], output + length, sizeof output - 1 - length)) > 0;)
        length += (size_t)got;
    output[length] = '\0';
    close(ends[0]);
    return output;
}

static void a_command_has_what_the_workload_has(void **state)
{
    struct rig *rig = *state;
    uint64_t resource;
    if (geteuid() != 0)
        skip();
    rig_start_running(rig,
                      "{'command':'umask 077; ulimit -n 123; mkdir here; exec sleep 1000','user':'nobody',"
                      "'environment':{'GREETING':'good day'}}",
                      &resource);
    await_file(rig, resource, "work/here");
    assert_string_equal(run(rig, resource, "id -u; id -g"), "65534\n65534\n");
    assert_string_equal(run(rig, resource, "ls; echo $GREETING $AQUARIUM_RESOURCE"), "here\ngood day 1\n");
    assert_string_equal(run(rig, resource, "ulimit -n"), "123\n");
    assert_string_equal(run(rig, resource, "grep NoNewPrivs /proc/self/status"), "NoNewPrivs:\t1\n");
    assert_string_equal(run(rig, resource, "grep Seccomp: /proc/self/status; unshare -U true 2>/dev/null || echo no"),
                        "Seccomp:\t2\nno\n");
    assert_string_equal(run(rig, resource, "ls -d /srv/* /home/* 2>/dev/null; kill -0 2 && echo it"), "it\n");
    assert_string_equal(run(rig, resource, "cd /proc/self/fd; echo *"), "0 1 2 3\n");
    assert_string_equal(run(rig, resource,
                            "grep -cF \"$(sed -n 's/^0::\\(.*r1\\).*/\\1/p' /proc/self/cgroup)\" "
                            "/proc/self/cgroup >/dev/null && echo in"),
                        "in\n");
}

static void its_exit_status_is_told(void **state)
{
    struct rig *rig = *state;
    uint64_t resource;
    struct aq_error error;
    rig_start_running(rig, "{'command':'exec sleep 1000'}", &resource);
    run(rig, resource, "exit 7");
    assert_int_equal(ending.exit_status, 7);
    assert_string_equal(ending.reason, "exit status 7");
    run(rig, resource, "kill -TERM $$");
    assert_int_equal(ending.exit_status, 143);
    assert_string_equal(ending.reason, "killed by signal 15 (SIGTERM)");
    run(rig, resource, "exec /no/such/program");
    assert_int_equal(ending.exit_status, 127);
    static const char *const nothing[] = {"/no/such/program", NULL}, *const forbidden[] = {"/etc/passwd", NULL};
    ending.count = 0;
    assert_int_equal(begin(rig, resource, 1, nothing, -1, &error), 0);
    rig_await(rig, &ending.count);
    assert_int_equal(ending.exit_status, 127);
    ending.count = 0;
    assert_int_equal(begin(rig, resource, 2, forbidden, -1, &error), 0);
    rig_await(rig, &ending.count);
    assert_int_equal(ending.exit_status, 126);
    assert_int_equal(begin(rig, 99, 3, nothing, -1, &error), -1);
    assert_int_equal(error.code, AQ_E_STATE);
}

static void the_owner_says_which_programs_run(void **state)
{
    struct rig *rig = *state;
    uint64_t resource;
    struct aq_error error;
    static const char *const sleep_only[] = {"users=*", "root=true", "commands=/bin/sleep", NULL};
    static const char *const other[] = {"/bin/echo", NULL};
    rig_start_running(rig, "{'command':['/bin/sleep','1000']}", &resource);
    rig_allow(rig, sleep_only);
    assert_int_equal(begin(rig, resource, 1, other, -1, &error), -1);
    assert_int_equal(error.code, AQ_E_FORBIDDEN);
}

/* Processes that sleep so long, in whatever namespace: theirs have other numbers than ours. */
static unsigned sleepers(const char *seconds)
{
    unsigned count = 0;
    DIR *stream = opendir("/proc");
    assert_non_null(stream);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        char path[300], text[64] = "";
        snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue;
        ssize_t length = read(fd, text, sizeof text - 1);
        close(fd);
        count += length > 6 && strcmp(text, "sleep") == 0 && strcmp(text + strlen("sleep") + 1, seconds) == 0;
    }
    closedir(stream);
    return count;
}

static void await_sleepers(struct rig *rig, const char *seconds, unsigned count)
{
    for (int i = 0; i < 15000 && sleepers(seconds) != count; i++)
        rig_turn(rig, 1);
    assert_int_equal(sleepers(seconds), count);
}

static void nothing_outlives_it(void **state)
{
    struct rig *rig = *state;
    uint64_t resource;
    struct aq_error error;
    char seconds[32], script[200];
    snprintf(seconds, sizeof seconds, "1000.%d", getpid());
    snprintf(script, sizeof script, "sleep %s & setsid sleep %s & (setsid sleep %s &); exec sleep %s", seconds, seconds,
             seconds, seconds);
    const char *const many[] = {"/bin/sh", "-c", script, NULL};
    rig_start_running(rig, "{'command':'exec sleep 1000'}", &resource);
    assert_int_equal(begin(rig, resource, 5, many, -1, &error), 0);
    await_sleepers(rig, seconds, 4);
    rig->type->end_command(rig->driver, 6);
    rig->type->end_command(rig->driver, 5);
    rig_await(rig, &ending.count);
    assert_int_equal(ending.exit_status, 137);
    assert_int_equal(sleepers(seconds), 0);
    rig->type->end_command(rig->driver, 5);

    /* What is left behind by one that has ended. */
    snprintf(script, sizeof script, "setsid sleep %s >/dev/null 2>&1 & (setsid sleep %s &)", seconds, seconds);
    run(rig, resource, script);
    assert_int_equal(sleepers(seconds), 0);

    /* The workload ends. */
    ending.count = 0;
    snprintf(script, sizeof script, "exec sleep %s", seconds);
    assert_int_equal(begin(rig, resource, 7, many, -1, &error), 0);
    await_sleepers(rig, seconds, 1);
    kill(rig->seen[resource].pid, SIGKILL);
    rig_await(rig, &rig->seen[resource].ended);
    rig_await(rig, &ending.count);
    assert_int_equal(sleepers(seconds), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_command_has_what_the_workload_has),
        TEST(its_exit_status_is_told),
        TEST(the_owner_says_which_programs_run),
        TEST(nothing_outlives_it),
    };
    return cmocka_run_group_tests_name("drivers: commands in workloads", tests, NULL, NULL);
}
