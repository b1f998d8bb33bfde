/* aq-fs: the cluster as a directory. See fileview.h. */
#include "controller/lmdb/guard.h"
#include "fs/fileview.h"
#include "schema/base/notify.h"
#include "schema/base/version.h"
#include "schema/codec/check.h"

#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

enum option_code {
    OPTION_CONFIG = 256,
    OPTION_SET,
    OPTION_DATA,
    OPTION_MOUNT,
    OPTION_NONE,
    OPTION_HELP_CONFIG,
    OPTION_HELP,
    OPTION_VERSION
};

static const struct option options[] = {
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"set", required_argument, NULL, OPTION_SET},
    {"data", required_argument, NULL, OPTION_DATA},
    {"mount", required_argument, NULL, OPTION_MOUNT},
    {"foreground", no_argument, NULL, OPTION_NONE},
    {"help-config", no_argument, NULL, OPTION_HELP_CONFIG},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {0},
};

static void help(bool about_settings)
{
    struct aq_buffer text = {0};
    if (about_settings)
        aq_config_print(&aq_config_fs_record, &text);
    else
        aq_usage_print(&aq_fs_usage, &text);
    fputs(aq_buffer_string(&text), stdout);
    aq_buffer_free(&text);
}

/* The file first, wherever its option stands; what is set on the command line wins. */
static int read_file(int count, char **words, struct aq_config_fs *config, struct aq_arena *arena,
                     struct aq_error *error)
{
    int code;
    const char *path = access(AQ_FS_FILE, F_OK) == 0 ? AQ_FS_FILE : NULL;
    aq_record_init(&aq_config_fs_record, config, arena);
    optind = 1;
    opterr = 0;
    while ((code = getopt_long(count, words, "", options, NULL)) != -1)
        if (code == OPTION_CONFIG)
            path = optarg;
    return path != NULL ? aq_config_load(&aq_config_fs_record, config, path, arena, error) : 0;
}

static int set(const char *name, const char *value, struct aq_config_fs *config, struct aq_arena *arena,
               struct aq_error *error)
{
    return aq_config_set(&aq_config_fs_record, config, aq_arena_format(arena, "%s%s", name, value), arena, error);
}

/* -1: go on; else the exit status. */
static int read_options(int count, char **words, struct aq_config_fs *config, struct aq_arena *arena)
{
    struct aq_error error = {0};
    int code, status = read_file(count, words, config, arena, &error);
    optind = 1;
    opterr = 1;
    while (status == 0 && (code = getopt_long(count, words, "", options, NULL)) != -1) {
        switch (code) {
        case OPTION_SET:
            status = set("", optarg, config, arena, &error);
            break;
        case OPTION_DATA:
            status = set("data=", optarg, config, arena, &error);
            break;
        case OPTION_MOUNT:
            status = set("mount=", optarg, config, arena, &error);
            break;
        case OPTION_HELP_CONFIG:
        case OPTION_HELP:
            help(code == OPTION_HELP_CONFIG);
            return EXIT_SUCCESS;
        case OPTION_VERSION:
            puts("aq-fs " AQ_VERSION);
            return EXIT_SUCCESS;
        case '?':
            fputs("Try aq-fs --help.\n", stderr); /* getopt has said what is wrong */
            return EXIT_USAGE;
        default:
            break;
        }
    }
    if (status == 0 && optind < count)
        status = aq_fail(&error, AQ_E_INVALID, "\"%s\" is no option; see --help", words[optind]);
    if (status != 0)
        fprintf(stderr, "aq-fs: %s\n", error.message);
    return status != 0 ? EXIT_USAGE : -1;
}

static void say_ready(void)
{
    aq_notify("READY=1");
}

/* Signals are read from a descriptor, in the loop. */
static int take_signals(void)
{
    sigset_t set_of;
    sigemptyset(&set_of);
    sigaddset(&set_of, SIGTERM);
    sigaddset(&set_of, SIGINT);
    sigprocmask(SIG_BLOCK, &set_of, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    return signalfd(-1, &set_of, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int run(const struct aq_config_fs *config)
{
    struct fileview view;
    struct aq_error error = {0};
    int signals = take_signals();
    if (fileview_open(&view, config, signals, &error) != 0) {
        aq_journal(AQ_ERROR, "cannot start", "error", error.message, NULL);
        return EXIT_FAILURE;
    }
    aq_journal(AQ_INFO, "mounting", "mount", config->mount, "data", config->data, NULL);
    int status = fileview_run(&view, signals, say_ready, &error);
    aq_notify("STOPPING=1");
    if (status != 0)
        aq_journal(AQ_ERROR, "cannot serve", "error", error.message, NULL);
    else
        aq_journal(AQ_INFO, "unmounted", "mount", config->mount, NULL);
    fileview_close(&view);
    return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* What was read and closed goes back to the system: glibc would otherwise raise the size from which on it does so to
 * the largest that it has seen. */
static void set_limits(void)
{
    enum { RETURNED_SIZE = 128 << 10 };
    mallopt(M_MMAP_THRESHOLD, RETURNED_SIZE);
    mallopt(M_TRIM_THRESHOLD, RETURNED_SIZE);
}

int main(int count, char **words)
{
    struct aq_arena arena = {0};
    struct aq_config_fs config;
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    int status = read_options(count, words, &config, &arena);
    if (status == -1) {
        aq_journal_open("fs", (enum aq_journal_level)config.journal);
        set_limits();
        lmdb_guard_signals("aq-fs");
        status = run(&config);
    }
    aq_arena_free(&arena);
    return status;
}
