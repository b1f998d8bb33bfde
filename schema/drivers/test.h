/* The options of the `test` driver. */
#ifndef AQ_SCHEMA_DRIVERS_TEST_H
#define AQ_SCHEMA_DRIVERS_TEST_H

#include "schema/drivers/driver.h"

enum { TEST_DELAY_MAX_MS = 3600000, TEST_TEXT_MAX = 127 };

#define TEST_FAIL_WORDS(W)                                                                                             \
    W(TEST_FAIL_NEVER, "never", "no start fails")                                                                      \
    W(TEST_FAIL_ALWAYS, "always", "every start fails")                                                                 \
    W(TEST_FAIL_FIRST, "first", "the first start on each agent fails")
AQ_DECLARE_WORDS(test_fail, TEST_FAIL_WORDS)

/* clang-format off */
#define aq_test_options_fields(S, T)                                                                                   \
    S(T, start_delay_ms, U64(0, TEST_DELAY_MAX_MS, "ms"), "0s",           0,                                           \
      "how long it takes to start")                                                                                    \
    S(T, stop_delay_ms,  U64(0, TEST_DELAY_MAX_MS, "ms"), "0s",           0,                                           \
      "how long it takes to stop")                                                                                     \
    S(T, run_ms,         U64(0, TEST_DELAY_MAX_MS, "ms"), "0s",           0,                                           \
      "ends by itself after this time; 0: never")                                                                      \
    S(T, exit_status,    U64(0, 255),                     "0",            0,                                           \
      "exit status when it ends by itself")                                                                            \
    S(T, fail,           ENUM(test_fail),                 "never",        0,                                           \
      "which starts fail: none, all, or the first one on each agent since that started")                               \
    S(T, fail_rate,      U64(0, 1000),                    "0",            0,                                           \
      "how many starts in a thousand fail")                                                                            \
    S(T, seed,           U64(0, INT64_MAX),               "0",            0,                                           \
      "decides, together with the number of the resource, which starts those are")                                     \
    S(T, fail_reason,    TEXT(0, TEST_TEXT_MAX),          "told to fail", 0,                                           \
      "reason that a failed start reports")                                                                            \
    S(T, ip_addr,        TEXT(0, TEST_TEXT_MAX),          "",             0,                                           \
      "address that a started workload reports")                                                                       \
    S(T, task_ms,        U64(0, TEST_DELAY_MAX_MS, "ms"), "0s",           0,                                           \
      "how long it takes to make a snapshot or an image of it")                                                        \
    S(T, task_fail,      TEXT(0, TEST_TEXT_MAX),          "",             0,                                           \
      "reason for which no snapshot or image of it can be made; none: they are")
/* clang-format on */
AQ_DECLARE_SETTINGS(aq_test_options)

extern const struct aq_driver aq_driver_test;

#endif
