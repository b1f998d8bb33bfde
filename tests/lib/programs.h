/* Where programs are that tests start. */
#ifndef AQ_TESTS_LIB_PROGRAMS_H
#define AQ_TESTS_LIB_PROGRAMS_H

/* Of one that was built beside the tests. Valid until the next call. */
const char *test_program_path(const char *name);

/* Of one in tools/examples/drivers. The same. */
const char *test_example_driver(const char *name);

#endif
