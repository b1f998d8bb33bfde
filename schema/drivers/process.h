/* The options of the `process` driver. */
#ifndef AQ_SCHEMA_DRIVERS_PROCESS_H
#define AQ_SCHEMA_DRIVERS_PROCESS_H

#include "schema/drivers/driver.h"

enum { AQ_PROCESS_WORDS_MAX = 65536, AQ_PROCESS_LOG_FILES_MAX = 10 };

/* clang-format off */
#define aq_process_options_fields(S, T)                                                                                \
    S(T, command,     TEXTS(1, AQ_PROCESS_WORDS_MAX),   NULL,   AQ_REQUIRED,                                           \
      "program and arguments; one text is run by /bin/sh -c")                                                          \
    S(T, environment, TEXTS(0, AQ_PROCESS_WORDS_MAX),   NULL,   0,                                                     \
      "variables besides PATH, HOME, AQUARIUM_RESOURCE, AQUARIUM_METADATA and AQ_META_*; no others are inherited")     \
    S(T, directory,   TEXT(1, 4095),                    "",     0,                                                     \
      "where it runs; if not given, in a directory of its own, which is removed afterwards")                           \
    S(T, user,        TEXT(1, 255),                     "",     0,                                                     \
      "unix user of the host that it runs as; if not given, the agent's user")                                         \
    S(T, stop_grace,  DURATION(0, 3600),                "10s",  0,                                                     \
      "time between SIGTERM and SIGKILL")                                                                              \
    S(T, pids,        U64(1, 4194304),                  NULL,   0,                                                     \
      "most processes and threads at once; if not given, there is no limit")                                           \
    S(T, log_size,    U64(4096, 1 << 30, "bytes"),      "1MiB", 0,                                                     \
      "size at which the log continues in a new file")                                                                 \
    S(T, log_files,   U64(1, AQ_PROCESS_LOG_FILES_MAX), "2",    0,                                                     \
      "how many log files are kept")
/* clang-format on */
AQ_DECLARE_SETTINGS(aq_process_options)

extern const struct aq_driver aq_driver_process;

#endif
