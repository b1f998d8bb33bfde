/* How a workload is kept up while its resource lives: when it is started again in its place, and how its health is
 * checked. A label's definition says it, and an agent does it. */
#ifndef AQ_SCHEMA_MODEL_UPKEEP_H
#define AQ_SCHEMA_MODEL_UPKEEP_H

#include "schema/model/record.h"

#define AQ_RESTART_POLICIES(W)                                                                                         \
    W(AQ_RESTART_NEVER, "never", "its end is the end of its resource")                                                 \
    W(AQ_RESTART_ON_FAILURE, "on-failure", "it is started again unless it ends with status 0")                         \
    W(AQ_RESTART_ALWAYS, "always", "it is started again, however it ended")
AQ_DECLARE_WORDS(aq_restart, AQ_RESTART_POLICIES)

#define AQ_HEALTHS(W)                                                                                                  \
    W(AQ_HEALTH_NONE, "none", "it is not checked, or no check has decided yet")                                        \
    W(AQ_HEALTHY, "healthy", "its checks succeed")                                                                     \
    W(AQ_UNHEALTHY, "unhealthy", "its checks have failed")
AQ_DECLARE_WORDS(aq_health, AQ_HEALTHS)

enum { AQ_RESTART_LIMIT_MAX = 1000000 };

/* What holds where nothing, or 0, is given. */
enum {
    AQ_RESTART_WAIT_S = 1,
    AQ_RESTART_WAIT_MOST_S = 300,
    AQ_CHECK_INTERVAL_S = 30,
    AQ_CHECK_TIMEOUT_S = 10,
    AQ_CHECK_RETRIES = 3,
};

/* clang-format off */
#define AQ_RESTART_FIELDS(F, T)                                                                                        \
    F(T, restart,           ENUM(aq_restart),              0, "when a workload that has ended is started again in its place") \
    F(T, restart_limit,     U64(0, AQ_RESTART_LIMIT_MAX),  0, "most restarts; 0: no limit")                            \
    F(T, restart_wait,      DURATION(0, 86400),            0, "wait before the first restart, doubled before each next one; 0: 1s") \
    F(T, restart_wait_most, DURATION(0, 86400),            0, "longest such wait; a run that lasts longer starts over with the shortest; 0: 5m")

#define aq_check_fields(F, T)                                                                                          \
    F(T, command,      TEXTS(0, 64),       0, "program and arguments, run in the workload: status 0 is success")       \
    F(T, tcp,          U64(0, 65535),      0, "port that must accept a connection")                                    \
    F(T, http,         TEXT(0, 1024),      0, "port and path, such as 8080/ready: a status from 200 to 399 is success")\
    F(T, interval,     DURATION(0, 86400), 0, "from the end of a check to the next one; 0: 30s")                       \
    F(T, timeout,      DURATION(0, 3600),  0, "a check that takes longer has failed; 0: 10s")                          \
    F(T, retries,      U64(0, 1000),       0, "failures in a row after which it is unhealthy; 0: 3")                   \
    F(T, start_period, DURATION(0, 86400), 0, "failures do not count so long after each start")
/* clang-format on */
AQ_DECLARE(aq_check)

/* How many of command, tcp and http are given. */
unsigned aq_check_ways(const struct aq_check *check);

/* The port and the path of `http`; false: it does not have that form. */
bool aq_check_http(const char *http, uint64_t *port, const char **path);

#endif
