/* The `container` driver with a real runtime: how a container, and a command in it, is limited and shut in. */
#include "tests/lib/container_rig.h"

#include "drivers/cgroup/cgroup.h"
#include "drivers/container/bundle.h"
#include "drivers/container/slots.h"
#include "schema/base/clock.h"
#include "schema/base/files.h"
#include "tests/lib/directory.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_its_root_is_not_the_hosts(void **state)
{
    struct rig *rig = container_rig(state);
    const char *text = container_run_output(
        rig,
        "{" CONTAINER_IMAGE
        ",'command':'cat /proc/self/uid_map; grep -E \\u0022CapEff|NoNewPrivs|Seccomp:\\u0022 /proc/self/status'}");
    assert_null(strstr(text, " 0          0 4294967295"));
    assert_has(text, "NoNewPrivs:\t1");
    assert_has(text, "Seccomp:\t2");
    assert_null(strstr(text, "CapEff:\t000001ffffffffff"));
    text = container_run_output(
        rig, "{" CONTAINER_IMAGE
             ",'command':'mount -t tmpfs x /srv; grep -c /srv /proc/mounts; mknod /tmp/d b 8 0; echo 1 > "
             "/proc/sys/kernel/panic; ls /proc | grep -c \\u0022^[0-9]\\u0022'}");
    assert_has(text, "\n0\n"); /* nothing was mounted */
    assert_has(text, "mknod: /tmp/d: Operation not permitted");
    assert_has(text, "can't create /proc/sys/kernel/panic: Read-only file system");
}

/* A runtime makes the container's user the owner of its input, and owners change modes: of /dev/null for all the host.
 */
static void assert_input(struct rig *rig)
{
    const char *text = container_run_output(
        rig, "{" CONTAINER_IMAGE ",'command':'test -c /dev/stdin && echo device; cat /dev/stdin; echo x 2>/dev/null "
             ">/dev/stdin; cat /dev/stdin; echo end','network':'none'}");
    assert_string_equal(text, "end\n");
}

static void test_its_input_is_no_device_of_the_host(void **state)
{
    assert_input(container_rig(state));
}

static void test_its_input_with_runc(void **state)
{
    struct rig *rig = container_rig(state);
    if (access("/usr/sbin/runc", X_OK) != 0)
        skip();
    container_configure(rig, "container.runtime=runc");
    assert_input(rig);
}

/* They would make it root with all capabilities there, with which most faults of kernels begin. */
static void test_it_makes_no_namespaces(void **state)
{
    struct rig *rig = container_rig(state);
    const char *text = container_run_output(
        rig, "{" CONTAINER_IMAGE ",'command':'echo begin; unshare --user true && echo new users; unshare "
             "--mount true && echo new mounts; echo end'}");
    assert_has(text, "begin\n");
    assert_has(text, "end\n");
    assert_has(text, "Operation not permitted");
    assert_null(strstr(text, "new users"));
    assert_null(strstr(text, "new mounts"));
}

/* The C library takes minutes for a line of 16 MiB, and no other container starts meanwhile. */
static void test_files_of_users_have_a_bound(void **state)
{
    struct bundle_user user;
    struct aq_error error;
    char directory[64];
    (void)state;
    test_make_directory(directory, sizeof directory, "/tmp", "aq-users");
    container_on_host("mkdir %s/etc", directory);
    container_on_host("head -c 1048577 /dev/zero | tr '\\000' a >%s/etc/passwd", directory);
    AQ_CLEANUP_FD int root = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(bundle_find_user(&user, "user", root, &error), -1);
    assert_string_equal(error.message, "file /etc/passwd of the image: it is larger than 1048576 bytes");
    container_on_host("echo user:x:7:8::/:/bin/sh >%s/etc/passwd", directory);
    assert_int_equal(bundle_find_user(&user, "user", root, &error), 0);
    assert_int_equal(user.uid, 7);
    json_decref(user.groups);
    container_on_host("truncate -s 2M %s/etc/group", directory);
    assert_int_equal(bundle_find_user(&user, "user", root, &error), -1);
    assert_has(error.message, "file /etc/group of the image");
    test_remove_tree(directory);
}

