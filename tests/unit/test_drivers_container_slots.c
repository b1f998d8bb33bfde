/* Which slot (drivers/container/slots.h) a container gets. In a mount namespace of its own, so that no container of the
 * host takes one in between. */
#include "drivers/container/slots.h"

#include "drivers/container/locks.h"
#include "schema/base/clock.h"
#include "schema/base/files.h"
#include "tests/lib/container_rig.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

static const char first_user_file[] = SLOTS_DIRECTORY "/first_user";

static void set_first_user(const char *text)
{
    FILE *file = fopen(first_user_file, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* As if another agent of the host had started containers with other settings. */
static void test_users_begin_at_the_same_number(void **state)
{
    struct rig *rig = container_rig(state);
    uint64_t first;
    set_first_user("100000\n"); /* none of them runs any more */
    struct rig_workload *seen = rig_start_running(rig, SLEEPER, &first);
    char text[32] = "";
    FILE *file = fopen(first_user_file, "re");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    assert_string_equal(text, "1879048192\n");
    set_first_user("100000\n");
    const struct rig_workload *refused = &rig->seen[rig_start(rig, SLEEPER)];
    rig_await(rig, &refused->failed);
    assert_int_equal(refused->failed, 1);
    assert_has(refused->reason,
               "container.first_user of the agent is 1879048192, but containers run on this host whose "
               "users begin at 100000");
    set_first_user(text);
    rig->type->stop(rig->driver, first);
    rig_await(rig, &seen->ended);
}

/* As a process that was stopped while it had the lock. Returns a descriptor, for close(). */
static int hold(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    return fd;
}

static void test_nobody_waits_for_ever(void **state)
{
    struct rig *rig = container_rig(state);
    uint64_t first, second;
    struct aq_error error;
    struct rig_workload *before = rig_start_running(rig, SLEEPER, &first);
    const int next = hold(next_file), turn = hold(SLOTS_DIRECTORY "/turn-0");
    struct rig_workload *seen = rig_start_running(rig, SLEEPER, &second);
    assert_true(rig_is_alive(before->pid) && rig_is_alive(seen->pid));
    AQ_CLEANUP_FD int mine = slots_await_turn(0, 0, &error);
    assert_true(mine >= 0);

    set_first_user("100000\n");
    const struct rig_workload *refused = &rig->seen[rig_start(rig, SLEEPER)];
    rig_await(rig, &refused->failed);
    assert_int_equal(refused->failed, 1);
    assert_has(refused->reason,
               "the lock " SLOTS_DIRECTORY "/next cannot be had: the process that has it may be stopped");
    set_first_user("1879048192\n");
    close(next);
    close(turn);
}

static void test_a_lock_is_waited_for(void **state)
{
    static const char path[] = SLOTS_DIRECTORY "/lock";
    struct aq_error error;
    (void)state;
    int lock = hold(path);
    pid_t pid = fork();
    if (pid == 0) {
        close(lock);
        _exit(lock_open(path, LOCK_EX, aq_clock_boot_ms() + 60000, &error) >= 0 ? 0 : 1);
    }
    assert_int_equal(lock_open(path, LOCK_EX, 0, &error), -1);
    assert_int_equal(error.code, AQ_E_BUSY);
    close(lock);
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, container_rig_setup, container_rig_teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_slot_is_taken_while_its_container_lives),
        T(test_users_begin_at_the_same_number),
        T(test_nobody_waits_for_ever),
        T(test_a_lock_is_waited_for),
    };
    return cmocka_run_group_tests_name("drivers: container, slots", tests, group_setup, container_rig_group_teardown);
}
