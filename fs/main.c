/* aq-fs: the cluster as a directory. See fileview.h and loop.h. */
#include "controller/lmdb/guard.h"
#include "fs/loop.h"
#include "schema/base/journal.h"
#include "schema/base/notify.h"
#include "schema/codec/reload.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* What the program runs with. */
static struct {
    struct aq_arguments arguments;
    struct aq_config_fs config;
    struct callers_map *users; /* of the setting */
    struct aq_arena arena;     /* what the texts of the settings point to */
} fs;

static void notify_ready(void)
{
    aq_notify("READY=1");
}

static void reread_settings(void)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_config_fs fresh;
    struct aq_error error = {0};
    if (aq_config_read(&aq_config_fs_record, &fresh, &fs.arguments, &arena, &error) != 0) {
        aq_journal(AQ_ERROR, "the settings are wrong: keeping the previous ones", "error", error.message, NULL);
        return;
    }
    aq_config_reload(&aq_config_fs_record, &fs.config, &fresh); /* those that are live are numbers */
    aq_journal_set_level((enum aq_journal_level)fs.config.journal);
}

/* The loop reads signals from this descriptor. */
static int open_signals(struct aq_error *error)
{
    sigset_t set;
    aq_program_block_signals(&set);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd >= 0 ? fd : aq_fail_errno(error, errno, "cannot create a signalfd");
}

/* True: the program must end. */
static bool take_signals(int signals)
{
    struct signalfd_siginfo info;
    bool end = false;
    while (read(signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP)
            reread_settings();
        else
            end = true;
    }
    return end;
}

static int run_fileview(void)
{
    const struct aq_config_fs *config = &fs.config;
    struct fileview view;
    struct aq_error error = {0};
    const struct fileview_signals signals = {open_signals(&error), take_signals};
    if (signals.fd < 0 || fileview_open(&view, config, fs.users, &signals, &error) != 0) {
        aq_journal(AQ_ERROR, "cannot start", "error", error.message, NULL);
        return EXIT_FAILURE;
    }
    aq_journal(AQ_INFO, "mounting", "mount", config->mount, "data", config->data, NULL);
    int status = loop_run(&view, &signals, notify_ready, &error);
    aq_notify("STOPPING=1");
    if (status != 0)
        aq_journal(AQ_ERROR, "cannot serve", "error", error.message, NULL);
    else
        aq_journal(AQ_INFO, "unmounted", "mount", config->mount, NULL);
    fileview_close(&view);
    return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Keeps glibc's thresholds for returning memory to the system fixed. By default it raises them to the size of the
 * largest block that was freed, and would keep the memory of closed files. */
static void return_memory_early(void)
{
    enum { RETURNED_SIZE = 128 << 10 };
    mallopt(M_MMAP_THRESHOLD, RETURNED_SIZE);
    mallopt(M_TRIM_THRESHOLD, RETURNED_SIZE);
}

int main(int count, char **words)
{
    struct aq_error error;
    aq_program_begin();
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    int status = aq_program_read(&aq_fs_program, count, words, NULL, &fs.arguments);
    if (status < 0 && (aq_config_read(&aq_config_fs_record, &fs.config, &fs.arguments, &fs.arena, &error) != 0 ||
                       callers_map_open(&fs.users, &fs.config.users, &error) != 0)) {
        fprintf(stderr, "aq-fs: %s\n", error.message);
        status = AQ_EXIT_USAGE;
    }
    if (status < 0) {
        aq_journal_open("fs", (enum aq_journal_level)fs.config.journal);
        return_memory_early();
        lmdb_guard_signals("aq-fs");
        status = run_fileview();
    }
    callers_map_close(fs.users);
    aq_arguments_free(&fs.arguments);
    aq_arena_free(&fs.arena);
    return status;
}
