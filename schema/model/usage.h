/* What workloads and nodes use of processors, memory, disks and network.
 *
 * Agents send samples: counters at one moment. The hub makes rates of two samples, and the usage of a row from them
 * (controller/usage). What is not known is none, never 0: a host may have no way to count it, and workloads that share
 * their host's network have no counters of their own. */
#ifndef AQ_SCHEMA_MODEL_USAGE_H
#define AQ_SCHEMA_MODEL_USAGE_H

#include "schema/model/amounts.h"

/* The most that is believed of an agent: sums of many such numbers stay within 64 bits. */
#define AQ_USAGE_MEMORY_MAX  (UINT64_C(1) << 50) /* bytes */
#define AQ_USAGE_RATE_MAX    (UINT64_C(1) << 48) /* bytes a second */
#define AQ_USAGE_COUNTER_MAX ((uint64_t)INT64_MAX)

/* clang-format off */
/* Counters begin anew with each run of a workload, and with each start of a host. */
#define aq_sample_fields(F, T)                                                                                         \
    F(T, resource, U64(0, UINT64_MAX),                         0, "number of the resource; 0: the node itself")        \
    F(T, at_ms,    U64(0, UINT64_MAX, "ms"),                   0, "when, on the steady clock of the node")             \
    F(T, cpu_us,   U64_OR_NONE(0, AQ_USAGE_COUNTER_MAX),       0, "processor time, in microseconds")                   \
    F(T, memory,   U64_OR_NONE(0, AQ_USAGE_MEMORY_MAX),        0, "memory in use, in bytes")                           \
    F(T, read,     U64_OR_NONE(0, AQ_USAGE_COUNTER_MAX),       0, "bytes read from disks")                             \
    F(T, written,  U64_OR_NONE(0, AQ_USAGE_COUNTER_MAX),       0, "bytes written to disks")                            \
    F(T, received, U64_OR_NONE(0, AQ_USAGE_COUNTER_MAX),       0, "bytes received from the network")                   \
    F(T, sent,     U64_OR_NONE(0, AQ_USAGE_COUNTER_MAX),       0, "bytes sent to the network")                         \
    F(T, cpu_all,    CPU_OR_NONE(0, AQ_CPU_MAX),               0, "of the node: cores that there are")                 \
    F(T, memory_all, U64_OR_NONE(0, AQ_USAGE_MEMORY_MAX),      0, "of the node: bytes of memory that there are")
AQ_DECLARE(aq_sample)

/* Rates are means since the sample before; the first sample has none. */
#define AQ_USAGE_RATES(F, T)                                                                                           \
    F(T, cpu,           CPU_OR_NONE(0, AQ_CPU_MAX),            0, "processor cores in use")                            \
    F(T, memory_bytes,  U64_OR_NONE(0, AQ_USAGE_MEMORY_MAX),   0, "memory in use, in bytes")                           \
    F(T, read_rate,     U64_OR_NONE(0, AQ_USAGE_RATE_MAX),     0, "bytes a second read from disks")                    \
    F(T, write_rate,    U64_OR_NONE(0, AQ_USAGE_RATE_MAX),     0, "bytes a second written to disks")                   \
    F(T, receive_rate,  U64_OR_NONE(0, AQ_USAGE_RATE_MAX),     0, "bytes a second received from the network")          \
    F(T, send_rate,     U64_OR_NONE(0, AQ_USAGE_RATE_MAX),     0, "bytes a second sent to the network")

#define AQ_USAGE_FIELDS(F, T)                                                                                          \
    F(T, sampled_at,     TIME,                                 0, "when the last sample came")                         \
    AQ_USAGE_RATES(F, T)                                                                                               \
    F(T, cpu_ms,         U64_OR_NONE(0, AQ_USAGE_COUNTER_MAX), 0, "processor time since its start, in ms")             \
    F(T, read_bytes,     U64_OR_NONE(0, AQ_USAGE_COUNTER_MAX), 0, "bytes read from disks since then")                  \
    F(T, written_bytes,  U64_OR_NONE(0, AQ_USAGE_COUNTER_MAX), 0, "bytes written to disks since then")                 \
    F(T, received_bytes, U64_OR_NONE(0, AQ_USAGE_COUNTER_MAX), 0, "bytes received from the network since then")        \
    F(T, sent_bytes,     U64_OR_NONE(0, AQ_USAGE_COUNTER_MAX), 0, "bytes sent to the network since then")
#define aq_usage_fields(F, T) AQ_USAGE_FIELDS(F, T)
AQ_DECLARE(aq_usage)

/* The use over a step of time: means. */
#define aq_usage_mean_fields(F, T)                                                                                     \
    F(T, at, TIME, 0, "begin of the step")                                                                             \
    AQ_USAGE_RATES(F, T)
AQ_DECLARE(aq_usage_mean)
/* clang-format on */

#endif
