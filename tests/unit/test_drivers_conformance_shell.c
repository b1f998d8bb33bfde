/* Describes the example tools/examples/drivers/aq-driver-shell to the conformance suite, tests/lib/conformance.c: a
 * driver that is a program keeps the contract of drivers/driver.h. */
#include "tests/lib/conformance.h"
#include "tests/lib/programs.h"

static const char *example(void)
{
    return test_example_driver("shell");
}

static const struct conformance_sample samples[] = {{0}};

static struct conformance driver = {
    .driver = "shell",
    .program = example,
    .runs = "{'command':['sleep','3600']}",
    .exits = "{'command':'exit 3'}",
    .unstartable = "{'command':['/no/such/program']}",
    .says = "{'command':'echo hello'}",
    .deaf = "{'command':'trap \\\"echo asked\\\" TERM; echo ready; while :; do sleep 0.1; done','stop_grace':1}",
    .patient = "{'command':'trap \\\"echo asked\\\" TERM; echo ready; while :; do sleep 0.1; done','stop_grace':3600}",
    .many = 20, /* each is several processes */
    .samples = samples,
};

int main(void)
{
    return conformance_run_grouped(&driver);
}
