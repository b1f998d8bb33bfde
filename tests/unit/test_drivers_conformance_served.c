/* Describes to the conformance suite what drivers/program/serve.h makes of the driver `process`: a program that speaks
 * for it keeps the same contract. */
#include "tests/lib/conformance.h"
#include "tests/lib/programs.h"

static const char *served(void)
{
    return test_program_path("aq-driver-served");
}

static const struct conformance_sample samples[] = {{0}};

static struct conformance driver = {
    .driver = "process",
    .program = served,
    .runs = "{'command':['sleep','3600']}",
    .exits = "{'command':'exit 3'}",
    .unstartable = "{'command':['/no/such/program']}",
    .says = "{'command':'echo hello','environment':{'A':1}}",
    .command = (const char *const[]){"/bin/sh", "-c", "echo out; exit 5", NULL},
    .long_command = (const char *const[]){"/bin/sleep", "3600", NULL},
    .wrong_command = (const char *const[]){"/no/such/program", NULL},
    .deaf = "{'command':'trap \\\"echo asked\\\" TERM; echo ready; while :; do sleep 0.1; done','stop_grace':1}",
    .patient = "{'command':'trap \\\"echo asked\\\" TERM; echo ready; while :; do sleep 0.1; done','stop_grace':3600}",
    .samples = samples,
};

int main(void)
{
    return conformance_run_kept(&driver);
}
