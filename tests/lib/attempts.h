/* Addresses for tests of what is counted by address. */
#ifndef AQ_TESTS_LIB_ATTEMPTS_H
#define AQ_TESTS_LIB_ATTEMPTS_H

#include "controller/auth/attempts.h"

/* `address`: of IPv4 or IPv6, as text. Fails the test when it is neither. */
struct attempts_source test_source(const char *address);

#endif
