#include "schema/drivers/test.h"

AQ_DEFINE_WORDS(test_fail, TEST_FAIL_WORDS)
AQ_DEFINE_SETTINGS(aq_test_options, "options", "options of driver test");

AQ_DRIVER(
    test,
    "Only pretends to run workloads: for trying things out, and for tests with thousands of workloads. The command "
    "that an application gives is all that it prints.",
    NULL, NULL, .takes_commands = true, .takes_arguments = true,
    .keeps_leases = true /* that of the simulator does; an agent refuses it */)
