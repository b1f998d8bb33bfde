/* Describes the `libvirt` driver to the conformance suite, tests/lib/conformance.c.
 *
 * Without an argument on libvirt's test connection: it has no daemon, nothing runs, and it forgets all when its process
 * ends. With one, a directory that tests/e2e/machine.sh makes, on qemu:///system, whose daemon that test starts, with
 * real machines: each is a disk's first sector (tests/e2e/machine/boot.S). With "all" after that, all tests are run
 * with these, which takes a minute. */
#include "drivers/libvirt/libvirt.h"
#include "schema/base/clock.h"
#include "tests/lib/conformance.h"
#include "tests/lib/programs.h"

#include <libvirt/libvirt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char uri[64] = "libvirt.uri=test:///default";
static char images[256] = "libvirt.images=/nonexistent", seeds[256] = "libvirt.seeds=/nonexistent";

/* What runs is known when there is a connection: a machine that does not exist is then none. */
static void connect(struct rig *rig)
{
    const uint64_t until_ms = aq_clock_boot_ms() + RIG_PATIENCE_MS;
    void (*on_report)(struct rig *, const struct driver_report *) = rig->on_report;
    rig_configure(rig, (const char *const[]){uri, images, seeds, NULL});
    while (rig->program != NULL && rig->type->life->refusal(rig->driver) != NULL) {
        assert_true(aq_clock_boot_ms() < until_ms);
        rig_turn(rig, 100);
    }
    if (rig->program != NULL)
        return;
    rig->on_report = NULL;
    while (rig->type->end_leftover(rig->driver, RIG_MOST)) {
        rig_await(rig, &rig->seen[RIG_MOST].ended);
        rig->seen[RIG_MOST] = (struct rig_workload){0};
        assert_true(aq_clock_boot_ms() < until_ms);
    }
    rig->on_report = on_report;
}

/* What qemu's process is called is told by its pid file alone. */
static void kill_machine(struct rig *rig, uint64_t resource)
{
    char path[256];
    int pid = 0;
    snprintf(path, sizeof path, "/run/libvirt/qemu/aquarium-%s-%u.pid", rig->node, (unsigned)resource);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &pid), 1);
    fclose(file);
    assert_true(pid > 1);
    kill(pid, SIGKILL);
}

static bool is_left(struct rig *rig, uint64_t resource)
{
    char name[128];
    snprintf(name, sizeof name, "aquarium-%s-%u", rig->node, (unsigned)resource);
    virConnectPtr open = virConnectOpen(uri + strlen("libvirt.uri="));
    assert_non_null(open);
    virDomainPtr domain = virDomainLookupByName(open, name);
    if (domain != NULL)
        virDomainFree(domain);
    virConnectClose(open);
    return domain != NULL;
}

static bool is_running(struct rig *rig, uint64_t resource)
{
    char name[128];
    snprintf(name, sizeof name, "aquarium-%s-%u", rig->node, (unsigned)resource);
    virConnectPtr open = virConnectOpen(uri + strlen("libvirt.uri="));
    assert_non_null(open);
    virDomainPtr domain = virDomainLookupByName(open, name);
    assert_non_null(domain);
    const int active = virDomainIsActive(domain);
    virDomainFree(domain);
    virConnectClose(open);
    return active == 1;
}

static bool finds_leftovers(void)
{
    return true;
}

static const struct conformance_sample samples[] = {
    {"empty", DRIVER_FAILED, 0, "before it started the workload"},
    {"ended-1", DRIVER_ENDED, 137, "it did not shut down within 30 s"},
    {"gone-1", DRIVER_ENDED, 137, "libvirt knows it no longer"},
    {"made-1", DRIVER_FAILED, 0, "before it started the workload"},
    {0},
};

static const struct conformance pretended = {
    .driver = "libvirt",
    .type = &libvirt_driver_type,
    .own_commands = true, /* the console */
    .opened = connect,
    .runs = "{}",
    .unstartable = "{'image':'no-such-image.qcow2'}",
    .is_left = is_left,
    .forgets = true,
    .samples = samples,
};

#define NO_NETWORK "'networks':[],'memory':'16MiB'"
static const struct conformance_end off = {0, "it powered off"};
static const struct conformance_end crashed = {134, "it crashed"};

/* What the test connection cannot show, and tests/e2e/machine.sh does not. */
static const char *const told_by_real_ones[] = {"test_one_that_does_not_listen_is_killed",
                                                "test_a_workload_is_started_again",
                                                "test_many_at_once",
                                                "conformance_test_another_process_adopts",
                                                "conformance_test_an_agent_is_killed_while_it_starts",
                                                "conformance_test_leftovers_are_found_and_ended",
                                                "conformance_test_a_lease_is_kept_without_an_agent",
                                                NULL};

static const char *program(void)
{
    return test_program_path("../aq-driver-libvirt");
}

/* In a program of its own, as in an agent: no threads of libvirt are here when an agent is forked. */
static struct conformance real = {
    .driver = "libvirt",
    .program = program,
    .own_commands = true, /* the console */
    .opened = connect,
    .runs = "{'image':'waits.raw'," NO_NETWORK ",'stop_grace':0}",
    .exits = "{'image':'says.raw'," NO_NETWORK "}",
    .exit_end = &off,
    .unstartable = "{'image':'no-such-image.qcow2'," NO_NETWORK "}",
    .says = "{'image':'says.raw'," NO_NETWORK "}",
    .deaf = "{'image':'deaf.raw'," NO_NETWORK ",'stop_grace':1}",
    .patient = "{'image':'deaf.raw'," NO_NETWORK ",'stop_grace':3600}",
    .kill = kill_machine,
    .kill_end = &crashed,
    .is_running = is_running,
    .is_left = is_left,
    .finds_leftovers = finds_leftovers,
    .only = told_by_real_ones,
    .many = 4,
    .samples = samples,
};

int main(int argc, char **argv)
{
    setenv("AQUARIUM_LEASE", test_program_path("../aq-lease"), 1); /* as an agent does */
    if (argc < 2)
        return conformance_run(&pretended);
    snprintf(uri, sizeof uri, "libvirt.uri=qemu:///system");
    snprintf(images, sizeof images, "libvirt.images=%s", argv[1]);
    snprintf(seeds, sizeof seeds, "libvirt.seeds=%s/seeds", argv[1]);
    if (argc > 2)
        real.only = NULL;
    return conformance_run(&real);
}
