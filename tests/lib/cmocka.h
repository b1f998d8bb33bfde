/* cmocka, with the headers that it needs before its own. */
#ifndef AQ_TESTS_LIB_CMOCKA_H
#define AQ_TESTS_LIB_CMOCKA_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#endif
