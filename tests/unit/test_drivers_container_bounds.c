/* The `container` driver with programs that do not end: each of their calls has a bound. */
#include "tests/lib/container_rig.h"

#include "drivers/cgroup/cgroup.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* Has the agent use this shell script as the runtime. The directory of the rig is $BASE in it. */
static void use_runtime(struct rig *rig, const char *script)
{
    char path[96], setting[128], images[128];
    snprintf(path, sizeof path, "%s/runtime", rig->base);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\nBASE=%s\n%s", rig->base, script);
    fclose(file);
    assert_int_equal(chmod(path, 0755), 0);
    snprintf(setting, sizeof setting, "container.runtime=%s", path);
    snprintf(images, sizeof images, "container.images=%s", container_images);
    rig_configure(rig, (const char *const[]){images, setting, "container.call_time=1s", NULL});
}

static pid_t noted_pid(const struct rig *rig, const char *name)
{
    char path[96], line[32] = "";
    snprintf(path, sizeof path, "%s/%s", rig->base, name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    fclose(file);
    return atoi(line);
}

static void test_a_runtime_that_hangs_is_ended(void **state)
{
    struct rig *rig = container_rig(state);
    use_runtime(rig, "echo $$ >$BASE/parent\n"
                     "(trap '' TERM; exec sleep 3600) & echo $! >$BASE/child\n"
                     "setsid sleep 3600 & echo $! >$BASE/other\n"
                     "wait\n");
    assert_has(container_fail_reason(rig, "{" CONTAINER_IMAGE ",'command':'true'}"),
               "runtime took too long, and was ended (container.call_time of the agent)");
    assert_false(rig_is_alive(noted_pid(rig, "parent")));
    assert_false(rig_is_alive(noted_pid(rig, "child")));
    assert_false(rig_is_alive(noted_pid(rig, "other")));
    container_configure(rig, NULL);
    assert_int_equal(container_run(rig, "{" CONTAINER_IMAGE ",'command':'exit 4'}")->exit_status, 4);
}

static void test_a_start_that_hangs_leaves_no_container(void **state)
{
    struct rig *rig = container_rig(state);
    if (system("command -v crun > /dev/null") != 0)
        skip();
    use_runtime(rig, "crun --cgroup-manager=disabled \"$@\" || exit\n"
                     "sleep 3600\n");
    assert_has(container_fail_reason(rig, "{" CONTAINER_IMAGE ",'command':['sleep','3600']}"), "took too long");
}

/* Hides control groups of version 2 from this process. Returns whether there are those of version 1. */
static bool have_version_1_alone(void)
{
    struct cgroup_host host;
    cgroup_host_read(&host);
    if (host.version1[CGROUP_PIDS][0] == '\0')
        return false;
    assert_int_equal(unshare(CLONE_NEWNS), 0);
    assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    if (host.unified[0] != '\0')
        assert_int_equal(umount2(host.unified, MNT_DETACH), 0);
    return true;
}

/* Where there is version 1 alone, a runtime other than crun is also called when the container is over. */
static void test_a_container_ends_though_its_runtime_hangs_then(void **state)
{
    struct rig *rig = container_rig(state);
    if (system("command -v crun > /dev/null") != 0)
        skip();
    rig_close(rig);
    bool suitable = have_version_1_alone();
    rig_open(rig);
    if (!suitable)
        skip();
    use_runtime(rig, "case \" $* \" in *' delete '*) echo $$ >$BASE/parent; sleep 3600 & wait ;; esac\n"
                     "exec crun --cgroup-manager=disabled \"$@\"\n");
    assert_int_equal(container_run(rig, "{" CONTAINER_IMAGE ",'command':'exit 4'}")->exit_status, 4);
    assert_false(rig_is_alive(noted_pid(rig, "parent")));
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, container_rig_setup, container_rig_teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_runtime_that_hangs_is_ended),
        T(test_a_start_that_hangs_leaves_no_container),
        T(test_a_container_ends_though_its_runtime_hangs_then),
    };
    return cmocka_run_group_tests_name("drivers: container, bounds", tests, container_rig_group_setup,
                                       container_rig_group_teardown);
}
