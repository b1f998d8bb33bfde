/* What the conformance suite does to workloads that have a keeper. */
#include "drivers/cgroup/cgroup.h"
#include "drivers/keeper/files.h"
#include "schema/base/files.h"
#include "tests/lib/conformance.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool finds_groups(void)
{
    struct cgroup_host host;
    struct cgroup group;
    struct aq_error ignored;
    cgroup_host_read(&host);
    cgroup_name(&group, &host, "conformance", (uint64_t)getpid());
    bool made = cgroup_make(&group, &(struct cgroup_limits){0}, &ignored) == 0 && cgroup_exists(&group);
    return made && cgroup_remove(&group) == 0;
}

static bool limits_memory(void)
{
    struct cgroup_host host;
    cgroup_host_read(&host);
    return host.version1[CGROUP_MEMORY][0] != '\0' || host.in_unified[CGROUP_MEMORY];
}

static bool has_group(struct rig *rig, uint64_t resource)
{
    pid_t pid = rig->seen[resource].pid;
    return rig_has_group(rig, resource) || (pid > 0 && rig_is_alive(pid));
}

static void kill_main(struct rig *rig, uint64_t resource)
{
    assert_true(rig->seen[resource].pid > 0);
    kill(rig->seen[resource].pid, SIGKILL);
}

static void read_state(struct rig *rig, uint64_t resource, struct keeper_state *state)
{
    AQ_CLEANUP_FD int directory = open(rig_directory(rig, resource), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(keeper_state_read(directory, state), KEEPER_READ);
}

static void write_state(struct rig *rig, uint64_t resource, const struct keeper_state *state, const char *boot)
{
    char path[128];
    snprintf(path, sizeof path, "%s/state", rig_directory(rig, resource));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file,
            "aquarium-process 1\nboot %s\nkeeper %d %" PRIu64 "\nstop_grace %u\nkept\nmain %d %" PRIu64 " lacking 0\n",
            boot, state->keeper.pid, state->keeper.start_ticks, state->stop_grace_s, state->main.pid,
            state->main.start_ticks);
    assert_int_equal(fclose(file), 0);
}

/* The numbers of its processes may be those of others by now: of this one. */
static void restart_host(struct rig *rig, uint64_t resource)
{
    struct keeper_state state;
    read_state(rig, resource, &state);
    kill(state.keeper.pid, SIGKILL);
    kill_main(rig, resource);
    for (int i = 0; i < RIG_PATIENCE_MS && rig_is_alive(state.main.pid); i++)
        usleep(1000);
    assert_false(rig_is_alive(state.main.pid));
    struct process_id own;
    assert_true(process_id_of(getpid(), &own));
    state.keeper = state.main = own;
    write_state(rig, resource, &state, "11111111-2222-3333-4444-555555555555");
}

static void make_old(struct rig *rig, uint64_t resource)
{
    char boot[64];
    struct keeper_state state;
    read_state(rig, resource, &state);
    assert_true(aq_file_read_text(AT_FDCWD, "/proc/sys/kernel/random/boot_id", boot, sizeof boot) > 0);
    boot[strcspn(boot, "\n")] = '\0';
    write_state(rig, resource, &state, boot);
}

/* All of it is in the group. */
static void restart_host_of_group(struct rig *rig, uint64_t resource)
{
    char path[128];
    struct cgroup_host host;
    struct cgroup group;
    cgroup_host_read(&host);
    cgroup_name(&group, &host, rig->node, resource);
    for (int i = 0; i < RIG_PATIENCE_MS && !cgroup_is_empty(&group); i++) {
        cgroup_kill(&group);
        usleep(1000);
    }
    assert_true(cgroup_is_empty(&group));
    snprintf(path, sizeof path, "%s/boot", rig_directory(rig, resource));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("11111111-2222-3333-4444-555555555555\n", file);
    assert_int_equal(fclose(file), 0);
}

int conformance_run_grouped(struct conformance *driver)
{
    driver->kill = kill_main;
    driver->reboot = restart_host_of_group;
    driver->is_left = has_group;
    driver->finds_leftovers = finds_groups;
    return conformance_run(driver);
}

int conformance_run_kept(struct conformance *driver)
{
    if (!limits_memory())
        driver->hungry = NULL;
    driver->kill = kill_main;
    driver->reboot = restart_host;
    driver->make_old = make_old;
    driver->is_left = has_group;
    driver->finds_leftovers = finds_groups;
    return conformance_run(driver);
}
