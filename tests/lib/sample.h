/* A record with a field of every type of record.h. */
#ifndef AQ_TESTS_LIB_SAMPLE_H
#define AQ_TESTS_LIB_SAMPLE_H

#include "schema/model/application.h"
#include "schema/model/user.h"
#include "tests/lib/cmocka.h"

#include <stdint.h>

#define SAMPLE_COLOURS(W)                                                                                              \
    W(SAMPLE_RED, "RED", "like blood")                                                                                 \
    W(SAMPLE_GREEN, "GREEN", "like grass")                                                                             \
    W(SAMPLE_BLUE, "BLUE", "like the sea")
AQ_DECLARE_WORDS(sample_colour, SAMPLE_COLOURS)

/* clang-format off */
#define sample_part_fields(F, T)                                                                                       \
    F(T, name,   NAME(1, 16),        AQ_REQUIRED, "what it is called")                                                 \
    F(T, weight, U64(0, 1000, "kg"), 0,           "how heavy it is")
AQ_DECLARE(sample_part)

#define sample_fields(F, T)                                                                                            \
    F(T, count,    U64(1, UINT64_MAX),       AQ_REQUIRED, "how many")                                                  \
    F(T, ready,    BOOL,                     0,           "whether it is ready")                                       \
    F(T, seen_at,  TIME,                     0,           "when it was seen")                                          \
    F(T, pause,    DURATION(0, 86400),       0,           "how long it waits")                                         \
    F(T, cpu,      CPU(0, 64000),            0,           "cores")                                                     \
    F(T, memory,   SIZE(0, 1 << 20),         0,           "memory")                                                    \
    F(T, colour,   ENUM(sample_colour),      0,           "its colour")                                                \
    F(T, note,     TEXT(0, 100),             AQ_LINES,    "some words")                                                \
    F(T, name,     NAME(2, 8),               0,           "a name")                                                    \
    F(T, extra,    DOCUMENT(1000),           0,           "whatever else there is")                                    \
    F(T, raw,      BYTES(0, 16),             0,           "opaque")                                                    \
    F(T, tags,     TEXTS(0, 4),              0,           "words about it")                                            \
    F(T, first,    RECORD(sample_part),      0,           "its first part")                                            \
    F(T, rest,     LIST(sample_part, 0, 3),  0,           "its other parts")                                           \
    F(T, parent,   REF_OR_NONE(application), 0,           "the sample it was cut from")                                \
    F(T, owner,    REF_NAME_OR_NONE(user),   0,           "whose it is")                                               \
    F(T, result,   U64_OR_NONE(0, 255),      0,           "how it ended")                                              \
    F(T, token,    TEXT(0, 32),              AQ_SECRET,   "what opens it")                                             \
    F(T, revision, U64(0, UINT64_MAX),       AQ_INTERNAL, "how often it changed")
AQ_DECLARE(sample)
/* clang-format on */

/* A record with all fields set, to awkward values where possible. */
struct sample sample_full(void);
void sample_assert_equal(const struct sample *a, const struct sample *b);

#endif
