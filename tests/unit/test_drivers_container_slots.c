/* Which slot (drivers/container/slots.h) a container gets. In a mount namespace of its own, so that no container of the
 * host takes one in between. */
#include "drivers/container/slots.h"
#include "tests/lib/container_rig.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLEEPER "{" CONTAINER_IMAGE ",'command':['sleep','3600'],'stop_grace':0}"

static const char next_file[] = SLOTS_DIRECTORY "/next";

static int group_setup(void **state)
{
    if (geteuid() == 0) {
        struct aq_error error;
        if (slots_prepare(&error) != 0 || unshare(CLONE_NEWNS) != 0 ||
            mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
            mount("tmpfs", SLOTS_DIRECTORY, "tmpfs", 0, "mode=755") != 0)
            return -1;
    }
    return container_rig_group_setup(state);
}

static unsigned next_slot(void)
{
    unsigned next;
    FILE *file = fopen(next_file, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%u", &next), 1);
    fclose(file);
    return next;
}

static void set_next_slot(unsigned slot)
{
    FILE *file = fopen(next_file, "we");
    assert_non_null(file);
    fprintf(file, "%u\n", slot);
    fclose(file);
}

static pid_t parent_of(pid_t pid)
{
    char path[64], name[64];
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*d (%63[^)]) %*c %d", name, &parent), 2);
    fclose(file);
    return parent;
}

static void test_a_slot_is_taken_while_its_container_lives(void **state)
{
    struct rig *rig = container_rig(state);
    uint64_t first, second;
    struct rig_workload *seen = rig_start_running(rig, SLEEPER, &first);
    const unsigned slot = next_slot() - 1;
    rig_close(rig); /* as if the agent were killed; and then the keeper */
    pid_t keeper = parent_of(seen->pid);
    kill(keeper, SIGKILL);
    while (parent_of(seen->pid) == keeper)
        usleep(1000);
    set_next_slot(slot);
    rig_open(rig);
    container_configure(rig, NULL);
    rig_start_running(rig, SLEEPER, &second);
    assert_true(rig_is_alive(seen->pid));
    assert_int_equal(next_slot(), slot + 2);
    rig_adopt(rig, first);
    rig_await(rig, &seen->ended);
    assert_has(seen->reason, "its keeper was killed");
    set_next_slot(slot);
    rig_start_running(rig, SLEEPER, &second);
    assert_int_equal(next_slot(), slot + 1);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, container_rig_setup, container_rig_teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_slot_is_taken_while_its_container_lives),
    };
    return cmocka_run_group_tests_name("drivers: container, slots", tests, group_setup, container_rig_group_teardown);
}
