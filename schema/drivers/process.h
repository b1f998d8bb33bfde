/* The options of the `process` driver. */
#ifndef AQ_SCHEMA_DRIVERS_PROCESS_H
#define AQ_SCHEMA_DRIVERS_PROCESS_H

#include "schema/drivers/driver.h"
#include "schema/drivers/mount.h"

enum { AQ_PROCESS_WORDS_MAX = 65536 };

#define PROCESS_NETWORK_WORDS(W)                                                                                       \
    W(PROCESS_NETWORK_HOST, "host", "that of the node")                                                                \
    W(PROCESS_NETWORK_NONE, "none", "nothing but a loopback interface of its own")
AQ_DECLARE_WORDS(process_network, PROCESS_NETWORK_WORDS)

/* clang-format off */
#define aq_process_options_fields(S, T)                                                                                \
    S(T, command,     TEXTS(1, AQ_PROCESS_WORDS_MAX),   NULL,   AQ_REQUIRED,                                           \
      "program and arguments; one text is run by /bin/sh -c")                                                          \
    S(T, entrypoint,  TEXTS(1, AQ_PROCESS_WORDS_MAX),   NULL,   0,                                                     \
      "program and arguments that stand before the command, also before one that an application gives")                \
    S(T, environment, TEXTS(0, AQ_PROCESS_WORDS_MAX),   NULL,   0,                                                     \
      "variables besides PATH, HOME, AQUARIUM_RESOURCE, AQUARIUM_METADATA and AQ_META_*; no others are inherited")     \
    S(T, directory,   TEXT(1, 4095),                    "",     0,                                                     \
      "where it runs; if not given, in a directory of its own, which is removed afterwards")                           \
    S(T, isolate,     BOOL,                             "true", 0,                                                     \
      "it has a root, processes and System V objects of its own; false: it sees the whole host, if the node's owner "  \
      "allows that")                                                                                                   \
    S(T, root,        TEXT(1, 1023),                    "",     0,                                                     \
      "directory of the host that is its root, read-only, if the node's owner allows that; if not given, /usr, /etc "  \
      "and /opt of the host are in its root")                                                                          \
    S(T, mounts,      TEXTS(0, AQ_MOUNTS_MAX),          NULL,   0,                                                     \
      "directories of the host that it sees: /srv/data:/data, or /srv/data:/data:rw, if the node's owner allows them") \
    S(T, network,     ENUM(process_network),            "host", 0,                                                     \
      "its network")                                                                                                   \
    S(T, memory_files, U64(65536, UINT64_C(1) << 40, "bytes"), "512MiB", 0,                                            \
      "most that its files in memory, in /tmp and /dev/shm, may take")                                                 \
    S(T, user,        TEXT(1, 255),                     "",     0,                                                     \
      "unix user of the host that it runs as; if not given, the one that the node's owner presets")                    \
    S(T, new_privileges, BOOL,                          "false", 0,                                                    \
      "it may gain rights by programs such as sudo, if the node's owner allows that")                                  \
    S(T, stop_grace,  DURATION(0, 3600),                "10s",  0,                                                     \
      "time between SIGTERM and SIGKILL")                                                                              \
    S(T, pids,        U64(1, 4194304),                  NULL,   0,                                                     \
      "most processes and threads at once; if not given, 4096")                                                        \
    S(T, io_read,     U64(4096, UINT64_C(1) << 40, "bytes"), NULL, 0,                                                  \
      "most that it reads from the node's disk in a second; if not given, no limit")                                   \
    S(T, io_write,    U64(4096, UINT64_C(1) << 40, "bytes"), NULL, 0,                                                  \
      "most that it writes there in a second; if not given, no limit")                                                 \
    S(T, log_size,    U64(4096, 1 << 30, "bytes"),      "1MiB", 0,                                                     \
      "size at which the log continues in a new file")                                                                 \
    S(T, log_files,   U64(1, AQ_LOG_FILES_MAX), "2",    0,                                                             \
      "how many log files are kept")                                                                                   \
    S(T, log_rate,    U64(4096, 1 << 30, "bytes"),      "8MiB", 0,                                                     \
      "most output in a second that is kept; beyond it, the program waits")
/* clang-format on */
AQ_DECLARE_SETTINGS(aq_process_options)

extern const struct aq_driver aq_driver_process;

/* What runs: the entrypoint, and after it `given`, the command of the application, or if that is empty the command of
 * the options. The texts are those of both. */
struct aq_list aq_process_command(const struct aq_process_options *options, const struct aq_list *given,
                                  struct aq_arena *arena);

#endif
