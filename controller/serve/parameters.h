/* The parameters of queries, declared like settings. Routes name the form that their queries have; openapi.c describes
 * it, and no step can take a parameter that its form does not have (query.h). */
#ifndef AQ_CONTROLLER_SERVE_PARAMETERS_H
#define AQ_CONTROLLER_SERVE_PARAMETERS_H

#include "controller/serve/filter.h"
#include "controller/serve/query.h"

enum { PARAMETER_LOG_MAX = 1 << 20 /* bytes */ };

/* clang-format off */
#define parameters_read_fields(S, T)                                                                                   \
    S(T, min_seq, U64(0, UINT64_MAX), "0", 0, "wait until the tables show this seq, for 5 s at most")
AQ_DECLARE_SETTINGS(parameters_read)

#define parameters_list_fields(S, T)                                                                                   \
    S(T, after,   TEXT(0, 256),           NULL,    0, "continue after this key: `next` of the page before")            \
    S(T, limit,   U64(1, LIST_LIMIT_MAX), "100",   0, "maximum number of rows")                                        \
    S(T, reverse, BOOL,                   "false", 0, "last row first")
AQ_DECLARE_SETTINGS(parameters_list)

#define parameters_write_fields(S, T)                                                                                  \
    S(T, dry_run, BOOL, "false", 0, "show the events that would result, and change nothing")
AQ_DECLARE_SETTINGS(parameters_write)

#define parameters_history_fields(S, T)                                                                                \
    S(T, after, U64(0, UINT64_MAX),     "0",   0, "continue after this seq: `next` of the page before")                \
    S(T, limit, U64(1, LIST_LIMIT_MAX), "100", 0, "maximum number of events")
AQ_DECLARE_SETTINGS(parameters_history)

#define parameters_rights_fields(S, T)                                                                                 \
    S(T, project, NAME(1, 64), NULL, 0, "in this project")
AQ_DECLARE_SETTINGS(parameters_rights)

#define parameters_output_fields(S, T)                                                                                 \
    S(T, after,  U64(0, UINT64_MAX - 1),            NULL,    0, "from this position on; if not given, the newest")     \
    S(T, size,   U64(1, PARAMETER_LOG_MAX, "bytes"), "65536", 0, "how much")                                           \
    S(T, follow, BOOL,                              "false", 0, "wait for more, for 15 s at most")
AQ_DECLARE_SETTINGS(parameters_output)

#define parameters_load_fields(S, T)                                                                                   \
    S(T, since, TEXT(1, 64),      "10m", 0, "what was used since then: so long ago, such as 2h, or a time")            \
    S(T, step,  DURATION(0, 600), "0",   0, "means of 10s, 1m or 10m; 0: the shortest that reaches back so far")
AQ_DECLARE_SETTINGS(parameters_load)

#define parameters_exec_fields(S, T)                                                                                   \
    S(T, after, U64(0, INT64_MAX), "0", 0, "how much of the output has arrived: it is not kept any more")
AQ_DECLARE_SETTINGS(parameters_exec)

#define parameters_stream_fields(S, T)                                                                                 \
    S(T, since,  U64(0, UINT64_MAX), NULL,   0, "from the event after this seq on; if not given, new ones")            \
    S(T, follow, BOOL,               "true", 0, "false: end after the events that exist now")                          \
    S(T, entity, TEXT(0, 64),        NULL,   0, "only events of this entity, such as application")                     \
    S(T, key,    TEXT(0, 64),        NULL,   0, "with entity: only events about the row with this key")
AQ_DECLARE_SETTINGS(parameters_stream)
/* clang-format on */

#endif
