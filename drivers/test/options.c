#include "drivers/test/options.h"

AQ_DEFINE_WORDS(test_fail, TEST_FAIL_WORDS);
AQ_DEFINE_SETTINGS(test_options, "options", "options of driver test");
