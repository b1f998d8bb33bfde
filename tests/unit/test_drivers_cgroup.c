/* Control groups: where the host has them, what is written into them, and that they hold and end a tree of processes.
 */
#include "drivers/cgroup/cgroup.h"
#include "tests/lib/driver_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int setup_test(void **state)
{
    return rig_setup(state, "test");
}

static bool all_writable(const char *path)
{
    (void)path;
    return true;
}

static bool none_writable(const char *path)
{
    (void)path;
    return false;
}

static void test_mounts_are_found(void **state)
{
    (void)state;
    struct cgroup_host host;
    const char *hybrid = "24 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
                         "32 31 0:29 / /sys/cg/cpu,cpuacct rw shared:4 master:2 - cgroup cgroup rw,cpu,cpuacct\n"
                         "33 31 0:30 / /sys/cg/with\\040blank rw,relatime - cgroup cgroup rw,memory\n"
                         "34 31 0:31 / /sys/cg/cpuset rw,relatime - cgroup cgroup rw,cpuset\n"
                         "41 31 0:38 / /nowhere/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate";
    cgroup_host_parse(&host, hybrid, all_writable);
    assert_string_equal(host.version1[CGROUP_CPU], "/sys/cg/cpu,cpuacct");
    assert_string_equal(host.version1[CGROUP_MEMORY], "/sys/cg/with blank");
    assert_string_equal(host.version1[CGROUP_PIDS], "");
    assert_string_equal(host.unified, "/nowhere/unified");
    assert_false(host.in_unified[CGROUP_PIDS]);
    cgroup_host_parse(&host, hybrid, none_writable);
    assert_string_equal(host.version1[CGROUP_CPU], "");
    assert_string_equal(host.unified, "");
    cgroup_host_parse(&host, "", all_writable);
    cgroup_host_parse(&host, "\n - \n1 2 3 - cgroup2\n1 2 3 4 /x y - cgroup\n", all_writable);
    assert_string_equal(host.unified, "");
}

static void test_limits_are_finite(void **state)
{
    (void)state;
    struct cgroup_host none = {.unified = "/u"};
    struct cgroup_host first = {.version1 = {[CGROUP_PIDS] = "/p", [CGROUP_MEMORY] = "/m"}, .unified = "/u"};
    struct cgroup_host second = {.unified = "/u", .in_unified = {[CGROUP_PIDS] = true, [CGROUP_MEMORY] = true}};
    const uint64_t all = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    struct cgroup_limits limits = {0};
    cgroup_limits_preset(&none, &limits);
    assert_int_equal(limits.pids + limits.memory_bytes, 0);
    const struct cgroup_host *const hosts[] = {&first, &second};
    for (size_t i = 0; i < AQ_LENGTH(hosts); i++) {
        limits = (struct cgroup_limits){0};
        cgroup_limits_preset(hosts[i], &limits);
        assert_int_equal(limits.pids, 4096);
        assert_true(limits.memory_bytes > all / 2 && limits.memory_bytes < all);
        assert_int_equal(limits.cpu_milli, 0);
    }
    limits = (struct cgroup_limits){.memory_bytes = 1 << 20, .pids = 3};
    cgroup_limits_preset(&second, &limits);
    assert_int_equal(limits.pids, 3);
    assert_int_equal(limits.memory_bytes, 1 << 20);
}

static bool is_of_workload(const char *text)
{
    char copy[512];
    snprintf(copy, sizeof copy, "%s", text);
    return cgroup_text_is_of_workload(copy);
}

