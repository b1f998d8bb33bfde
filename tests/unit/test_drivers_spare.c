/* A spare keeper (drivers/keeper/spare.h): which workloads it is for, and what becomes of it. */
#include "tests/lib/driver_rig.h"

#include "drivers/keeper/files.h"
#include "drivers/keeper/workload.h"
#include "schema/base/files.h"

#include <ctype.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SHUT_IN "{'command':['sleep','1000'],'stop_grace':0}"
#define OPEN    "{'command':['sleep','1000'],'stop_grace':0,'isolate':false}"
#define ALONE   "{'command':['sleep','1000'],'stop_grace':0,'network':'none'}"

enum { PATIENCE = 20000 };

static int setup(void **state)
{
    if (geteuid() == 0)
        return rig_setup(state, "process");
    *state = NULL;
    return 0;
}

static int teardown(void **state)
{
    return *state != NULL ? rig_teardown(state) : 0;
}

static struct rig *rig_of(void **state)
{
    if (*state == NULL)
        skip();
    return *state;
}

struct child {
    const char *name;
    int parent, pid; /* pid 0: there is none */
};

static bool look_at(void *context, int proc, const char *name, unsigned char type)
{
    struct child *child = context;
    char path[288], text[512], found[32];
    int parent;
    (void)type;
    snprintf(path, sizeof path, "%s/stat", name);
    if (!isdigit((unsigned char)name[0]) || aq_file_read_text(proc, path, text, sizeof text) <= 0 ||
        sscanf(text, "%*d (%31[^)]) %*c %d", found, &parent) != 2)
        return true;
    if (parent == child->parent && strcmp(found, child->name) == 0)
        child->pid = atoi(name);
    return child->pid == 0;
}

/* Returns 0 if there is none. */
static pid_t child_of(pid_t parent, const char *name)
{
    struct child child = {.name = name, .parent = parent};
    struct aq_error error;
    AQ_CLEANUP_FD int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(aq_directory_list(proc, look_at, &child, &error), 0);
    return child.pid;
}

/* It has this name when it is ready. */
static pid_t await_spare(const struct rig *rig)
{
    for (int i = 0; i < PATIENCE; i++) {
        pid_t pid = child_of(rig->driver->nursery.pid, "aq-spare");
        if (pid != 0)
            return pid;
        usleep(1000);
    }
    fail();
    return 0;
}

static void await_end(pid_t pid)
{
    for (int i = 0; rig_is_alive(pid); i++) {
        assert_true(i < PATIENCE);
        usleep(1000);
    }
}

static pid_t keeper_of(struct rig *rig, uint64_t resource)
{
    struct keeper_state kept;
    AQ_CLEANUP_FD int directory = open(rig_directory(rig, resource), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(keeper_state_read(directory, &kept), KEEPER_READ);
    return kept.keeper.pid;
}

static pid_t start(struct rig *rig, const char *options)
{
    uint64_t resource;
    rig_start_running(rig, options, &resource);
    return keeper_of(rig, resource);
}

static void what_is_shut_in_gets_it(void **state)
{
    struct rig *rig = rig_of(state);
    uint64_t resource;
    start(rig, OPEN);
    usleep(50000);
    assert_int_equal(child_of(rig->driver->nursery.pid, "aq-spare"), 0); /* nobody needs it */
    start(rig, SHUT_IN);
    const pid_t spare = await_spare(rig);
    assert_int_not_equal(start(rig, OPEN), spare);
    assert_int_not_equal(start(rig, ALONE), spare);
    struct rig_workload *seen = rig_start_running(rig, SHUT_IN, &resource);
    assert_int_equal(keeper_of(rig, resource), spare);
    assert_int_not_equal(child_of(spare, "aq-init"), 0);
    assert_int_not_equal(await_spare(rig), spare);
    rig->type->stop(rig->driver, resource);
    rig_await(rig, &seen->ended);
    assert_int_equal(seen->exit_status, 128 + SIGKILL);
    assert_false(rig_is_alive(spare));
}

static void it_ends_with_its_process_1_and_with_the_agent(void **state)
{
    struct rig *rig = rig_of(state);
    start(rig, SHUT_IN);
    const pid_t spare = await_spare(rig), init = child_of(spare, "aq-init");
    assert_int_not_equal(init, 0);
    kill(init, SIGKILL);
    await_end(spare);
    start(rig, SHUT_IN); /* as if there had been none */
    rig_close(rig);
    rig_open(rig);
    start(rig, SHUT_IN);
    const pid_t other = await_spare(rig), other_init = child_of(other, "aq-init");
    rig_close(rig);
    await_end(other);
    await_end(other_init);
    rig_open(rig);
    for (uint64_t resource = 1; resource <= rig->used; resource++)
        rig_adopt(rig, resource);
}

/* Its names of the host are copies. */
static void it_is_not_used_when_the_host_has_another_name(void **state)
{
    struct rig *rig = rig_of(state);
    static const char name[] = "aquarium-renamed";
    rig_close(rig);
    if (unshare(CLONE_NEWUTS) != 0)
        skip();
    rig_open(rig);
    start(rig, SHUT_IN);
    const pid_t spare = await_spare(rig);
    assert_int_equal(sethostname(name, strlen(name)), 0);
    uint64_t resource = rig_start(rig, "{'command':['uname','-n']}");
    rig_await(rig, &rig->seen[resource].ended);
    assert_string_equal(rig_log(rig, resource, 100), "aquarium-renamed\n");
    await_end(spare);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(what_is_shut_in_gets_it),
        T(it_ends_with_its_process_1_and_with_the_agent),
        T(it_is_not_used_when_the_host_has_another_name),
    };
    return cmocka_run_group_tests_name("drivers: spare keepers", tests, NULL, NULL);
}
