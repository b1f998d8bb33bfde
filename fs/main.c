/* aq-fs: the cluster as a directory. See fileview.h and loop.h. */
#include "controller/lmdb/guard.h"
#include "fs/loop.h"
#include "schema/base/journal.h"
#include "schema/base/notify.h"

#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>

static void notify_ready(void)
{
    aq_notify("READY=1");
}

/* The loop reads signals from this descriptor. */
static int open_signals(void)
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

static int run_fileview(const struct aq_config_fs *config)
{
    struct fileview view;
    struct aq_error error = {0};
    int signals = open_signals();
    if (fileview_open(&view, config, signals, &error) != 0) {
        aq_journal(AQ_ERROR, "cannot start", "error", error.message, NULL);
        return EXIT_FAILURE;
    }
    aq_journal(AQ_INFO, "mounting", "mount", config->mount, "data", config->data, NULL);
    int status = loop_run(&view, signals, notify_ready, &error);
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
    struct aq_arguments arguments;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_config_fs config;
    struct aq_error error;
    aq_program_begin();
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    int status = aq_program_read(&aq_fs_program, count, words, NULL, &arguments);
    if (status < 0 && aq_config_read(&aq_config_fs_record, &config, &arguments, &arena, &error) != 0) {
        fprintf(stderr, "aq-fs: %s\n", error.message);
        status = AQ_EXIT_USAGE;
    }
    if (status < 0) {
        aq_journal_open("fs", (enum aq_journal_level)config.journal);
        return_memory_early();
        lmdb_guard_signals("aq-fs");
        status = run_fileview(&config);
    }
    aq_arguments_free(&arguments);
    return status;
}
