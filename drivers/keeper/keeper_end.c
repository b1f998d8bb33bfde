#include "drivers/keeper/keeper_end.h"

#include "drivers/keeper/exit_text.h"
#include "drivers/keeper/tree.h"
#include "drivers/keeper/usage.h"
#include "drivers/lease.h"
#include "schema/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { REMOVE_ATTEMPTS = 100, REMOVE_PAUSE_MS = 5, WRITE_ATTEMPTS = 50, WRITE_PAUSE_MS = 200 };
enum { CONTEXT_SIZE = WATCH_REASON_SIZE + 8 };
enum { LEFT_FILES_MAX = 100000 /* that are counted, and kept, at most */ };

void keeper_fail(struct keeper *keeper, const char *reason)
{
    if (keeper->failed)
        return;
    keeper->failed = true;
    snprintf(keeper->reason, sizeof keeper->reason, "%s", reason);
}

/* ---- ending the tree ---------------------------------------------------------------------------------- */

void keeper_signal_tree(struct keeper *keeper, int number)
{
    bool grouped = cgroup_exists(&keeper->group);
    if (number == SIGKILL) {
        cgroup_kill(&keeper->group);
        if (keeper->watch.counter != 0)
            kill(keeper->watch.counter, SIGKILL);
        if (keeper->starting != 0)
            kill(-keeper->starting, SIGKILL); /* with what it runs; it is in no group yet */
        if (keeper->main != 0 && !keeper->main_ended)
            kill(keeper->main, SIGKILL);
        if (keeper->init != 0)
            kill(keeper->init, SIGKILL); /* and with it all that is in its process namespace */
        /* Processes that have left the group, or have none. Scanning /proc is slow, so only if it is necessary. */
        if (!grouped || keeper->kill_again_ms > 20)
            tree_signal(getpid(), SIGKILL);
        return;
    }
    if (grouped) {
        cgroup_signal(&keeper->group, number);
        cgroup_signal(&keeper->group, SIGCONT); /* a stopped process does not handle it otherwise */
    } else {
        tree_signal(getpid(), number);
        tree_signal(getpid(), SIGCONT);
    }
}

/* ---- ending the keeper -------------------------------------------------------------------------------- */

static void sleep_ms(long ms)
{
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* Why it ended, if the status does not say so. */
static void reason_context(const struct keeper *keeper, bool out_of_memory, char context[CONTEXT_SIZE])
{
    bool by_kill = WIFSIGNALED(keeper->wait_status) && WTERMSIG(keeper->wait_status) == SIGKILL;
    context[0] = '\0';
    if (keeper->watch.reason[0] != '\0')
        snprintf(context, CONTEXT_SIZE, ": %s", keeper->watch.reason);
    else if (keeper->grace_over && keeper->state.stop_grace_s > 0)
        snprintf(context, CONTEXT_SIZE, ": still running %u s after SIGTERM", keeper->state.stop_grace_s);
    else if (keeper->stopping)
        snprintf(context, CONTEXT_SIZE, ": stopped");
    else if (out_of_memory && (by_kill || keeper->wait_status != 0))
        snprintf(context, CONTEXT_SIZE, ": out of memory");
}

static void describe_end(const struct keeper *keeper, bool out_of_memory, struct keeper_exit *end)
{
    char context[CONTEXT_SIZE], text[EXIT_TEXT_SIZE];
    *end = (struct keeper_exit){.failed = keeper->failed};
    if (keeper->lease_over) {
        end->exit_status = keeper->failed ? 0 : exit_describe(keeper->wait_status, text);
        snprintf(end->reason, sizeof end->reason, "%s", LEASE_OVER);
        return;
    }
    if (keeper->failed) {
        memcpy(end->reason, keeper->reason, sizeof end->reason);
        return;
    }
    reason_context(keeper, out_of_memory, context);
    end->exit_status = exit_describe(keeper->wait_status, text);
    snprintf(end->reason, sizeof end->reason, "%s%s", text, context);
}

/* An empty tree is not worth a note, and neither is one that takes long to count: its files are not kept. A disk always
 * has something. */
static void note_left(const struct keeper *keeper)
{
    static const char disk[] = "disk";
    const struct usage most = {.bytes = UINT64_MAX, .files = LEFT_FILES_MAX};
    struct driver_left left = {0};
    struct usage usage = {0};
    struct aq_error ignored;
    if (keeper->failed || keeper->kind->left == NULL || !keeper->kind->left(keeper->job, keeper->directory, &left) ||
        usage_add(keeper->directory, disk, &most, &usage) || usage_add(keeper->directory, left.tree, &most, &usage) ||
        usage.files == 0)
        return;
    snprintf(left.driver, sizeof left.driver, "%s", keeper->kind->name);
    left.bytes = usage.bytes;
    int failed = driver_left_write(keeper->directory, &left, &ignored);
    (void)failed; /* then they are not kept */
}

_Noreturn void keeper_finish(struct keeper *keeper)
{
    struct keeper_exit end;
    struct aq_error error;
    describe_end(keeper, cgroup_ran_out_of_memory(&keeper->group), &end);
    if (keeper->log.fd >= 0)
        keeper_log_close(&keeper->log);
    if (keeper->kind->clean != NULL && keeper->job != NULL)
        keeper->kind->clean(keeper->job, keeper->directory);
    note_left(keeper);
    for (int i = 0; i < REMOVE_ATTEMPTS && cgroup_remove(&keeper->group) != 0; i++)
        sleep_ms(REMOVE_PAUSE_MS);
    /* A full disk may get room again. Without the file the agent only knows that the keeper is gone. */
    for (int i = 0; i < WRITE_ATTEMPTS && keeper_exit_write(keeper->directory, &end, true, &error) != 0; i++)
        sleep_ms(WRITE_PAUSE_MS);
    _exit(0);
}