static void assert_limits(struct rig *rig, uint64_t ram_mib)
{
    struct cgroup_host host;
    cgroup_host_read(&host);
    if (host.version1[CGROUP_MEMORY][0] == '\0' && !host.in_unified[CGROUP_MEMORY])
        skip();
    rig_start_spec(rig,
                   "{" CONTAINER_IMAGE ",'command':['sh','-c','exec dd if=/dev/zero of=/dev/null bs=256M count=1']}",
                   (struct driver_spec){.metadata_json = "{}", .ram_mib = ram_mib});
    struct rig_workload *seen = &rig->seen[rig->used];
    rig_await(rig, &seen->ended);
    assert_int_equal(seen->exit_status, 128 + SIGKILL);
    assert_has(seen->reason, "out of memory");
    if (host.version1[CGROUP_PIDS][0] == '\0' && !host.in_unified[CGROUP_PIDS])
        return;
    const char *many =
        "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33";
    char options[512];
    snprintf(options, sizeof options, "{" CONTAINER_IMAGE ",'pids':32,'command':'%s; do sleep 2 & done; wait'}", many);
    assert_has(container_run_output(rig, options), "can't fork");
}

static void test_limits(void **state)
{
    assert_limits(container_rig(state), 16);
}

static void test_limits_with_runc(void **state)
{
    struct rig *rig = container_rig(state);
    if (access("/usr/sbin/runc", X_OK) != 0)
        skip();
    container_configure(rig, "container.runtime=runc");
    assert_limits(rig, 128); /* it needs more itself */
}

static void test_a_disk_is_a_limit(void **state)
{
    struct rig *rig = container_rig(state);
    rig_start_spec(rig,
                   "{" CONTAINER_IMAGE ",'command':'dd if=/dev/zero of=/fill bs=1M count=64 2>/dev/null; echo full $?;"
                   " rm /fill; echo room > /fill; cat /fill'}",
                   (struct driver_spec){.metadata_json = "{}", .disk_mib = 16});
    struct rig_workload *seen = &rig->seen[rig->used];
    while (seen->ended + seen->failed == 0)
        rig_turn(rig, 100);
    if (seen->failed > 0 && strstr(seen->reason, "disk: this host") != NULL)
        skip(); /* has no loop devices */
    assert_string_equal(seen->reason, "exit status 0");
    assert_has(container_output(rig), "full 1\nroom\n");
}

static void test_too_little_memory_to_start(void **state)
{
    struct rig *rig = container_rig(state);
    struct cgroup_host host;
    cgroup_host_read(&host);
    if (host.version1[CGROUP_MEMORY][0] == '\0' && !host.in_unified[CGROUP_MEMORY])
        skip();
    rig_start_spec(rig, "{" CONTAINER_IMAGE ",'command':['true']}",
                   (struct driver_spec){.metadata_json = "{}", .ram_mib = 1});
    struct rig_workload *seen = &rig->seen[rig->used];
    while (seen->ended + seen->failed == 0)
        rig_turn(rig, 100);
    assert_has(seen->reason, "memory"); /* The kernel ends the runtime, or gives it none and the runtime says so. */
    assert_false(rig_has_group(rig, rig->used));
}

enum { COMMAND = 77 };

/* Returns the read end of its standard output and error. */
static int start_command(struct rig *rig, uint64_t resource, const char *script)
{
    const char *const arguments[] = {"/bin/sh", "-c", script, NULL};
    int ends[2], nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct aq_error error;
    assert_int_equal(pipe(ends), 0);
    const struct driver_command command = {.number = COMMAND,
                                           .resource = resource,
                                           .arguments = arguments,
                                           .input = nothing,
                                           .output = ends[1],
                                           .errors = ends[1]};
    rig->now = aq_clocks_read();
    if (rig->type->command(rig->driver, &command, &error) != 0)
        fail_msg("%s", error.message);
    close(ends[1]);
    close(nothing);
    return ends[0];
}

