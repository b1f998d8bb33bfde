#include "fs/config.h"

AQ_DEFINE_SETTINGS(aq_config_fs, "fs", AQ_CONFIG_FS, "settings of aq-fs")
