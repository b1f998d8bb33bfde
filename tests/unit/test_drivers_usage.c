/* What is read of control groups, of processes and of network devices. Groups are directories with the files that a
 * kernel would show. */
#include "drivers/cgroup/cgroup.h"
#include "drivers/keeper/devices.h"
#include "schema/base/files.h"
#include "schema/model/usage.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/directory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64];
static struct cgroup_host host;
static struct cgroup group;

static void make_group(const char *hierarchy)
{
    static const char *const parts[] = {"", "/aquarium", "/aquarium/one", "/aquarium/one/r7"};
    char path[256];
    for (size_t i = 0; i < AQ_LENGTH(parts); i++) {
        snprintf(path, sizeof path, "%s/%s%s", directory, hierarchy, parts[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
}

static int set_up(void **state)
{
    (void)state;
    test_make_directory(directory, sizeof directory, "/tmp", "aquarium-test");
    host = (struct cgroup_host){0};
    snprintf(host.unified, sizeof host.unified, "%s/unified", directory);
    make_group("unified");
    make_group("memory");
    make_group("cpu");
    cgroup_name(&group, &host, "one", 7);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_remove_tree(directory);
    return 0;
}

static void put(const char *hierarchy, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s/aquarium/one/r7/%s", directory, hierarchy, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static struct cgroup_usage read_group(void)
{
    struct cgroup_usage usage = {0};
    cgroup_read_usage(&group, &usage, 1);
    return usage;
}

static void version_2_tells_all_of_it(void **state)
{
    (void)state;
    put("unified", "cpu.stat", "usage_usec 123456\nuser_usec 100000\nsystem_usec 23456\n");
    put("unified", "memory.current", "10000000\n");
    put("unified", "memory.stat", "anon 5000000\nfile 5000000\nslab_inactive_file 9\ninactive_file 4000000\n");
    put("unified", "io.stat",
        "8:0 rbytes=4096 wbytes=100 rios=1 wios=1 dbytes=7 dios=0\n8:16 rbytes=1000 wbytes=0 rios=1 wios=0\n");
    const struct cgroup_usage usage = read_group();
    assert_int_equal(usage.cpu_us, aq_some(123456));
    assert_int_equal(usage.memory, aq_some(6000000));
    assert_int_equal(usage.read, aq_some(5096));
    assert_int_equal(usage.written, aq_some(100));
}

static void version_1_tells_what_it_has(void **state)
{
    (void)state;
    snprintf(host.version1[CGROUP_MEMORY], CGROUP_ROOT_SIZE, "%s/memory", directory);
    snprintf(host.version1[CGROUP_CPU], CGROUP_ROOT_SIZE, "%s/cpu", directory);
    put("memory", "memory.usage_in_bytes", "8192\n");
    put("memory", "memory.stat", "inactive_file 1\ntotal_inactive_file 9000\n");
    put("cpu", "cpuacct.usage", "5000000\n");
    const struct cgroup_usage usage = read_group();
    assert_int_equal(usage.cpu_us, aq_some(5000)); /* of nanoseconds */
    assert_int_equal(usage.memory, aq_some(0));    /* the two files are not of the same moment */
    assert_int_equal(usage.read, 0);
}

static void what_no_file_tells_the_processes_do(void **state)
{
    (void)state;
    char pid[32];
    snprintf(pid, sizeof pid, "%d\n2147483647\n", (int)getpid()); /* the other one has just ended */
    put("unified", "cgroup.procs", pid);
    const struct cgroup_usage usage = read_group();
    assert_in_range(usage.memory, 100 << 10, 1 << 30);
    assert_int_equal(usage.cpu_us, 0);
    if (access("/proc/self/io", R_OK) == 0)
        assert_int_not_equal(usage.read, 0);
    assert_int_equal(usage.read != 0, usage.written != 0);
}

static void of_too_many_processes_nothing_is_told(void **state)
{
    (void)state;
    AQ_CLEANUP_BUFFER struct aq_buffer pids = {0};
    for (int i = 0; i < 1000; i++)
        aq_buffer_format(&pids, "%d\n", (int)getpid());
    put("unified", "cgroup.procs", aq_buffer_string(&pids));
    assert_int_equal(read_group().memory, 0); /* rather than a part of it */
}

static void a_group_that_is_not_there_uses_nothing_that_is_known(void **state)
{
    (void)state;
    struct cgroup other;
    struct cgroup_usage usage = {0};
    cgroup_name(&other, &host, "one", 8);
    cgroup_read_usage(&other, &usage, 1);
    assert_int_equal(usage.cpu_us + usage.memory + usage.read + usage.written, 0);
}

/* Where no file tells the processor time, nothing says that a group is at rest. */
static void what_is_at_rest_is_not_read_again_soon(void **state)
{
    (void)state;
    const uint64_t later_ms = 1 + CGROUP_USAGE_REST_MS;
    put("unified", "memory.current", "4096\n");
    struct cgroup_usage usage = read_group();
    put("unified", "memory.current", "8192\n");
    cgroup_read_usage(&group, &usage, 2);
    assert_int_equal(usage.memory, aq_some(8192));

    put("unified", "cpu.stat", "usage_usec 7\n");
    usage = read_group();
    put("unified", "memory.current", "4096\n");
    cgroup_read_usage(&group, &usage, later_ms - 1);
    assert_int_equal(usage.memory, aq_some(8192));
    cgroup_read_usage(&group, &usage, later_ms);
    assert_int_equal(usage.memory, aq_some(4096));
    put("unified", "memory.current", "8192\n");
    put("unified", "cpu.stat", "usage_usec 8\n");
    cgroup_read_usage(&group, &usage, later_ms + 1);
    assert_int_equal(usage.cpu_us, aq_some(8));
    assert_int_equal(usage.memory, aq_some(8192));
}

static void devices_are_found_by_name(void **state)
{
    (void)state;
    struct devices devices = {0};
    const struct device_counters *lo = devices_find(&devices, "lo", 1);
    assert_non_null(lo);
    assert_int_equal(lo->received, lo->sent); /* what goes out there comes in there */
    assert_null(devices_find(&devices, "l", 1));
    assert_null(devices_find(&devices, "nothing-has-this-name", 2));
    devices_free(&devices);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(version_2_tells_all_of_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(version_1_tells_what_it_has, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_no_file_tells_the_processes_do, set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_too_many_processes_nothing_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_group_that_is_not_there_uses_nothing_that_is_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_at_rest_is_not_read_again_soon, set_up, tear_down),
        cmocka_unit_test(devices_are_found_by_name),
    };
    return cmocka_run_group_tests_name("drivers: usage", tests, NULL, NULL);
}
