/* The `process` driver: how programs are started, what they find, how they are limited, what is kept of their output,
 * how they are stopped. What happens when an agent or a keeper dies is in test_drivers_keeper.c. */
#include "drivers/cgroup/cgroup.h"
#include "drivers/output.h"
#include "schema/base/clock.h"
#include "schema/base/files.h"
#include "schema/drivers/process.h"
#include "tests/lib/driver_rig.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int setup(void **state)
{
    return rig_setup(state, "process");
}

static struct rig_workload *run_failing(struct rig *rig, const char *options)
{
    struct rig_workload *seen = &rig->seen[rig_start(rig, options)];
    rig_await(rig, &seen->failed);
    assert_int_equal(seen->started, 0);
    assert_int_equal(seen->ended, 0);
    assert_false(rig_has_group(rig, rig->used));
    return seen;
}

/* ---- beginning and end -------------------------------------------------------------------------------- */

static void test_exit_status(void **state)
{
    struct rig_workload *seen = rig_run(*state, "{'command':'exit 3'}");
    assert_int_equal(seen->exit_status, 3);
    assert_string_equal(seen->reason, "exit status 3");
    assert_int_equal(strncmp(seen->identifier, "pid ", 4), 0);
    seen = rig_run(*state, "{'command':['true']}");
    assert_int_equal(seen->exit_status, 0);
    assert_string_equal(seen->reason, "exit status 0");
    assert_false(rig_has_group(*state, 2));
}

static void test_end_by_signal(void **state)
{
    struct rig_workload *seen = rig_run(*state, "{'command':'kill -SEGV $$'}");
    assert_int_equal(seen->exit_status, 128 + SIGSEGV);
    assert_string_equal(seen->reason, "killed by signal 11 (SIGSEGV)");
}

static void test_arguments_are_passed_as_they_are(void **state)
{
    struct rig *rig = *state;
    rig_run(rig, "{'command':['printf','<%s>','a b','','$HOME','\\u0027']}");
    assert_string_equal(rig_log(rig, 1, 1000), "<a b><><$HOME><'>");
}

static void test_what_cannot_start_fails_with_a_reason(void **state)
{
    struct rig *rig = *state;
    assert_string_equal(run_failing(rig, "{'command':['/no/such','x']}")->reason,
                        "command \"/no/such\": No such file or directory");
    assert_string_equal(run_failing(rig, "{'command':['no-such-program']}")->reason,
                        "command \"no-such-program\": No such file or directory");
    assert_string_equal(run_failing(rig, "{'command':['/etc/passwd']}")->reason,
                        "command \"/etc/passwd\": Permission denied");
    assert_string_equal(run_failing(rig, "{'command':'true','directory':'/no/where'}")->reason,
                        "directory \"/no/where\": No such file or directory");
    assert_string_equal(run_failing(rig, "{'command':'true','user':'no-such-user'}")->reason,
                        "user \"no-such-user\": there is no such user");
}

static void test_directory_that_is_gone(void **state)
{
    struct rig *rig = *state;
    const char *arguments[] = {"true"};
    const struct aq_process_options options = {
        .command = {arguments, 1}, .directory = "", .user = "", .log_size = 1 << 20, .log_files = 2};
    struct driver_spec spec = {
        .resource = 1, .options = &options, .metadata_json = "{}", .directory = "/tmp/aq-none/x"};
    struct aq_error error;
    assert_int_equal(rig->type->start(rig->driver, &spec, &error), 0);
    rig_await(rig, &rig->seen[1].failed);
    assert_non_null(strstr(rig->seen[1].reason, "No such file or directory"));
}

static void test_many_at_once(void **state)
{
    struct rig *rig = *state;
    for (int i = 0; i < 400; i++)
        rig_start(rig, "{'command':['true']}");
    for (uint64_t i = 1; i <= 400; i++) {
        rig_await(rig, &rig->seen[i].ended);
        assert_int_equal(rig->seen[i].started, 1);
        assert_string_equal(rig->seen[i].reason, "exit status 0");
    }
}

/* ---- what a program finds ----------------------------------------------------------------------------- */