static void test_processes_of_workloads_are_known_by_their_groups(void **state)
{
    (void)state;
    static const char *const inside[] = {
        "0::/aquarium/node-1/r7",
        "0::/aquarium/node-1/r7\n",
        "12:pids:/\n0::/aquarium/node-1/r7/made/by/itself\n",
        "4:memory:/aquarium/n/r18446744073709551615\n0::/user.slice\n",
        "0::/docker/4711/aquarium/n/r7\n",
        "0::/../aquarium/n/r7\n",
        "0::/aquarium/n/r7 (deleted)\n",
        "0::/aquarium/aquarium/r7/r8\n",
    };
    static const char *const outside[] = {
        "",
        "\n",
        "0::/\n",
        "0::/system.slice/aquarium-agent.service\n",
        "0::/aquarium\n",
        "0::/aquarium/r7\n",
        "0::/aquarium/n/\n",
        "0::/aquarium/n/r\n",
        "0::/aquarium/n/r7x\n",
        "0::/aquarium/n/x7\n",
        "0::/aquarium//r7\n",
        "0::/not-aquarium/n/r7\n",
        "7:name=/aquarium/n/r7:/\n",
    };
    for (size_t i = 0; i < AQ_LENGTH(inside); i++)
        assert_string_equal(is_of_workload(inside[i]) ? inside[i] : "outside", inside[i]);
    for (size_t i = 0; i < AQ_LENGTH(outside); i++)
        assert_string_equal(is_of_workload(outside[i]) ? "inside" : outside[i], outside[i]);
    bool is = true;
    struct aq_error error = {0};
    assert_int_equal(cgroup_process_is_of_workload(getpid(), &is, &error), 0);
    assert_false(is);
    assert_int_equal(cgroup_process_is_of_workload(INT_MAX, &is, &error), -1);
    assert_int_equal(error.code, AQ_E_NOT_FOUND);
}

/* ---- peers of sockets ---------------------------------------------------------------------------------- */

enum { PEER_PIDFD = 77 }; /* SO_PEERPIDFD, which older headers do not have */

/* A process that connects to `listener`, and waits or ends. The connection stays open here, as it does with a process
 * that has got it from the one that ends. */
static pid_t connect_as_child(int listener, bool ends, int *accepted, int *kept)
{
    struct sockaddr_un name;
    socklen_t size = sizeof name;
    char byte = 0;
    int ends_of[2];
    assert_int_equal(getsockname(listener, (struct sockaddr *)&name, &size), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_of), 0);
    *kept = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(*kept >= 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (connect(*kept, (const struct sockaddr *)&name, size) != 0 || write(ends_of[1], "c", 1) != 1)
            _exit(1);
        while (!ends)
            pause();
        _exit(0);
    }
    assert_int_equal(read(ends_of[0], &byte, 1), 1);
    close(ends_of[0]);
    close(ends_of[1]);
    *accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(*accepted >= 0);
    return pid;
}

/* At an address that the kernel chooses. */
static int listen_somewhere(void)
{
    const struct sockaddr_un any = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&any, sizeof any.sun_family), 0);
    assert_int_equal(listen(fd, 4), 0);
    return fd;
}

