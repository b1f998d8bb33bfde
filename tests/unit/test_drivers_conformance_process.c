/* Describes the `process` driver to the conformance suite, tests/lib/conformance.c, which has the assertions: it keeps
 * the contract of drivers/driver.h. */
#include "tests/lib/conformance.h"

static const struct conformance_sample samples[] = {
    {"ended-1", DRIVER_ENDED, 3, "exit status 3"},
    {"failed-1", DRIVER_FAILED, 0, "No such file or directory"},
    {"boot-1", DRIVER_ENDED, 137, "it ended when the host restarted"},
    {"torn-1", DRIVER_ENDED, 137, "the file state cannot be read"},
    {"empty", DRIVER_FAILED, 0, "before it started the workload"},
    {0},
};

static struct conformance driver = {
    .driver = "process",
    .runs = "{'command':['sleep','3600']}",
    .exits = "{'command':'exit 3'}",
    .unstartable = "{'command':['/no/such/program']}",
    .says = "{'command':'echo hello'}",
    .command = (const char *const[]){"/bin/sh", "-c", "echo out; exit 5", NULL},
    .long_command = (const char *const[]){"/bin/sleep", "3600", NULL},
    .wrong_command = (const char *const[]){"/no/such/program", NULL},
    .deaf = "{'command':'trap \\\"echo asked\\\" TERM; echo ready; while :; do sleep 0.1; done','stop_grace':1}",
    .patient = "{'command':'trap \\\"echo asked\\\" TERM; echo ready; while :; do sleep 0.1; done','stop_grace':3600}",
    .hungry = "{'command':['tail','/dev/zero']}",
    .ram_mib = 24,
    .samples = samples,
};

int main(void)
{
    return conformance_run_kept(&driver);
}