static void test_environment(void **state)
{
    struct rig *rig = *state;
    rig_start_spec(
        rig, "{'command':['env'],'environment':{'GREETING':'good day','EMPTY':''}}",
        (struct driver_spec){.metadata_json = "{\"answer\":42,\"ssh\":{\"key-file\":\"it's \\n2\"},\"t\":[1,true]}"});
    rig_await(rig, &rig->seen[1].ended);
    assert_string_equal(rig_log(rig, 1, 4096),
                        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nAQUARIUM_RESOURCE=1\n"
                        "AQUARIUM_METADATA={\"answer\":42,\"ssh\":{\"key-file\":\"it's \\n2\"},\"t\":[1,true]}\n"
                        "AQ_META_ANSWER=42\nAQ_META_SSH_KEY_FILE=it's \n2\nAQ_META_T=[1,true]\n"
                        "GREETING=good day\nEMPTY=\nHOME=/work\n");
    rig_run(rig, "{'command':['/usr/bin/env'],'environment':{'HOME':'/h','PATH':'/p'}}");
    assert_non_null(strstr(rig_log(rig, 2, 4096), "HOME=/h\n"));
    assert_null(strstr(rig_log(rig, 2, 4096), "HOME=/root\n"));
    assert_null(strstr(rig_log(rig, 2, 4096), "sbin"));
}

static void test_arguments(void **state)
{
    struct rig *rig = *state;
    static const char *words[] = {"/bin/echo", "a b", "", "$HOME"};
    const struct driver_spec given = {.metadata_json = "{}", .arguments = {words, 4}};
    const struct driver_spec rest = {.metadata_json = "{}", .arguments = {words + 1, 3}};
    static const struct {
        const char *options, *output;
        int which;
    } rows[] = {
        {"{'command':['/bin/echo','of the label']}", "of the label\n", 0},
        {"{'command':['/bin/echo','of the label']}", "a b  $HOME\n", 1},
        {"{'command':'echo of the label'}", "a b  $HOME\n", 1},
        {"{'command':['x'],'entrypoint':['/bin/echo','-n']}", "x", 0},
        {"{'command':['x'],'entrypoint':['/bin/echo','first']}", "first a b  $HOME\n", 2},
    };
    for (size_t i = 0; i < AQ_LENGTH(rows); i++) {
        const struct driver_spec spec = rows[i].which == 0   ? (struct driver_spec){.metadata_json = "{}"}
                                        : rows[i].which == 1 ? given
                                                             : rest;
        uint64_t resource = rig_start_spec(rig, rows[i].options, spec);
        rig_await(rig, &rig->seen[resource].ended);
        assert_string_equal(rig_log(rig, resource, 1000), rows[i].output);
    }
}

static void test_working_directory(void **state)
{
    struct rig *rig = *state;
    char expected[128];
    rig_run(rig, "{'command':'pwd; echo here > note'}");
    assert_string_equal(rig_log(rig, 1, 1000), "/work\n");
    snprintf(expected, sizeof expected, "%s/work/note", rig_directory(rig, 1));
    assert_int_equal(access(expected, F_OK), 0);
    rig_run(rig, "{'command':'pwd','directory':'/usr'}");
    assert_string_equal(rig_log(rig, 2, 1000), "/usr\n");
    rig_run(rig, "{'command':'pwd; echo $HOME','isolate':false}");
    snprintf(expected, sizeof expected, "%s/work\n%s/work\n", rig_directory(rig, 3), rig_directory(rig, 3));
    assert_string_equal(rig_log(rig, 3, 1000), expected);
}

static void test_other_user(void **state)
{
    struct rig *rig = *state;
    if (geteuid() != 0 || getpwnam("nobody") == NULL)
        skip();
    rig_run(rig, "{'command':'id -un; id -G | wc -w; touch mine; ls -l mine | wc -l; echo again > /dev/stdout',"
                 "'user':'nobody'}");
    assert_string_equal(rig_log(rig, 1, 1000), "nobody\n1\n1\nagain\n");
    rig_run(rig, "{'command':'id -u; id -G; echo $HOME','user':54321}");
    assert_string_equal(rig_log(rig, 2, 1000), "54321\n54321\n/work\n");
    rig_run(rig, "{'command':'id -u; id -G; echo $HOME','user':54321,'isolate':false}");
    assert_string_equal(rig_log(rig, 3, 1000), "54321\n54321\n/\n");
}

