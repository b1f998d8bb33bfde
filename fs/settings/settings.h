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
    S(T, journal,      ENUM(aq_level),      "info",                         AQ_LIVE,                                   \
      "least level of messages on standard error")                                                                     \
    S(T, answer_after, DURATION(1, 3600),   "10",                           AQ_LIVE,                                   \
      "how long a write waits for its outcome before it fails")                                                        \
    S(T, settle_ms,    U64(0, 10000, "ms"), "100",                          AQ_LIVE,                                   \
      "how long the write of a new application waits while it is only ELECTED; 0: not at all")
AQ_DECLARE_SETTINGS(aq_config_fs)
/* clang-format on */

#endif
