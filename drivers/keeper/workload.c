#include "drivers/keeper/workload.h"

#include "drivers/lease.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <unistd.h>

enum {
    LOOK_AGAIN_MS = 10,
    SHORT_AGAIN_MS = 100,
    CLEAR_AGAIN_MS = 2,
    CLEAR_AGAIN_MOST_MS = 500,
    KEEPER_LATE_MS = 10000,
    LEFTOVER_GRACE_MS = 10000 /* between SIGTERM and SIGKILL */
};
enum { STATUS_KILLED = 128 + SIGKILL };

struct kept_workload *kept_workload_add(struct driver *driver, uint64_t resource, const char *directory)
{
    struct kept_workload *workload = aq_calloc(1, sizeof *workload);
    workload->resource = resource;
    workload->directory = aq_strdup(directory);
    workload->job = workload->status = workload->asked = workload->pidfd = -1;
    workload->due_ms = UINT64_MAX;
    roster_add(&driver->roster, resource, workload);
    return workload;
}

static void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void kept_workload_free(struct kept_workload *workload)
{
    fd_close(&workload->job);
    fd_close(&workload->status);
    fd_close(&workload->asked);
    fd_close(&workload->pidfd);
    free(workload->directory);
    free(workload);
}

int kept_workload_watch(struct driver *driver, struct kept_workload *workload, int fd, struct aq_error *error)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = workload->resource};
    if (epoll_ctl(driver->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        return aq_fail_errno(error, errno, "cannot watch a process");
    return 0;
}

void kept_workload_wake_in(struct driver *driver, struct kept_workload *workload, unsigned ms)
{
    workload->due_ms = driver->now->steady_ms + ms;
    schedule_add(&driver->schedule, workload->due_ms, workload->resource);
}

/* ---- reporting ---------------------------------------------------------------------------------------- */

static void workload_report(struct driver *driver, struct kept_workload *workload, enum driver_report_kind kind,
                            int exit_status, const char *reason)
{
    struct kept_identity identity = {.ip_addr = "", .hw_addr = "", .device = ""};
    snprintf(identity.name, sizeof identity.name, "pid %d", workload->state.main.pid);
    if (kind == DRIVER_STARTED && driver->kind->identify != NULL) {
        AQ_CLEANUP_FD int directory = open(workload->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        driver->kind->identify(directory, &workload->state, &identity);
        memcpy(workload->device, identity.device, sizeof workload->device);
    }
    struct driver_report report = {.resource = workload->resource,
                                   .kind = kind,
                                   .identifier = identity.name,
                                   .ip_addr = identity.ip_addr,
                                   .hw_addr = identity.hw_addr,
                                   .exit_status = exit_status,
                                   .lease_over = strcmp(reason, LEASE_OVER) == 0,
                                   .reason = reason};
    driver->report(driver->context, &report);
}

/* A keeper that was told to stop and is late is killed. */
static void keeper_watch_end(struct driver *driver, struct kept_workload *workload)
{
    kept_workload_wake_in(driver, workload, workload->state.stop_grace_s * 1000 + KEEPER_LATE_MS);
}

static void workload_started(struct driver *driver, struct kept_workload *workload)
{
    workload->phase = KEPT_RUNNING;
    workload->due_ms = UINT64_MAX;
    if (workload->stopping)
        keeper_watch_end(driver, workload);
    for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++) {
        unsigned bit = 1u << i;
        if ((workload->state.lacking & bit) == 0 || (driver->told_lacking & bit) != 0)
            continue;
        driver->told_lacking |= bit;
        aq_journal(AQ_WARN, "processes run without a limit: this host has no control group to set it in", "driver",
                   driver->kind->declared->name, "controller", cgroup_controller_name(i), NULL);
    }
    workload_report(driver, workload, DRIVER_STARTED, 0, "");
}

/* The callback may call the driver, so the workload is removed first. */
static void workload_over(struct driver *driver, struct kept_workload *workload, const struct keeper_exit *end)
{
    if (driver->kind->over != NULL)
        driver->kind->over(driver, workload->resource);
    roster_remove(&driver->roster, workload->resource);
    workload_report(driver, workload, end->failed ? DRIVER_FAILED : DRIVER_ENDED, end->failed ? 0 : end->exit_status,
                    end->reason);
    kept_workload_free(workload);
}

void kept_workload_fail(struct driver *driver, struct kept_workload *workload, const char *reason)
{
    struct keeper_exit end = {.failed = true};
    snprintf(end.reason, sizeof end.reason, "%s", reason);
    workload_over(driver, workload, &end);
}

static void workload_ended(struct driver *driver, struct kept_workload *workload, const struct keeper_exit *end)
{
    /* If it ended before its start was seen, the start is reported first, unless an earlier run of the agent may have
     * reported it. */
    if (!end->failed && workload->phase == KEPT_STARTING && !workload->adopted) {
        uint64_t resource = workload->resource;
        workload_started(driver, workload);
        if (roster_find(&driver->roster, resource) != workload)
            return;
    }
    workload_over(driver, workload, end);
}

/* ---- after a keeper has died -------------------------------------------------------------------------- */

/* Without a control group: the main process has died with its keeper, and the processes in its process group are
 * killed. The number of the process group is not reused while one of them is left; a process that has this number, but
 * started at another time, shows that none is. */
static bool clear_without_group(const struct kept_workload *workload)
{
    const struct process_id *main = &workload->state.main;
    struct process_id now;
    if (main->pid <= 1 || (process_id_of(main->pid, &now) && now.start_ticks != main->start_ticks))
        return true;
    return kill(-main->pid, SIGKILL) != 0 || !process_group_runs(main->pid);
}

static bool clear_main(const struct kept_workload *workload)
{
    AQ_CLEANUP_FD int pidfd = process_id_open(&workload->state.main);
    if (pidfd < 0)
        return errno == ESRCH;
    if (!process_runs(pidfd))
        return true;
    pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
    return false;
}

static void workload_clear(struct driver *driver, struct kept_workload *workload)
{
    struct cgroup group;
    cgroup_name(&group, &driver->host, driver->node, workload->resource);
    bool grouped = cgroup_exists(&group);
    if (driver->now->steady_ms >= workload->kill_at_ms)
        cgroup_kill(&group);
    bool main_gone = clear_main(workload);
    bool others_gone = grouped ? cgroup_is_empty(&group) : main_gone && clear_without_group(workload);
    if (!main_gone || !others_gone || cgroup_remove(&group) != 0) {
        kept_workload_wake_in(driver, workload, workload->clear_again_ms);
        workload->clear_again_ms *= 2;
        if (workload->clear_again_ms > CLEAR_AGAIN_MOST_MS)
            workload->clear_again_ms = CLEAR_AGAIN_MOST_MS;
        return;
    }
    /* For the next run of the agent; if this cannot be written, that run finds out in the same way. */
    struct aq_error ignored;
    AQ_CLEANUP_FD int directory = open(workload->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int written = directory < 0 ? -1 : keeper_exit_write(directory, &workload->lost, false, &ignored);
    (void)written;
    workload_over(driver, workload, &workload->lost);
}

static void workload_lost(struct driver *driver, struct kept_workload *workload, bool ran, const char *reason)
{
    workload->phase = KEPT_CLEARING;
    workload->clear_again_ms = CLEAR_AGAIN_MS;
    workload->lost = (struct keeper_exit){.failed = !ran, .exit_status = ran ? STATUS_KILLED : 0};
    snprintf(workload->lost.reason, sizeof workload->lost.reason, "%s", reason);
    fd_close(&workload->status);
    fd_close(&workload->pidfd);
    workload_clear(driver, workload);
}

/* Its keeper, if that still runs, looks after the processes, and ends when they have. */
bool kept_workload_end_leftover(struct driver *driver, uint64_t resource)
{
    struct cgroup group;
    cgroup_name(&group, &driver->host, driver->node, resource);
    if (roster_find(&driver->roster, resource) != NULL || !cgroup_exists(&group))
        return false;
    if (cgroup_is_empty(&group)) {
        int removed = cgroup_remove(&group);
        (void)removed; /* an empty group does no harm */
        return false;
    }
    struct kept_workload *workload = kept_workload_add(driver, resource, "");
    workload->phase = KEPT_CLEARING;
    workload->clear_again_ms = CLEAR_AGAIN_MS;
    workload->kill_at_ms = driver->now->steady_ms + LEFTOVER_GRACE_MS;
    workload->lost = (struct keeper_exit){.exit_status = STATUS_KILLED, .reason = "it was left without a record"};
    cgroup_signal(&group, SIGTERM);
    cgroup_signal(&group, SIGCONT);
    kept_workload_wake_in(driver, workload, CLEAR_AGAIN_MS);
    return true;
}

/* ---- reading the files -------------------------------------------------------------------------------- */

/* No keeper has been seen. If none can come any more, gives the workload up; a keeper that comes later sees that. */
static void workload_unseen(struct driver *driver, struct kept_workload *workload, int directory)
{
    struct aq_error error;
    struct keeper_state none = {0};
    if (workload->status >= 0) {
        if (workload->stopping)
            kept_workload_wake_in(driver, workload, LOOK_AGAIN_MS);
        return;
    }
    int claimed = keeper_state_claim(directory, &none, &error);
    if (claimed < 0)
        kept_workload_fail(driver, workload, error.message);
    else if (claimed == 0)
        kept_workload_fail(driver, workload,
                           workload->adopted ? "the agent ended before it started the workload"
                                             : "its keeper could not be started");
    else
        kept_workload_wake_in(driver, workload, 0); /* a keeper has just come */
}

static void keeper_tell_to_stop(const struct kept_workload *workload)
{
    pidfd_send_signal(workload->pidfd, SIGTERM, NULL, 0);
    pidfd_send_signal(workload->pidfd, SIGCONT, NULL, 0);
}

/* The keeper is known. */
static void workload_kept(struct driver *driver, struct kept_workload *workload, int directory)
{
    struct aq_error error;
    struct keeper_exit end;
    if (workload->pidfd < 0 && (workload->pidfd = process_id_open(&workload->state.keeper)) >= 0) {
        if (kept_workload_watch(driver, workload, workload->pidfd, &error) != 0) {
            fd_close(&workload->pidfd); /* the kernel is short of something: try again */
            kept_workload_wake_in(driver, workload, LOOK_AGAIN_MS);
            return;
        }
        if (workload->stopping)
            keeper_tell_to_stop(workload);
    }
    if (workload->pidfd < 0 && errno != ESRCH) {
        kept_workload_wake_in(driver, workload, LOOK_AGAIN_MS);
        return;
    }
    if (workload->pidfd < 0 || !process_runs(workload->pidfd)) {
        /* The keeper may have written the file since it was read. */
        if (keeper_exit_read(directory, &end) == KEEPER_READ)
            workload_ended(driver, workload, &end);
        else if (workload->state.main.pid == 0)
            workload_lost(driver, workload, false, "its keeper was killed before it started the workload");
        else
            workload_lost(driver, workload, true, "its keeper was killed, and the workload was ended with it");
        return;
    }
    if (workload->phase == KEPT_STARTING && workload->state.main.pid > 0)
        workload_started(driver, workload);
    else if (workload->phase == KEPT_STARTING && workload->status < 0)
        kept_workload_wake_in(driver, workload, LOOK_AGAIN_MS);
}

static void workload_look(struct driver *driver, struct kept_workload *workload)
{
    struct keeper_exit end;
    AQ_CLEANUP_FD int directory = open(workload->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0 && errno != ENOENT && errno != ENOTDIR) {
        kept_workload_wake_in(driver, workload, SHORT_AGAIN_MS);
        return;
    }
    if (directory < 0) {
        struct aq_error error;
        aq_fail_errno(&error, errno, "directory %s", workload->directory);
        workload_lost(driver, workload, workload->phase == KEPT_RUNNING || workload->adopted, error.message);
        return;
    }
    enum keeper_read found = keeper_exit_read(directory, &end);
    if (found == KEEPER_READ) {
        keeper_state_read(
            directory, &workload->state); /* for the number of the main process, in case its start must be reported */
        workload_ended(driver, workload, &end);
        return;
    }
    if (found != KEEPER_UNREADABLE)
        found = keeper_state_read(directory, &workload->state);
    switch (found) {
    case KEEPER_UNREADABLE:
        kept_workload_wake_in(driver, workload, SHORT_AGAIN_MS);
        break;
    case KEEPER_MISSING:
        workload_unseen(driver, workload, directory);
        break;
    case KEEPER_TORN:
        workload_lost(driver, workload, true, "it was lost: the file state cannot be read");
        break;
    case KEEPER_OTHER_BOOT:
        workload_lost(driver, workload, true, "it ended when the host restarted");
        break;
    case KEEPER_READ:
        if (workload->state.keeper.pid == 0)
            kept_workload_fail(driver, workload, "the agent ended before it started the workload");
        else
            workload_kept(driver, workload, directory);
    }
}

void kept_workload_event(struct driver *driver, struct kept_workload *workload)
{
    char byte;
    if (workload->status >= 0 && (read(workload->status, &byte, 1) >= 0 || errno != EAGAIN))
        fd_close(&workload->status);
    if (workload->phase == KEPT_STARTING || workload->phase == KEPT_RUNNING)
        workload_look(driver, workload);
}

void kept_workload_due(struct driver *driver, struct kept_workload *workload)
{
    workload->due_ms = UINT64_MAX;
    if (workload->phase == KEPT_CLEARING) {
        workload_clear(driver, workload);
    } else if (workload->phase == KEPT_STARTING || !workload->stopping) {
        workload_look(driver, workload);
    } else {
        /* The keeper hangs. The pidfd shows its end, and the remaining processes are cleared. */
        pidfd_send_signal(workload->pidfd, SIGKILL, NULL, 0);
    }
}

void kept_workload_stop(struct driver *driver, struct kept_workload *workload)
{
    bool first = !workload->stopping;
    workload->stopping = true;
    if (workload->phase == KEPT_CLEARING || !first)
        return;
    if (workload->pidfd >= 0)
        keeper_tell_to_stop(workload);
    if (workload->phase == KEPT_RUNNING)
        keeper_watch_end(driver, workload);
    else if (workload->phase == KEPT_STARTING)
        kept_workload_wake_in(driver, workload, LOOK_AGAIN_MS);
}