/* Whatever the agent has open or blocked must not show in a workload. */
static void test_nothing_leaks_in(void **state)
{
    struct rig *rig = *state;
    sigset_t blocked;
    sigset_t before;
    rig_close(rig);
    int leak = open("/etc/passwd", O_RDONLY); /* without O_CLOEXEC, as careless libraries do */
    assert_true(leak >= 0);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    void (*handler)(int) = signal(SIGUSR2, SIG_IGN);
    rig_open(rig);
    rig_run(rig, "{'command':'ls -l /proc/self/fd | grep -c passwd; ls /proc/self/fd | wc -l;"
                 "readlink /proc/$$/fd/0; grep -E \\\"^Sig(Blk|Ign)\\\" /proc/self/status;"
                 "test $(ps -o sid= -p $$) = $$ && echo leader'}");
    close(leak);
    sigprocmask(SIG_SETMASK, &before, NULL);
    signal(SIGUSR2, handler);
    const char *log = rig_log(rig, 1, 1000);
    assert_non_null(strstr(log, "/memfd:empty (deleted)\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"));
    assert_int_equal(strncmp(log, "0\n4\n", 4), 0); /* the fourth is how `ls` reads the directory */
    assert_non_null(strstr(log, "leader\n"));
}

/* ---- limits ------------------------------------------------------------------------------------------- */

static bool can_limit(enum cgroup_controller controller)
{
    struct cgroup_host host;
    cgroup_host_read(&host);
    return host.version1[controller][0] != '\0' || host.in_unified[controller];
}

static void test_out_of_memory(void **state)
{
    struct rig *rig = *state;
    if (!can_limit(CGROUP_MEMORY))
        skip();
    uint64_t resource = rig_start_spec(rig, "{'command':['tail','/dev/zero']}",
                                       (struct driver_spec){.metadata_json = "{}", .ram_mib = 24});
    struct rig_workload *seen = &rig->seen[resource];
    rig_await(rig, &seen->ended);
    assert_int_equal(seen->exit_status, 137);
    assert_string_equal(seen->reason, "killed by signal 9 (SIGKILL): out of memory");
    assert_false(rig_has_group(rig, resource));
}

static void test_number_of_processes(void **state)
{
    struct rig *rig = *state;
    if (!can_limit(CGROUP_PIDS))
        skip();
    struct rig_workload *seen =
        rig_run(rig, "{'command':'for i in 1 2 3 4 5 6; do sleep 100 & done; echo all','pids':4}");
    assert_null(strstr(rig_log(rig, 1, 1000), "all"));
    assert_int_not_equal(seen->exit_status, 0);
}

static void test_cpu_share(void **state)
{
    struct rig *rig = *state;
    struct cgroup_host host;
    cgroup_host_read(&host);
    if (host.version1[CGROUP_CPU][0] == '\0')
        skip();
    const uint64_t milli[] = {1500, 5};
    const char *const quota[] = {"150000\n", "5000\n"};
    for (int i = 0; i < 2; i++) {
        uint64_t resource = rig_start_spec(rig, "{'command':['sleep','100'],'stop_grace':0}",
                                           (struct driver_spec){.metadata_json = "{}", .cpu_milli = milli[i]});
        rig_await(rig, &rig->seen[resource].started);
        char path[512];
        char text[32] = "";
        snprintf(path, sizeof path, "%s/aquarium/%s/r%" PRIu64 "/cpu.cfs_quota_us", host.version1[CGROUP_CPU],
                 rig->node, resource);
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        assert_non_null(fgets(text, sizeof text, file));
        fclose(file);
        assert_string_equal(text, quota[i]);
        rig->type->stop(rig->driver, resource);
        rig_await(rig, &rig->seen[resource].ended);
    }
}

