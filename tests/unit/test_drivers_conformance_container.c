/* Describes the `container` driver to the conformance suite, tests/lib/conformance.c, which has the assertions: it
 * keeps the contract of drivers/driver.h, with a real runtime. */
#include "tests/lib/conformance.h"
#include "tests/lib/container_rig.h"

#include <stdio.h>

static char slow[256];

static void configure(struct rig *rig)
{
    container_configure(rig, NULL);
}

static bool works(void)
{
    int listener; /* as long as this process */
    const char *reason = container_rig_begin();
    if (reason != NULL)
        fprintf(stderr, "no containers here: %s\n", reason);
    snprintf(slow, sizeof slow, "{'image':'127.0.0.1:%u/slow:1','network':'none','command':['true']}",
             container_silent_registry(&listener));
    return reason == NULL;
}

static const struct conformance_sample samples[] = {
    {"empty", DRIVER_FAILED, 0, "before it started the workload"},
    {"boot-1", DRIVER_ENDED, 137, "it ended when the host restarted"},
    {"ended-1", DRIVER_ENDED, 3, "exit status 3"},
    {0},
};

static struct conformance driver = {
    .driver = "container",
    .works = works,
    .opened = configure,
    .runs = "{" CONTAINER_IMAGE
            ",'command':['sleep','3600'],'stop_grace':0}", /* process 1 of a container ignores SIGTERM */
    .exits = "{" CONTAINER_IMAGE ",'command':'exit 3'}",
    .unstartable = "{" CONTAINER_IMAGE ",'command':['/no/such/program']}",
    .slow = slow,
    .says = "{" CONTAINER_IMAGE ",'command':'echo hello'}",
    .deaf = "{" CONTAINER_IMAGE
            ",'command':'trap \\\"echo asked\\\" TERM; echo ready; while :; do sleep 0.1; done','stop_grace':1}",
    .patient = "{" CONTAINER_IMAGE
               ",'command':'trap \\\"echo asked\\\" TERM; echo ready; while :; do sleep 0.1; done','stop_grace':3600}",
    .command = (const char *const[]){"/bin/sh", "-c", "echo out; exit 5", NULL},
    .long_command = (const char *const[]){"/bin/sleep", "3600", NULL},
    .wrong_command = (const char *const[]){"/no/such/program", NULL},
    .hungry = "{" CONTAINER_IMAGE ",'command':['dd','if=/dev/zero','of=/dev/null','bs=64M','count=1']}",
    .ram_mib = 16,
    .samples = samples,
};

int main(void)
{
    int failed = conformance_run_kept(&driver);
    container_rig_end();
    return failed;
}
