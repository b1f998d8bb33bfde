/* Amounts of each kind of capacity: what a node has, what a definition needs, what a resource holds. */
#ifndef AQ_SCHEMA_MODEL_AMOUNTS_H
#define AQ_SCHEMA_MODEL_AMOUNTS_H

#include "schema/model/record.h"

enum { AQ_CPU_MAX = 65536000 /* 65,536 cores */, AQ_SIZE_MAX_MIB = 1 << 30 /* 1 PiB */, AQ_SLOTS_MAX = 1000000 };
enum { AQ_LIFETIME_MAX = 315360000 /* s: 3650 days */ };

/* clang-format off */
#define aq_amounts_fields(F, T)                                                                                        \
    F(T, cpu,   CPU(0, AQ_CPU_MAX),       0, "processor cores")                                                        \
    F(T, ram,   SIZE(0, AQ_SIZE_MAX_MIB), 0, "memory")                                                                 \
    F(T, disk,  SIZE(0, AQ_SIZE_MAX_MIB), 0, "disk space")                                                             \
    F(T, slots, U64(0, AQ_SLOTS_MAX),     0, "slots for workloads")
AQ_DECLARE(aq_amounts)
/* clang-format on */

bool aq_amounts_equal(const struct aq_amounts *a, const struct aq_amounts *b);
void aq_amounts_add(struct aq_amounts *sum, const struct aq_amounts *more);
void aq_amounts_subtract(struct aq_amounts *from, const struct aq_amounts *less); /* stops at 0 */

#endif
