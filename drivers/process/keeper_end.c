#include "drivers/process/keeper_end.h"

#include "schema/base/files.h"

#include <ctype.h>
#include <dirent.h>
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

void keeper_fail(struct keeper *keeper, const char *reason)
{
    if (keeper->failed)
        return;
    keeper->failed = true;
    snprintf(keeper->reason, sizeof keeper->reason, "%s", reason);
}

/* ---- ending the tree ---------------------------------------------------------------------------------- */

struct relation {
    pid_t pid;
    pid_t parent;
    bool ours; /* descends from this process */
};

static pid_t parent_of(pid_t pid)
{
    char path[48];
    char text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    aq_file_read_text(AT_FDCWD, path, text, sizeof text);
    const char *at = strrchr(text, ')');
    pid_t parent;
    return at != NULL && sscanf(at, ") %*c %d", &parent) == 1 ? parent : 0;
}

static struct relation *relations_read(size_t *count)
{
    struct relation *relations = NULL;
    size_t capacity = 0;
    *count = 0;
    DIR *stream = opendir("/proc");
    for (struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL;) {
        pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? (pid_t)strtol(entry->d_name, NULL, 10) : 0;
        if (pid <= 1)
            continue;
        AQ_GROW(relations, *count, capacity);
        relations[(*count)++] = (struct relation){pid, parent_of(pid), false};
    }
    if (stream != NULL)
        closedir(stream);
    return relations;
}

static int relation_compare(const void *a, const void *b)
{
    pid_t left = ((const struct relation *)a)->pid;
    pid_t right = ((const struct relation *)b)->pid;
    return (left > right) - (left < right);
}

/* Signals all descendants of this process, in groups or not; orphans have become its children. */
static void descendants_signal(int number)
{
    size_t count;
    struct relation *relations = relations_read(&count);
    if (count > 0)
        qsort(relations, count, sizeof *relations, relation_compare);
    /* Each round finds at least one more generation. */
    for (bool found = true; found;) {
        found = false;
        for (size_t i = 0; i < count; i++) {
            const struct relation wanted = {.pid = relations[i].parent};
            const struct relation *parent = bsearch(&wanted, relations, count, sizeof *relations, relation_compare);
            bool ours = wanted.pid == getpid() || (parent != NULL && parent->ours);
            found = found || (ours && !relations[i].ours);
            relations[i].ours = ours;
        }
    }
    for (size_t i = 0; i < count; i++)
        if (relations[i].ours)
            kill(relations[i].pid, number);
    free(relations);
}

void keeper_signal_tree(struct keeper *keeper, int number)
{
    bool grouped = cgroup_exists(&keeper->group);
    if (number == SIGKILL) {
        cgroup_kill(&keeper->group);
        if (!keeper->main_ended)
            kill(keeper->main, SIGKILL);
        /* Processes that have left the group, or have none. Scanning /proc is slow, so only if it is necessary. */
        if (!grouped || keeper->kill_again_ms > 20)
            descendants_signal(SIGKILL);
        return;
    }
    if (grouped) {
        cgroup_signal(&keeper->group, number);
        cgroup_signal(&keeper->group, SIGCONT); /* a stopped process does not handle it otherwise */
    } else {
        descendants_signal(number);
        descendants_signal(SIGCONT);
    }
}

/* ---- ending the keeper -------------------------------------------------------------------------------- */

static void sleep_ms(long ms)
{
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* Why it ended, if the status does not say so. */
static void reason_context(const struct keeper *keeper, bool out_of_memory, char context[64])
{
    bool by_kill = WIFSIGNALED(keeper->wait_status) && WTERMSIG(keeper->wait_status) == SIGKILL;
    context[0] = '\0';
    if (keeper->grace_over && keeper->state.stop_grace_s > 0)
        snprintf(context, 64, ": still running %u s after SIGTERM", keeper->state.stop_grace_s);
    else if (keeper->stopping)
        snprintf(context, 64, ": stopped");
    else if (out_of_memory && (by_kill || keeper->wait_status != 0))
        snprintf(context, 64, ": out of memory");
}

static void exit_describe(const struct keeper *keeper, bool out_of_memory, struct process_exit *end)
{
    char context[64];
    *end = (struct process_exit){.failed = keeper->failed};
    if (keeper->failed) {
        memcpy(end->reason, keeper->reason, sizeof end->reason);
        return;
    }
    reason_context(keeper, out_of_memory, context);
    if (WIFSIGNALED(keeper->wait_status)) {
        int number = WTERMSIG(keeper->wait_status);
        const char *name = sigabbrev_np(number);
        end->exit_status = 128 + number;
        snprintf(end->reason, sizeof end->reason, "killed by signal %d%s%s%s%s", number, name != NULL ? " (SIG" : "",
                 name != NULL ? name : "", name != NULL ? ")" : "", context);
    } else {
        end->exit_status = WEXITSTATUS(keeper->wait_status);
        snprintf(end->reason, sizeof end->reason, "exit status %d%s", end->exit_status, context);
    }
}

_Noreturn void keeper_finish(struct keeper *keeper)
{
    struct process_exit end;
    struct aq_error error;
    exit_describe(keeper, cgroup_ran_out_of_memory(&keeper->group), &end);
    if (keeper->log.fd >= 0)
        process_log_close(&keeper->log);
    for (int i = 0; i < REMOVE_ATTEMPTS && cgroup_remove(&keeper->group) != 0; i++)
        sleep_ms(REMOVE_PAUSE_MS);
    /* A full disk may get room again. Without the file the agent only knows that the keeper is gone. */
    for (int i = 0; i < WRITE_ATTEMPTS && process_exit_write(keeper->directory, &end, true, &error) != 0; i++)
        sleep_ms(WRITE_PAUSE_MS);
    _exit(0);
}