/* ---- output ------------------------------------------------------------------------------------------- */

/* Opens the workload's directory, for output_read(). */
static int rig_open_directory(const struct rig *rig, uint64_t resource)
{
    int directory = open(rig_directory(rig, resource), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(directory >= 0);
    return directory;
}

static void test_log_rotates(void **state)
{
    struct rig *rig = *state;
    struct output_span span;
    struct aq_error error;
    rig_run(rig, "{'command':'i=1000; while test $i -lt 6000; do echo line-$i; i=$((i+1)); done; echo end >&2',"
                 "'log_size':4096,'log_files':3}");
    AQ_CLEANUP_FD int directory = rig_open_directory(rig, 1);
    assert_int_equal(output_measure(directory, &span, &error), 0);
    assert_true(span.placed);
    assert_int_equal(span.end, 5000 * 10 + 4); /* what was dropped counts */
    assert_int_equal(span.end / 4090, 12);     /* whole lines of ten bytes, 409 of them in a file */
    assert_int_equal(span.first, 10 * 4090);
    for (uint64_t start = span.first; start < span.end; start += 4090) {
        char name[OUTPUT_NAME_SIZE];
        struct stat status;
        output_name(name, start);
        assert_int_equal(fstatat(directory, name, &status, 0), 0);
        assert_true(status.st_size == 4090 || start + 4090 > span.end);
    }
    assert_int_equal(faccessat(directory, "output.0", F_OK, 0), -1);
    assert_string_equal(rig_log(rig, 1, 14), "line-5999\nend\n");
    /* Across the files, without a gap. */
    const char *log = rig_log(rig, 1, 8000);
    assert_int_equal(strlen(log), 8000);
    log = strchr(log, '\n') + 1;
    int first = atoi(log + 5);
    for (int i = first; i < 6000; i++, log += 10)
        assert_int_equal(atoi(log + 5), i);
    assert_string_equal(log, "end\n");
}

struct piece {
    uint64_t after, start;
    size_t max, length;
    const char *text;
};

static void test_output_is_read_by_position(void **state)
{
    struct rig *rig = *state;
    static const struct piece pieces[] = {
        {0, 8180, 10, 10, "line-1818\n"},
        {8180, 8180, 10, 10, "line-1818\n"},
        {12269, 12269, 3, 3, "\nli"},
        {12260, 12260, 20, 20, "line-2226\n"},
        {20000, 20000, 100, 0, ""},
        {30000, 20000, 100, 0, ""},
        {OUTPUT_NEWEST, 19990, 10, 10, "line-2999\n"},
    };
    rig_run(rig, "{'command':'i=1000; while test $i -lt 3000; do echo line-$i; i=$((i+1)); done',"
                 "'log_size':4096,'log_files':3}");
    AQ_CLEANUP_FD int directory = rig_open_directory(rig, 1);
    for (size_t i = 0; i < AQ_LENGTH(pieces); i++) {
        AQ_CLEANUP_BUFFER struct aq_buffer out = {0};
        struct output_span span;
        struct aq_error error;
        uint64_t position = pieces[i].after;
        assert_int_equal(output_read(directory, &position, pieces[i].max, &out, &span, &error), 0);
        assert_int_equal(position, pieces[i].start);
        assert_int_equal(out.length, pieces[i].length);
        assert_int_equal(strncmp(aq_buffer_string(&out), pieces[i].text, strlen(pieces[i].text)), 0);
        assert_int_equal(span.first, 8180);
        assert_int_equal(span.end, 20000);
    }
}

static void test_long_lines_are_cut_and_one_file_is_enough(void **state)
{
    struct rig *rig = *state;
    struct output_span span;
    struct aq_error error;
    rig_run(rig, "{'command':'head -c 10000 /dev/zero | tr \\\"\\\\0\\\" x; echo; echo end','log_size':4096,"
                 "'log_files':1}");
    const char *log = rig_log(rig, 1, 100000);
    assert_true(strlen(log) <= 4096);
    assert_non_null(strstr(log, "x\nend\n"));
    AQ_CLEANUP_FD int directory = rig_open_directory(rig, 1);
    assert_int_equal(output_measure(directory, &span, &error), 0);
    assert_int_equal(span.end, 10005);
    assert_int_equal(span.first, 10005 - strlen(log));
    assert_int_equal(faccessat(directory, "output.0", F_OK, 0), -1);
}

static void test_log_while_it_runs(void **state)
{
    struct rig *rig = *state;
    uint64_t resource;
    rig_start_running(rig, "{'command':'echo hello; sleep 100','stop_grace':0}", &resource);
    rig_await_log(rig, resource, "hello\n");
    assert_string_equal(rig_log(rig, resource, 3), "lo\n");
    assert_string_equal(rig_log(rig, resource, 0), "");
}

/* ---- the tree ----------------------------------------------------------------------------------------- */

/* Starts something that leaves its session and its parent, and says its number in the log. */
#define DAEMON       "(setsid sh -c 'trap \"\" TERM; echo $$ > pid; mv pid daemon; exec sleep 1000' &); "
#define AWAIT_DAEMON "while ! test -e daemon; do sleep 0.01; done; "

/* rig_start() takes ' for ", so these commands are put together without it. They see the whole host, so that the
 * numbers that they tell are those of the host; test_drivers_isolation.c has others. */
static uint64_t start_command(struct rig *rig, const char *command, int stop_grace)
{
    const char *arguments[] = {"/bin/sh", "-c", command};
    const struct aq_process_options options = {.command = {arguments, 3},
                                               .directory = "",
                                               .user = "",
                                               .stop_grace = (uint64_t)stop_grace,
                                               .log_size = 1 << 20,
                                               .log_files = 2};
    struct driver_spec spec = {.resource = ++rig->used,
                               .options = &options,
                               .metadata_json = "{}",
                               .directory = rig_directory(rig, rig->used)};
    struct aq_error error;
    mkdir(spec.directory, 0755);
    if (rig->type->start(rig->driver, &spec, &error) != 0)
        fail_msg("%s", error.message);
    return rig->used;
}

static void test_daemons_end_with_the_main_process(void **state)
{
    struct rig *rig = *state;
    uint64_t resource = start_command(rig, DAEMON AWAIT_DAEMON "exit 5", 10);
    rig_await(rig, &rig->seen[resource].ended);
    assert_int_equal(rig->seen[resource].exit_status, 5);
    assert_false(rig_is_alive(rig_await_pid(rig, resource, "work/daemon")));
    assert_false(rig_has_group(rig, resource));
}

static void test_who_leaves_the_group_ends_too(void **state)
{
    struct rig *rig = *state;
    struct cgroup_host host;
    cgroup_host_read(&host);
    if (host.unified[0] == '\0')
        skip();
    char command[512];
    snprintf(command, sizeof command, "echo $$ > %s/cgroup.procs; " DAEMON AWAIT_DAEMON "exit 6", host.unified);
    uint64_t resource = start_command(rig, command, 10);
    rig_await(rig, &rig->seen[resource].ended);
    assert_int_equal(rig->seen[resource].exit_status, 6);
    assert_false(rig_is_alive(rig_await_pid(rig, resource, "work/daemon")));
}

static void test_stop_ends_all(void **state)
{
    struct rig *rig = *state;
    uint64_t resource = start_command(rig, DAEMON "exec sleep 1000", 1);
    rig_await(rig, &rig->seen[resource].started);
    pid_t daemon = rig_await_pid(rig, resource, "work/daemon");
    assert_true(rig_is_alive(daemon));
    rig->type->stop(rig->driver, resource);
    rig->type->stop(rig->driver, resource);
    rig_await(rig, &rig->seen[resource].ended);
    assert_int_equal(rig->seen[resource].exit_status, 143);
    assert_string_equal(rig->seen[resource].reason, "killed by signal 15 (SIGTERM): stopped");
    assert_false(rig_is_alive(daemon));
    rig_turn(rig, 20);
    assert_int_equal(rig->seen[resource].ended, 1);
}

static void test_stop_lets_the_tree_finish(void **state)
{
    struct rig *rig = *state;
    uint64_t resource = start_command(
        rig, "sh -c 'trap \"sleep 0.2; echo tidied; exit 0\" TERM; echo up; while :; do sleep 0.01; done'; exit 1", 5);
    rig_await_log(rig, resource, "up\n");
    rig->type->stop(rig->driver, resource);
    rig_await(rig, &rig->seen[resource].ended);
    assert_non_null(strstr(rig_log(rig, resource, 1000), "tidied\n"));
}

static void test_own_exit_status_after_stop(void **state)
{
    struct rig *rig = *state;
    uint64_t resource = start_command(rig, "trap 'exit 7' TERM; echo up; while :; do sleep 0.01; done", 5);
    rig_await_log(rig, resource, "up\n");
    rig->type->stop(rig->driver, resource);
    rig_await(rig, &rig->seen[resource].ended);
    assert_int_equal(rig->seen[resource].exit_status, 7);
    assert_string_equal(rig->seen[resource].reason, "exit status 7: stopped");
}

static void test_stop_of_one_that_does_not_listen(void **state)
{
    struct rig *rig = *state;
    const char *deaf = "trap '' TERM; echo up; while :; do sleep 0.05; done";
    uint64_t slow = start_command(rig, deaf, 1);
    uint64_t fast = start_command(rig, deaf, 0);
    rig_await_log(rig, slow, "up\n");
    rig_await_log(rig, fast, "up\n");
    uint64_t begin_ms = aq_clock_boot_ms();
    rig->type->stop(rig->driver, slow);
    rig->type->stop(rig->driver, fast);
    rig_await(rig, &rig->seen[fast].ended);
    uint64_t waited_ms = aq_clock_boot_ms() - begin_ms; /* for longer than the other has, where the machine is busy */
    assert_true(rig->seen[slow].ended == 0 || waited_ms >= 1000);
    assert_string_equal(rig->seen[fast].reason, "killed by signal 9 (SIGKILL): stopped");
    rig_await(rig, &rig->seen[slow].ended);
    assert_true(aq_clock_boot_ms() - begin_ms >= 1000);
    assert_int_equal(rig->seen[slow].exit_status, 137);
    assert_string_equal(rig->seen[slow].reason, "killed by signal 9 (SIGKILL): still running 1 s after SIGTERM");
}

static void test_stop_right_after_start(void **state)
{
    struct rig *rig = *state;
    for (int i = 0; i < 40; i++) {
        uint64_t resource = start_command(rig, "sleep 1000", 1);
        struct rig_workload *seen = &rig->seen[resource];
        for (int turn = 0; turn < i % 4; turn++)
            rig_turn(rig, 1);
        rig->type->stop(rig->driver, resource);
        while (seen->failed + seen->ended == 0)
            rig_turn(rig, 100);
        assert_int_equal(seen->started, seen->ended);
        assert_true(seen->ended || strcmp(seen->reason, "stopped before it started") == 0);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_exit_status),
        TEST(test_end_by_signal),
        TEST(test_arguments_are_passed_as_they_are),
        TEST(test_what_cannot_start_fails_with_a_reason),
        TEST(test_directory_that_is_gone),
        TEST(test_many_at_once),
        TEST(test_environment),
        TEST(test_arguments),
        TEST(test_working_directory),
        TEST(test_other_user),
        TEST(test_nothing_leaks_in),
        TEST(test_out_of_memory),
        TEST(test_number_of_processes),
        TEST(test_cpu_share),
        TEST(test_log_rotates),
        TEST(test_long_lines_are_cut_and_one_file_is_enough),
        TEST(test_log_while_it_runs),
        TEST(test_output_is_read_by_position),
        TEST(test_daemons_end_with_the_main_process),
        TEST(test_who_leaves_the_group_ends_too),
        TEST(test_stop_ends_all),
        TEST(test_stop_lets_the_tree_finish),
        TEST(test_own_exit_status_after_stop),
        TEST(test_stop_of_one_that_does_not_listen),
        TEST(test_stop_right_after_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
