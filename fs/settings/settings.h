/* Settings of aq-fs, and how it is called: see aq-fs --help-config and --help. */
#ifndef AQ_FS_SETTINGS_SETTINGS_H
#define AQ_FS_SETTINGS_SETTINGS_H

#include "schema/base/program.h"
#include "schema/codec/config.h"

#define AQ_FS_FILE "/etc/aquarium/fs.yml"
extern const struct aq_program aq_fs_program;

/* clang-format off */
#define aq_config_fs_fields(S, T)                                                                                      \
    S(T, data,         TEXT(1, 90),         "/var/lib/aquarium/controller", 0,                                         \
      "the data directory of this host's controller")                                                                  \
    S(T, mount,        TEXT(1, 1024),       "/aquarium",                    0,       "where the cluster is mounted")   \
    S(T, project,      NAME(0, 64),         "",                           0,                                         \
      "the project that this mount is for: it shows only what belongs to it; empty: all projects")                     \
    S(T, users,        TEXTS(0, 4096),      "",                           0,                                         \
      "which unix users act as which users of the cluster, such as 1001=ann; empty: those that have it as their uid")  \
    S(T, journal,      ENUM(aq_level),      "info",                         AQ_LIVE,                                   \
      "least level of messages on standard error")                                                                     \
    S(T, answer_after, DURATION(1, 3600),   "10",                           AQ_LIVE,                                   \
      "how long a write waits for its outcome before it fails")                                                        \
    S(T, settle_ms,    U64(0, 10000, "ms"), "100",                          AQ_LIVE,                                   \
      "how long the write of a new application waits while it is only ELECTED; 0: not at all")                         \
    S(T, work_per_uid, U64(10, 1000, "ms"), "700",                          AQ_LIVE,                                   \
      "how long to work for one uid in each second, with a minute's worth at once; beyond that its reads wait; 1000: "  \
      "no limit")
AQ_DECLARE_SETTINGS(aq_config_fs)
/* clang-format on */

#endif