static void end_child(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_a_peer_that_has_ended_is_nobody(void **state)
{
    int accepted, kept;
    uid_t uid = (uid_t)-1;
    siginfo_t info;
    (void)state;
    int listener = listen_somewhere();
    pid_t pid = connect_as_child(listener, false, &accepted, &kept);
    assert_true(cgroup_peer_is_outside(accepted, &uid));
    assert_int_equal(uid, geteuid());
    end_child(pid);
    assert_false(cgroup_peer_is_outside(accepted, &uid));
    close(accepted);
    close(kept);
    pid = connect_as_child(listener, true, &accepted, &kept);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_false(cgroup_peer_is_outside(accepted, &uid)); /* a zombie is in no group of version 1 */
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    close(accepted);
    close(kept);
    close(listener);
}

/* A new process with this number; -1: only root of the pid namespace may choose one. */
static pid_t fork_as(pid_t pid)
{
    struct clone_args args = {.exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&pid, .set_tid_size = 1};
    pid_t got = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    while (got == 0)
        pause();
    return got;
}

/* The number of the process that connected is given to another one, which is outside of all workloads. */
static void test_a_number_that_is_used_again_is_another_process(void **state)
{
    int accepted, kept, process;
    uid_t uid;
    socklen_t size = sizeof process;
    (void)state;
    int listener = listen_somewhere();
    pid_t pid = connect_as_child(listener, true, &accepted, &kept);
    bool got = getsockopt(accepted, SOL_SOCKET, PEER_PIDFD, &process, &size) == 0, known = got || errno != ENOPROTOOPT;
    if (got)
        close(process);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    pid_t other = known ? fork_as(pid) : -1;
    if (other == pid) {
        bool is = true;
        struct aq_error error;
        assert_int_equal(cgroup_process_is_of_workload(other, &is, &error), 0);
        assert_false(is);
        assert_false(cgroup_peer_is_outside(accepted, &uid));
    }
    if (other > 0)
        end_child(other);
    close(accepted);
    close(kept);
    close(listener);
    if (other < 0)
        skip(); /* the kernel is older than 6.5, or this is not root */
}

static void test_a_node_name_stays_in_its_place(void **state)
{
    (void)state;
    struct cgroup_host host = {0};
    struct cgroup group;
    cgroup_name(&group, &host, "../../x", UINT64_MAX);
    assert_string_equal(group.name, "aquarium/_._.._x/r18446744073709551615");
    cgroup_name(&group, &host, "", 1);
    assert_string_equal(group.name, "aquarium/_/r1");
}

static void test_without_any_group_nothing_fails(void **state)
{
    (void)state;
    struct cgroup_host host = {0};
    struct cgroup group;
    struct aq_error error;
    const struct cgroup_limits limits = {.cpu_milli = 100, .memory_bytes = 1 << 24, .pids = 3};
    cgroup_name(&group, &host, "none", 1);
    assert_int_equal(cgroup_make(&group, &limits, &error), 0);
    assert_int_equal(group.lacking, 7);
    assert_false(cgroup_exists(&group));
    assert_int_equal(cgroup_join(&group, false, &error), 0);
    assert_int_equal(cgroup_open_unified(&group), -1);
    cgroup_kill(&group);
    cgroup_signal(&group, SIGTERM);
    assert_true(cgroup_is_empty(&group));
    assert_false(cgroup_ran_out_of_memory(&group));
    assert_int_equal(cgroup_remove(&group), 0);
}

static void file_put(const char *root, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void file_expect(const char *root, const char *name, const char *expected)
{
    char path[256];
    char text[64] = "";
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    assert_string_equal(text, expected);
}

/* Version 2 with all controllers, which not every host has: plain files show what is written where. */
static void test_limits_of_version_2(void **state)
{
    struct rig *rig = *state;
    struct cgroup_host host = {0};
    struct cgroup group;
    struct aq_error error;
    const struct cgroup_limits limits = {.cpu_milli = 250, .memory_bytes = 1 << 20, .pids = 7};
    struct cgroup_limits io = {.written_bytes = 4096, .directory = -1};
    snprintf(host.unified, sizeof host.unified, "%s", rig->base);
    for (int i = 0; i < CGROUP_CONTROLLERS; i++)
        host.in_unified[i] = true;
    cgroup_name(&group, &host, "n", 1);
    assert_int_equal(cgroup_make(&group, &limits, &error), 0);
    assert_int_equal(group.lacking, 7); /* the controllers are not enabled yet */
    file_put(rig->base, "cgroup.subtree_control", "");
    file_put(rig->base, "aquarium/cgroup.subtree_control", "");
    file_put(rig->base, "aquarium/n/cgroup.subtree_control", "");
    cgroup_name(&group, &host, "n", 1);
    assert_int_equal(cgroup_make(&group, &limits, &error), -1);
    assert_non_null(strstr(error.message, "cpu.max: No such file or directory"));
    static const char *const files[] = {"cpu.max", "memory.max", "memory.swap.max", "pids.max"};
    static const char *const values[] = {"25000 100000", "1048576", "0", "7"};
    char name[64];
    for (size_t i = 0; i < AQ_LENGTH(files); i++) {
        snprintf(name, sizeof name, "aquarium/n/r1/%s", files[i]);
        file_put(rig->base, name, "");
    }
    assert_int_equal(cgroup_make(&group, &limits, &error), 0);
    assert_int_equal(group.lacking, 0);
    for (size_t i = 0; i < AQ_LENGTH(files); i++) {
        snprintf(name, sizeof name, "aquarium/n/r1/%s", files[i]);
        file_expect(rig->base, name, values[i]);
    }
    file_expect(rig->base, "aquarium/n/cgroup.subtree_control", "+pids");
    assert_int_equal(cgroup_make(&group, &io, &error), 0);
    assert_int_equal(group.lacking, 1 << CGROUP_IO); /* its disk is not known */
    char disk[24], expected[64];
    io.directory = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (cgroup_disk_of(io.directory, disk)) {
        file_put(rig->base, "aquarium/n/r1/io.max", "");
        assert_int_equal(cgroup_make(&group, &io, &error), 0);
        snprintf(expected, sizeof expected, "%s wbps=4096", disk);
        file_expect(rig->base, "aquarium/n/r1/io.max", expected);
    }
    close(io.directory);
    file_expect(rig->base, "aquarium/n/cgroup.subtree_control", "+io");
    assert_false(cgroup_ran_out_of_memory(&group));
    file_put(rig->base, "aquarium/n/r1/memory.events", "low 0\noom 1\noom_kill 1\n");
    assert_true(cgroup_ran_out_of_memory(&group));
    file_put(rig->base, "aquarium/n/r1/cgroup.events", "populated 1\nfrozen 0\n");
    assert_false(cgroup_is_empty(&group));
    file_put(rig->base, "aquarium/n/r1/cgroup.kill", "");
    cgroup_kill(&group);
    file_expect(rig->base, "aquarium/n/r1/cgroup.kill", "1");
}

/* A process in a group, and one in a group inside that. */
static pid_t sleeper_in(const struct cgroup *group)
{
    struct aq_error error;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (cgroup_join(group, false, &error) != 0)
            _exit(1);
        for (;;)
            pause();
    }
    return pid;
}

static void test_a_group_holds_and_ends_a_tree(void **state)
{
    struct rig *rig = *state;
    struct cgroup_host host;
    struct cgroup group;
    struct cgroup inner;
    struct aq_error error;
    const struct cgroup_limits limits = {.pids = 10};
    cgroup_host_read(&host);
    cgroup_name(&group, &host, rig->node, 1);
    assert_int_equal(cgroup_make(&group, &limits, &error), 0);
    if (!cgroup_exists(&group))
        skip();
    inner = group;
    snprintf(inner.name + strlen(inner.name), 8, "/inner");
    assert_int_equal(cgroup_make(&inner, &(struct cgroup_limits){0}, &error), 0);
    rig->used = 1; /* for the teardown */
    pid_t pids[2] = {sleeper_in(&group), sleeper_in(host.unified[0] != '\0' ? &group : &inner)};
    for (int i = 0; i < 10000 && cgroup_is_empty(&group); i++)
        usleep(1000);
    assert_false(cgroup_is_empty(&group));
    assert_int_equal(cgroup_remove(&group), -1);
    for (int i = 0; i < 2; i++) {
        int status;
        while (waitpid(pids[i], &status, WNOHANG) == 0) {
            cgroup_kill(&group);
            usleep(1000);
        }
        assert_int_equal(WTERMSIG(status), SIGKILL);
    }
    for (int i = 0; i < 10000 && !cgroup_is_empty(&group); i++)
        usleep(1000);
    assert_true(cgroup_is_empty(&group));
    assert_int_equal(cgroup_remove(&group), 0);
    assert_false(cgroup_exists(&group));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mounts_are_found),
        cmocka_unit_test(test_limits_are_finite),
        cmocka_unit_test(test_processes_of_workloads_are_known_by_their_groups),
        cmocka_unit_test(test_a_peer_that_has_ended_is_nobody),
        cmocka_unit_test(test_a_number_that_is_used_again_is_another_process),
        cmocka_unit_test(test_a_node_name_stays_in_its_place),
        cmocka_unit_test(test_without_any_group_nothing_fails),
        cmocka_unit_test_setup_teardown(test_limits_of_version_2, setup_test, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_group_holds_and_ends_a_tree, setup_test, rig_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