/* All that a command writes. */
static const char *read_to_end(int fd)
{
    static char text[4096];
    size_t length = 0;
    for (ssize_t got; length < sizeof text - 1 && (got = read(fd, text + length, sizeof text - 1 - length)) > 0;)
        length += (size_t)got;
    text[length] = '\0';
    close(fd);
    return text;
}

static const char show_confinement[] =
    "id -u; pwd; echo $X; grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status; ls /proc/1/exe";

static void assert_shut_in(const char *text)
{
    assert_has(text, "1000\n/home\ny\n");
    assert_has(text, "CapEff:\t0000000000000000");
    assert_has(text, "NoNewPrivs:\t1");
    assert_has(text, "Seccomp:\t2");
}

#define SHUT_IN                                                                                                        \
    "{" CONTAINER_IMAGE ",'user':'user','environment':{'X':'y'},'command':'while :; do sleep 0.1; "                    \
    "done','stop_grace':0}"

static void test_commands_are_shut_in_as_well(void **state)
{
    struct rig *rig = container_rig(state);
    uint64_t resource;
    for (int i = 0; i < 2; i++) {
        rig_start_running(rig, SHUT_IN, &resource);
        assert_shut_in(read_to_end(start_command(rig, resource, show_confinement)));
        rig->type->stop(rig->driver, resource);
        rig_await(rig, &rig->seen[resource].ended);
        if (access("/usr/sbin/runc", X_OK) != 0)
            break;
        container_configure(rig, "container.runtime=runc");
    }
}

/* A runtime whose container is halted before its process becomes the program, though the runtime has said that it has
 * started: `run` is made of `create`, SIGSTOP and `start`. (runc waits here until its process goes on.) */
static const char halting_runtime[] = "#!/bin/sh\n"
                                      "case \" $* \" in *' run '*) ;; *) exec crun \"$@\" ;; esac\n"
                                      "while [ $1 != run ]; do all=\"$all $1\"; shift; done\n"
                                      "crun $all create --bundle $4 --pid-file $6 $7 || exit\n"
                                      "kill -STOP $(cat $6)\n"
                                      "exec crun $all start $7\n";

static void test_a_command_waits_until_the_program_begins(void **state)
{
    struct rig *rig = container_rig(state);
    char path[96], setting[128];
    if (system("command -v crun > /dev/null") != 0)
        skip();
    snprintf(path, sizeof path, "%s/crun-halting", rig->base);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(halting_runtime, file);
    fclose(file);
    assert_int_equal(chmod(path, 0755), 0);
    snprintf(setting, sizeof setting, "container.runtime=%s", path);
    container_configure(rig, setting);
    uint64_t resource;
    struct rig_workload *seen = rig_start_running(rig, SHUT_IN, &resource);
    int fd = start_command(rig, resource, show_confinement);
    struct pollfd output = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&output, 1, 300), 0); /* the program cannot begin before SIGCONT */
    rig->type->end_command(rig->driver, COMMAND);
    assert_string_equal(read_to_end(fd), ""); /* it ends, though it waits */
    rig_turn(rig, 1000);
    fd = start_command(rig, resource, show_confinement);
    assert_int_equal(kill(seen->pid, SIGCONT), 0);
    assert_shut_in(read_to_end(fd));
    rig->type->stop(rig->driver, resource);
    rig_await(rig, &seen->ended);
}

/* A runtime that gets the rules alone, without the program that is compiled from them. */
static const char plain_runtime[] =
    "#!/bin/sh\n"
    "for word in \"$@\"; do [ \"$last\" = --bundle ] && bundle=$word; last=$word; done\n"
    "grep -q seccomp_bpf_data $bundle/config.json || exit\n"
    "sed -i 's/\"run.oci.seccomp_bpf_data\":\"[^\"]*\"//' $bundle/config.json\n"
    "exec crun \"$@\"\n";

