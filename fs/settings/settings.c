#include "fs/settings/settings.h"

AQ_DEFINE_SETTINGS(aq_config_fs, "fs", "settings of aq-fs")

static const char *const forms[] = {"[--config FILE] [--set KEY=VALUE]... [--data DIR] [--mount DIR]", NULL};

static const char *const notes[] = {
    "It unmounts on SIGTERM or SIGINT; SIGHUP reads the settings again.",
    "Exit status: 0 unmounted, 1 a failure, 2 an error in options or settings.",
    NULL,
};

static void print_settings(struct aq_buffer *text)
{
    aq_config_print(&aq_config_fs_record, text);
}

const struct aq_program aq_fs_program = {
    AQ_PROGRAM_NAMED("aq-fs"),
    .purpose = "shows the cluster of this host's controller as files",
    .forms = forms,
    .notes = notes,
    .settings_file = AQ_FS_FILE,
    .print_settings = print_settings,
    .options =
        {
            AQ_OPTION_ROW_CONFIG(AQ_FS_FILE),
            AQ_OPTION_ROW_SET(""),
            {"--data DIR", "the controller's data directory: the same as --set data=DIR", AQ_OPTION_SETTING},
            {"--mount DIR", "where to mount: the same as --set mount=DIR", AQ_OPTION_SETTING},
            {"--foreground", "stay in the foreground; always so"},
            AQ_OPTION_ROWS_LAST,
        },
};
