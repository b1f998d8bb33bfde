#include "fs/settings/settings.h"

AQ_DEFINE_SETTINGS(aq_config_fs, "fs", "settings of aq-fs")

static const char *const forms[] = {"[--config FILE] [--set KEY=VALUE]... [--data DIR] [--mount DIR]", NULL};

static const char *const notes[] = {
    "It unmounts when it is sent SIGTERM or SIGINT.",
    "Exit status: 0 unmounted, 1 a failure, 2 a fault in options or settings.",
    NULL,
};

const struct aq_usage aq_fs_usage = {
    .program = "aq-fs",
    .purpose = "shows the cluster of this host's controller as files",
    .forms = forms,
    .notes = notes,
    .settings_file = AQ_FS_FILE,
    .options =
        {
            {"--config FILE", "settings in YAML; default " AQ_FS_FILE ", if it is there"},
            {"--set KEY=VALUE", "one setting, over those of the file; may be given often"},
            {"--data DIR", "the controller's data directory: the same as --set data=DIR"},
            {"--mount DIR", "where to mount: the same as --set mount=DIR"},
            {"--foreground", "stay in the foreground; always so"},
            {"--help-config", "all settings, with their presets, as a file to begin with"},
            {"--help", "this text"},
            {"--version", "the version"},
        },
};