/* The filter that crun has given to the kernel, from its directory of states. */
static size_t read_program(struct rig *rig, uint64_t resource, char bytes[65536])
{
    char path[128], line[128], name[16] = "";
    snprintf(path, sizeof path, "%s/container", rig_directory(rig, resource));
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL && sscanf(line, "name %15s", name) != 1)
        ;
    fclose(file);
    snprintf(path, sizeof path, SLOTS_RUNTIME "/%s/seccomp.bpf", name);
    file = fopen(path, "re");
    assert_non_null(file);
    size_t length = fread(bytes, 1, 65536, file);
    fclose(file);
    return length;
}

static void test_the_filter_is_what_crun_compiles(void **state)
{
    static char ours[65536], theirs[65536];
    struct rig *rig = container_rig(state);
    char path[96], setting[128];
    uint64_t resource;
    if (system("command -v crun > /dev/null") != 0)
        skip();
    rig_start_running(rig, SHUT_IN, &resource);
    size_t length = read_program(rig, resource, ours);
    snprintf(path, sizeof path, "%s/crun-plain", rig->base);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(plain_runtime, file);
    fclose(file);
    assert_int_equal(chmod(path, 0755), 0);
    snprintf(setting, sizeof setting, "container.runtime=%s", path);
    container_configure(rig, setting);
    rig_start_running(rig, SHUT_IN, &resource);
    assert_true(length > 0);
    assert_int_equal(length, read_program(rig, resource, theirs));
    assert_memory_equal(ours, theirs, length);
}

static void test_mounts(void **state)
{
    struct rig *rig = container_rig(state);
    char options[512], path[96];
    snprintf(path, sizeof path, "%s/data", rig->base);
    mkdir(path, 0777);
    chmod(path, 0777);
    container_on_host("echo hello > %s/note", path);
    snprintf(options, sizeof options,
             "{" CONTAINER_IMAGE ",'mounts':['%s:/srv/data'],'command':'cat /srv/data/note; echo x > /srv/data/y'}",
             path);
    assert_has(container_run_output(rig, options), "hello\n/bin/sh: can't create /srv/data/y: Read-only file system");
    snprintf(options, sizeof options, "{" CONTAINER_IMAGE ",'mounts':['%s:/data:rw'],'command':'echo x > /data/y'}",
             path);
    container_run_output(rig, options);
    snprintf(path, sizeof path, "%s/data/y", rig->base);
    assert_int_equal(access(path, F_OK), 0);
    const char *const none[] = {NULL};
    rig_allow(rig, none);
    assert_has(container_fail_reason(rig, "{" CONTAINER_IMAGE ",'mounts':['/etc:/data'],'command':['true']}"),
               "allow.directories");
    assert_has(container_fail_reason(rig, "{'image':'oci:busybox:1','network':'host'}"), "container.host_network");
    assert_has(container_fail_reason(rig, "{'image':'oci:busybox:1','ports':['80:80']}"), "container.ports");
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, container_rig_setup, container_rig_teardown)
    const struct CMUnitTest tests[] = {
        T(test_its_root_is_not_the_hosts),
        T(test_it_makes_no_namespaces),
        cmocka_unit_test(test_files_of_users_have_a_bound),
        T(test_its_input_is_no_device_of_the_host),
        T(test_its_input_with_runc),
        T(test_limits),
        T(test_limits_with_runc),
        T(test_a_disk_is_a_limit),
        T(test_too_little_memory_to_start),
        T(test_commands_are_shut_in_as_well),
        T(test_a_command_waits_until_the_program_begins),
        T(test_the_filter_is_what_crun_compiles),
        T(test_mounts),
    };
    return cmocka_run_group_tests_name("drivers: container, isolation", tests, container_rig_group_setup,
                                       container_rig_group_teardown);
}
