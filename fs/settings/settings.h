/* Settings of aq-fs, and how it is called: see aq-fs --help-config and --help. */
#ifndef AQ_FS_SETTINGS_SETTINGS_H
#define AQ_FS_SETTINGS_SETTINGS_H

#include "schema/base/usage.h"
#include "schema/codec/config.h"

#define AQ_FS_FILE "/etc/aquarium/fs.yml"
extern const struct aq_usage aq_fs_usage;

#define AQ_CONFIG_FS(F, T)                                                                                             \
    F(T, data, TEXT, 0, "/var/lib/aquarium/controller", 1, 90, NULL, "the data directory of this host's controller")   \
    F(T, mount, TEXT, 0, "/aquarium", 1, 1024, NULL, "where the cluster appears")                                      \
    F(T, journal, ENUM(aq_level), 0, "info", 0, 0, NULL, "least level of messages on standard error")                  \
    F(T, answer_after, DURATION, 0, "10", 1, 3600, "s", "a write that is not answered for longer fails")               \
    F(T, settle_ms, U64, 0, "100", 0, 10000, "ms",                                                                     \
      "a new application is waited for so long while it is only ELECTED; 0: not at all")
AQ_DECLARE_SETTINGS(aq_config_fs, AQ_CONFIG_FS)

#endif
