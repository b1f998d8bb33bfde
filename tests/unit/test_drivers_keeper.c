/* The `process` driver when something dies that should not: the agent, a keeper, the nursery; and on a machine
 * without control groups. */
#include "tests/lib/driver_rig.h"

#include "drivers/cgroup/cgroup.h"
#include "drivers/keeper/files.h"
#include "drivers/keeper/log.h"
#include "drivers/keeper/nursery.h"
#include "drivers/output.h"
#include "tests/lib/directory.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int setup(void **state)
{
    return rig_setup(state, "process");
}

static int directory_open(struct rig *rig, uint64_t resource)
{
    int directory = open(rig_directory(rig, resource), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(directory >= 0);
    return directory;
}

static pid_t keeper_of(struct rig *rig, uint64_t resource)
{
    struct keeper_state kept;
    int directory = directory_open(rig, resource);
    assert_int_equal(keeper_state_read(directory, &kept), KEEPER_READ);
    close(directory);
    assert_true(kept.keeper.pid > 1);
    return kept.keeper.pid;
}

static void await_file(struct rig *rig, uint64_t resource, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", rig_directory(rig, resource), name);
    for (int i = 0; access(path, F_OK) != 0; i++) {
        assert_true(i < 10000);
        usleep(1000);
    }
}

/* Plays an agent of its own in another process, and kills it when it has started `options`. */
static void start_and_kill_agent(struct rig *rig, const char *const options[], size_t count)
{
    int ready[2];
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    rig_close(rig);
    pid_t agent = fork();
    assert_true(agent >= 0);
    if (agent == 0) {
        /* No assertion of cmocka may return from here into the tests: a failed one shows as a missing byte. */
        signal(SIGALRM, SIG_DFL);
        alarm(20);
        rig->driver = rig->type->open(rig->node, &rig->now, rig_report, rig);
        rig_allow(rig, rig_all);
        for (size_t i = 0; i < count; i++) {
            uint64_t resource = rig_start(rig, options[i]);
            while (rig->seen[resource].started == 0)
                rig_turn(rig, 100);
        }
        ssize_t written = write(ready[1], "r", 1);
        (void)written;
        for (;;)
            pause();
    }
    char byte = 0;
    close(ready[1]);
    ssize_t length = read(ready[0], &byte, 1);
    close(ready[0]);
    kill(agent, SIGKILL);
    waitpid(agent, NULL, 0);
    rig->used = count;
    rig_open(rig);
    assert_int_equal(length, 1);
}

/* ---- the agent dies ----------------------------------------------------------------------------------- */

static void test_adopt_after_close(void **state)
{
    struct rig *rig = *state;
    uint64_t resource;
    rig_start_running(rig, "{'command':'echo up; sleep 1000','stop_grace':3}", &resource);
    pid_t pid = rig->seen[resource].pid;
    rig_close(rig);
    rig_open(rig);
    memset(rig->seen, 0, sizeof rig->seen);
    assert_true(rig_is_alive(pid));
    rig_adopt(rig, resource);
    rig_await(rig, &rig->seen[resource].started);
    assert_int_equal(rig->seen[resource].pid, pid);
    rig_await_log(rig, resource, "up\n");
    rig->type->stop(rig->driver, resource);
    rig_await(rig, &rig->seen[resource].ended);
    assert_int_equal(rig->seen[resource].exit_status, 143);
    assert_int_equal(rig->seen[resource].started, 1);
    assert_false(rig_is_alive(pid));
}

static void test_adopt_after_kill(void **state)
{
    struct rig *rig = *state;
    const char *const options[] = {"{'command':'echo one; while ! test -e go; do sleep 0.01; done; echo two; exit 9'}",
                                   "{'command':'while ! test -e go; do sleep 0.01; done; exit 8'}",
                                   "{'command':'sleep 1000'}"};
    start_and_kill_agent(rig, options, AQ_LENGTH(options));
    /* The first ends while no agent looks; the second later. */
    char path[128];
    snprintf(path, sizeof path, "%s/work/go", rig_directory(rig, 1));
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    await_file(rig, 1, "exit");
    for (uint64_t resource = 1; resource <= 3; resource++)
        rig_adopt(rig, resource);
    rig_await(rig, &rig->seen[1].ended);
    assert_int_equal(rig->seen[1].exit_status, 9);
    assert_string_equal(rig->seen[1].reason, "exit status 9");
    assert_int_equal(rig->seen[1].started, 0);
    assert_string_equal(rig_log(rig, 1, 100), "one\ntwo\n");
    rig_await(rig, &rig->seen[2].started);
    rig_await(rig, &rig->seen[3].started);
    snprintf(path, sizeof path, "%s/work/go", rig_directory(rig, 2));
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    rig_await(rig, &rig->seen[2].ended);
    assert_int_equal(rig->seen[2].exit_status, 8);
    rig->type->stop(rig->driver, 3);
    rig_await(rig, &rig->seen[3].ended);
    assert_int_equal(rig->seen[3].exit_status, 143);
}

static void test_log_goes_on_without_an_agent(void **state)
{
    struct rig *rig = *state;
    const char *const options[] = {
        "{'command':'i=0; while test $i -lt 3000; do echo line $i; i=$((i+1)); done; echo done; sleep 1000',"
        "'log_size':4096,'stop_grace':0}"};
    start_and_kill_agent(rig, options, 1);
    rig_await_log(rig, 1, "line 2999\ndone\n");
    rig_adopt(rig, 1);
    rig_await(rig, &rig->seen[1].started);
}

static void test_adopt_of_one_that_failed(void **state)
{
    struct rig *rig = *state;
    uint64_t resource = rig_start(rig, "{'command':['/no/such']}");
    await_file(rig, resource, "exit");
    rig_close(rig);
    rig_open(rig);
    rig_adopt(rig, resource);
    rig_await(rig, &rig->seen[resource].failed);
    assert_string_equal(rig->seen[resource].reason, "command \"/no/such\": No such file or directory");
}

static void test_adopt_of_one_that_was_never_started(void **state)
{
    struct rig *rig = *state;
    struct aq_error error;
    rig->used = 1;
    mkdir(rig_directory(rig, 1), 0755);
    for (int i = 0; i < 2; i++) {
        rig->seen[1].failed = 0;
        rig_adopt(rig, 1);
        rig_await(rig, &rig->seen[1].failed);
        assert_string_equal(rig->seen[1].reason, "the agent ended before it started the workload");
    }
    /* A keeper that comes now would find this, and give up. */
    int directory = directory_open(rig, 1);
    assert_int_equal(keeper_state_claim(directory, &(struct keeper_state){0}, &error), 1);
    close(directory);
    assert_int_equal(rig->type->adopt(rig->driver, 2, "/tmp/aq-none/x", &error), -1);
    assert_int_equal(error.code, AQ_E_NOT_FOUND);
}

static void test_the_same_number_is_not_the_same_process(void **state)
{
    struct rig *rig = *state;
    struct aq_error error;
    struct keeper_state other = {0};
    pid_t stranger = fork();
    assert_true(stranger >= 0);
    if (stranger == 0)
        for (;;)
            pause();
    assert_true(process_id_of(stranger, &other.keeper));
    other.main = other.keeper;
    other.keeper.start_ticks--;
    other.main.start_ticks--;
    rig->used = 1;
    mkdir(rig_directory(rig, 1), 0755);
    int directory = directory_open(rig, 1);
    assert_int_equal(keeper_state_claim(directory, &other, &error), 0);
    assert_int_equal(keeper_state_add_main(directory, &other, &error), 0);
    close(directory);
    rig_adopt(rig, 1);
    rig_await(rig, &rig->seen[1].ended);
    bool unharmed = rig_is_alive(stranger);
    kill(stranger, SIGKILL);
    waitpid(stranger, NULL, 0);
    assert_true(unharmed);
    assert_int_equal(rig->seen[1].exit_status, 137);
}

static void write_state(struct rig *rig, const char *text)
{
    char path[128];
    rig->used++;
    mkdir(rig_directory(rig, rig->used), 0755);
    snprintf(path, sizeof path, "%s/state", rig_directory(rig, rig->used));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_torn_and_old_files(void **state)
{
    struct rig *rig = *state;
    write_state(rig, "");
    write_state(rig, "aquarium-process 1\nboot x\nkeeper 1");
    write_state(rig, "aquarium-process 1\nboot another-boot\nkeeper 1 1\nstop_grace 1\nkept\nmain 1 1 lacking 0\n");
    for (uint64_t resource = 1; resource <= 3; resource++) {
        rig_adopt(rig, resource);
        rig_await(rig, &rig->seen[resource].ended);
        assert_int_equal(rig->seen[resource].exit_status, 137);
    }
    assert_string_equal(rig->seen[1].reason, "it was lost: the file state cannot be read");
    assert_string_equal(rig->seen[2].reason, "it was lost: the file state cannot be read");
    assert_string_equal(rig->seen[3].reason, "it ended when the host restarted");
    /* A second agent is told the same. */
    rig->seen[3].ended = 0;
    rig_adopt(rig, 3);
    rig_await(rig, &rig->seen[3].ended);
    assert_string_equal(rig->seen[3].reason, "it ended when the host restarted");
}

/* An agent that has used up its descriptors must not take its workloads for dead. */
static void test_an_agent_short_of_descriptors_harms_nobody(void **state)
{
    struct rig *rig = *state;
    uint64_t resource;
    struct rlimit before;
    rig_start_running(rig, "{'command':'sleep 1000','stop_grace':0}", &resource);
    pid_t pid = rig->seen[resource].pid;
    rig_close(rig);
    rig_open(rig);
    rig->seen[resource].started = 0;
    rig_adopt(rig, resource);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    /* From nothing at all to nearly enough: each place where it can run out has its turn. */
    int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(next);
    for (int spare = 0; spare < 3; spare++) {
        struct rlimit tight = {.rlim_cur = (rlim_t)(next + spare), .rlim_max = before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
        for (int i = 0; i < 20; i++)
            rig_turn(rig, 10);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    rig_await(rig, &rig->seen[resource].started);
    assert_true(rig_is_alive(pid));
    assert_int_equal(rig->seen[resource].ended, 0);
}

/* Something that leaves its session and its parent, and says its number in a file. */
static uint64_t start_with_daemon(struct rig *rig)
{
    uint64_t resource;
    rig_start_running(rig,
                      "{'command':'echo \\\"$SCRIPT\\\" > daemon.sh; (setsid sh daemon.sh &); sleep 1000',"
                      "'isolate':false,'environment':{'SCRIPT':'echo $$ > pid; mv pid daemon; exec sleep 1000'}}",
                      &resource);
    return resource;
}

/* ---- the agent has lost its directory ------------------------------------------------------------------ */

static void lose_directories(struct rig *rig)
{
    char away[128];
    rig_close(rig);
    snprintf(away, sizeof away, "%s.away", rig->base);
    assert_int_equal(rename(rig->base, away), 0);
    assert_int_equal(mkdir(rig->base, 0755), 0);
    rig_open(rig);
    memset(rig->seen, 0, sizeof rig->seen);
}

static void remove_directories(struct rig *rig)
{
    char away[128];
    snprintf(away, sizeof away, "%s.away", rig->base);
    test_remove_tree(away);
}

static void test_what_has_no_record_is_found_and_ended(void **state)
{
    struct rig *rig = *state;
    uint64_t resource = start_with_daemon(rig);
    pid_t daemon = rig_await_pid(rig, resource, "work/daemon");
    pid_t pid = rig->seen[resource].pid, keeper = keeper_of(rig, resource);
    if (!rig_has_group(rig, resource)) {
        rig->type->stop(rig->driver, resource);
        rig_await(rig, &rig->seen[resource].ended);
        skip(); /* nothing would be found */
    }
    lose_directories(rig);
    assert_false(rig->type->end_leftover(rig->driver, resource + 1));
    assert_true(rig->type->end_leftover(rig->driver, resource));
    assert_false(rig->type->end_leftover(rig->driver, resource)); /* it is under way */
    rig_await(rig, &rig->seen[resource].ended);
    assert_int_equal(rig->seen[resource].started, 0);
    assert_false(rig_is_alive(pid));
    assert_false(rig_is_alive(daemon));
    assert_false(rig_has_group(rig, resource));
    for (int i = 0; i < 10000 && rig_is_alive(keeper); i++) /* it has nothing more to look after */
        usleep(1000);
    assert_false(rig_is_alive(keeper));
    assert_false(rig->type->end_leftover(rig->driver, resource));
    remove_directories(rig);
}

/* ---- the keeper dies ---------------------------------------------------------------------------------- */

static void expect_all_gone(struct rig *rig, uint64_t resource, pid_t main, pid_t daemon)
{
    rig_await(rig, &rig->seen[resource].ended);
    assert_int_equal(rig->seen[resource].exit_status, 137);
    assert_string_equal(rig->seen[resource].reason, "its keeper was killed, and the workload was ended with it");
    assert_false(rig_is_alive(main));
    assert_true(daemon == 0 || !rig_is_alive(daemon));
    assert_false(rig_has_group(rig, resource));
}

static void test_keeper_killed(void **state)
{
    struct rig *rig = *state;
    uint64_t resource = start_with_daemon(rig);
    pid_t daemon = rig_await_pid(rig, resource, "work/daemon");
    pid_t pid = rig->seen[resource].pid;
    bool grouped = rig_has_group(rig, resource);
    kill(keeper_of(rig, resource), SIGKILL);
    expect_all_gone(rig, resource, pid, grouped ? daemon : 0);
}

static void test_keeper_killed_without_an_agent(void **state)
{
    struct rig *rig = *state;
    uint64_t resource = start_with_daemon(rig);
    pid_t daemon = rig_await_pid(rig, resource, "work/daemon");
    pid_t pid = rig->seen[resource].pid;
    bool grouped = rig_has_group(rig, resource);
    rig_close(rig);
    kill(keeper_of(rig, resource), SIGKILL);
    for (int i = 0; i < 5000 && rig_is_alive(pid); i++)
        usleep(1000);
    assert_false(rig_is_alive(pid)); /* by itself: it dies with its keeper */
    rig_open(rig);
    rig_adopt(rig, resource);
    expect_all_gone(rig, resource, pid, grouped ? daemon : 0);
}

static void test_keeper_that_was_stopped_hears_of_the_end(void **state)
{
    struct rig *rig = *state;
    uint64_t resource;
    rig_start_running(rig, "{'command':['sleep','1000']}", &resource);
    kill(keeper_of(rig, resource), SIGSTOP);
    rig->type->stop(rig->driver, resource);
    rig_await(rig, &rig->seen[resource].ended);
    assert_int_equal(rig->seen[resource].exit_status, 143);
}

/* The nursery is the only child of this process that is not a keeper's; its number stands at the driver's beginning. */
static void test_nursery_killed(void **state)
{
    (void)state;
    struct nursery nursery;
    struct aq_error error;
    int status[2];
    nursery_init(&nursery);
    assert_int_equal(nursery_start(&nursery, &error), 0);
    pid_t first = nursery.pid;
    kill(first, SIGKILL);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)first, &info, WEXITED | WNOWAIT), 0);
    /* What it is asked for is no job: the keeper ends, and the pipe closes. */
    assert_int_equal(pipe2(status, O_CLOEXEC), 0);
    int job = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(nursery_ask(&nursery, job, status[1], &error), 0);
    assert_int_not_equal(nursery.pid, first);
    close(job);
    close(status[1]);
    char byte;
    assert_int_equal(read(status[0], &byte, 1), 0);
    close(status[0]);
    nursery_close(&nursery);
    assert_int_equal(nursery.socket, -1);
}

/* ---- a full disk -------------------------------------------------------------------------------------- */

static void test_log_tells_what_was_lost(void **state)
{
    struct rig *rig = *state;
    struct aq_error error;
    struct keeper_log log;
    int base = open(rig->base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(keeper_log_open(&log, base, 4096, 2, &error), 0);
    keeper_log_write(&log, "before", 6);
    int good = log.fd;
    log.fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    keeper_log_write(&log, "lost\n", 5);
    keeper_log_write(&log, "lost\n", 5);
    close(log.fd);
    log.fd = good;
    keeper_log_write(&log, "after\n", 6);
    keeper_log_close(&log);
    struct aq_buffer out = {0};
    struct output_span span;
    uint64_t position = 0;
    assert_int_equal(output_read(base, &position, 1000, &out, &span, &error), 0);
    close(base);
    bool told = strcmp(aq_buffer_string(&out), "before\n[aquarium: 10 bytes of output are lost here: No space left on "
                                               "device]\nafter\n") == 0;
    if (!told)
        print_error("%s\n", aq_buffer_string(&out));
    aq_buffer_free(&out);
    assert_true(told);
}

/* ---- a machine without control groups ----------------------------------------------------------------- */

static int own_mounts = -1, own_root = -1, own_place = -1;

/* In mounts of our own, /sys is away. */
static int setup_without_groups(void **state)
{
    own_mounts = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    own_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    own_place = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (own_mounts < 0 || unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        umount2("/sys", MNT_DETACH) != 0) {
        *state = NULL;
        return 0; /* not root: the test skips itself */
    }
    return setup(state);
}

static int teardown_without_groups(void **state)
{
    int failed = *state != NULL ? rig_teardown(state) : 0;
    /* That leads to the root of the namespace, which is another one after chroot(8). */
    if (own_mounts >= 0 &&
        (setns(own_mounts, CLONE_NEWNS) != 0 || fchdir(own_root) != 0 || chroot(".") != 0 || fchdir(own_place) != 0))
        failed = -1;
    close(own_mounts);
    close(own_root);
    close(own_place);
    return failed;
}

static void test_without_groups(void **state)
{
    struct rig *rig = *state;
    if (rig == NULL)
        skip();
    struct cgroup_host host;
    cgroup_host_read(&host);
    assert_string_equal(host.unified, "");
    assert_string_equal(host.version1[CGROUP_MEMORY], "");
    uint64_t limited = rig_start_spec(rig, "{'command':'exit 3','pids':5}",
                                      (struct driver_spec){.metadata_json = "{}", .ram_mib = 24, .cpu_milli = 100});
    rig_await(rig, &rig->seen[limited].ended);
    assert_int_equal(rig->seen[limited].exit_status, 3);
    uint64_t resource = start_with_daemon(rig);
    pid_t daemon = rig_await_pid(rig, resource, "work/daemon");
    rig->type->stop(rig->driver, resource);
    rig_await(rig, &rig->seen[resource].ended);
    assert_false(rig_is_alive(daemon));
    assert_int_equal(rig->seen[resource].exit_status, 143);
}

static void test_keeper_killed_without_groups(void **state)
{
    struct rig *rig = *state;
    if (rig == NULL)
        skip();
    uint64_t resource;
    rig_start_running(rig, "{'command':'echo $$ > pid; mv pid daemon; sleep 1000 & wait','isolate':false}", &resource);
    pid_t pid = rig_await_pid(rig, resource, "work/daemon");
    assert_int_equal(pid, rig->seen[resource].pid);
    kill(keeper_of(rig, resource), SIGKILL);
    expect_all_gone(rig, resource, pid, 0);
    /* The whole process group; process 1 may take seconds to reap what was killed. */
    for (int i = 0; i < 1000 && kill(-pid, 0) == 0; i++)
        usleep(10000);
    assert_int_equal(kill(-pid, 0), -1);
}

/* As in a container whose process 1 waits for no other: here this process does not. */
static void test_zombies_are_gone(void **state)
{
    struct rig *rig = *state;
    if (rig == NULL)
        skip();
    struct aq_error error;
    struct keeper_state kept = {0};
    pid_t zombie = fork();
    assert_true(zombie >= 0);
    if (zombie == 0) {
        setpgid(0, 0);
        for (;;)
            pause();
    }
    setpgid(zombie, zombie); /* in case the child has not run yet */
    assert_true(process_id_of(zombie, &kept.main));
    assert_true(process_group_runs(zombie));
    kept.keeper = (struct process_id){kept.main.pid, kept.main.start_ticks - 1}; /* gone */
    rig->used = 1;
    mkdir(rig_directory(rig, 1), 0755);
    int directory = directory_open(rig, 1);
    assert_int_equal(keeper_state_claim(directory, &kept, &error), 0);
    assert_int_equal(keeper_state_add_main(directory, &kept, &error), 0);
    close(directory);
    rig_adopt(rig, 1);
    rig_await(rig, &rig->seen[1].ended);
    assert_int_equal(kill(-zombie, 0), 0);
    assert_false(process_group_runs(zombie));
    assert_int_equal(waitpid(zombie, NULL, 0), zombie);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, rig_teardown)
#define TEST_WITHOUT_GROUPS(function)                                                                                  \
    cmocka_unit_test_setup_teardown(function, setup_without_groups, teardown_without_groups)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_adopt_after_close),
        TEST(test_adopt_after_kill),
        TEST(test_log_goes_on_without_an_agent),
        TEST(test_adopt_of_one_that_failed),
        TEST(test_adopt_of_one_that_was_never_started),
        TEST(test_the_same_number_is_not_the_same_process),
        TEST(test_torn_and_old_files),
        TEST(test_an_agent_short_of_descriptors_harms_nobody),
        TEST(test_what_has_no_record_is_found_and_ended),
        TEST(test_keeper_killed),
        TEST(test_keeper_killed_without_an_agent),
        TEST(test_keeper_that_was_stopped_hears_of_the_end),
        cmocka_unit_test(test_nursery_killed),
        TEST(test_log_tells_what_was_lost),
        TEST_WITHOUT_GROUPS(test_without_groups),
        TEST_WITHOUT_GROUPS(test_keeper_killed_without_groups),
        TEST_WITHOUT_GROUPS(test_zombies_are_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
