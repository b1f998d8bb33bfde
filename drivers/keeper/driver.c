#include "drivers/keeper/driver.h"

#include "schema/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <unistd.h>

enum { EVENTS = 64, ROUNDS = 16, NURSERY_AGAIN_MS = 2 };

int kept_probe(struct aq_error *error)
{
    AQ_CLEANUP_FD int pidfd = pidfd_open(getpid(), 0);
    if (pidfd < 0)
        return aq_fail_errno(error, errno, "the kernel has no pidfds");
    AQ_CLEANUP_FD int memory = memfd_create("aquarium-probe", MFD_CLOEXEC);
    if (memory < 0)
        return aq_fail_errno(error, errno, "the kernel has no memory files");
    struct process_id id;
    if (!process_id_of(getpid(), &id) || access("/proc/self/exe", X_OK) != 0)
        return aq_fail(error, AQ_E_STATE, "/proc is not mounted or not readable");
    return 0;
}

struct driver *kept_open(const struct kept_kind *kind, const char *node, const struct aq_clocks *now,
                         driver_report_fn *report, void *context)
{
    struct driver *driver = aq_calloc(1, sizeof *driver);
    driver->kind = kind;
    driver->now = now;
    driver->report = report;
    driver->context = context;
    driver->node = aq_strdup(node);
    driver->epoll = epoll_create1(EPOLL_CLOEXEC);
    cgroup_host_read(&driver->host);
    nursery_init(&driver->nursery);
    if (kind->eager) {
        /* So that the first workload need not wait for it. If this fails, starting that workload reports it. */
        struct aq_error ignored;
        int started = nursery_start(&driver->nursery, &ignored);
        (void)started;
    }
    return driver;
}

void kept_close(struct driver *driver)
{
    if (driver == NULL)
        return;
    for (size_t i = 0; i < driver->roster.count; i++)
        kept_workload_free(driver->roster.entries[i].workload);
    roster_free(&driver->roster);
    schedule_free(&driver->schedule);
    devices_free(&driver->devices);
    nursery_close(&driver->nursery);
    if (driver->epoll >= 0)
        close(driver->epoll);
    if (driver->kind->forget != NULL)
        driver->kind->forget(driver->own);
    aq_arena_free(&driver->allowed);
    free(driver->node);
    free(driver);
}

void kept_allow(struct driver *driver, const struct aq_allowance *allowance)
{
    struct aq_arena arena = {0};
    driver->allowance = aq_allowance_copy(allowance, &arena);
    aq_arena_free(&driver->allowed);
    driver->allowed = arena;
}

/* ---- starting ----------------------------------------------------------------------------------------- */

/* Returns 0 if the nursery has the request, 1 if it is busy. */
static int workload_ask(struct driver *driver, struct kept_workload *workload, struct aq_error *error)
{
    int asked = nursery_ask(&driver->nursery, workload->job, workload->asked, error);
    if (asked != 0)
        return asked;
    close(workload->job);
    close(workload->asked);
    workload->job = workload->asked = -1;
    workload->phase = KEPT_STARTING;
    return 0;
}

static void waiting_add(struct driver *driver, struct kept_workload *workload)
{
    workload->next = NULL;
    if (driver->last_waiting != NULL)
        driver->last_waiting->next = workload;
    else
        driver->first_waiting = workload;
    driver->last_waiting = workload;
}

static void waiting_remove(struct driver *driver, struct kept_workload *workload)
{
    struct kept_workload *before = NULL;
    struct kept_workload **link = &driver->first_waiting;
    while (*link != NULL && *link != workload) {
        before = *link;
        link = &before->next;
    }
    aq_assert(*link == workload);
    *link = workload->next;
    if (driver->last_waiting == workload)
        driver->last_waiting = before;
    workload->next = NULL;
}

static void waiting_work(struct driver *driver)
{
    struct aq_error error;
    while (driver->first_waiting != NULL) {
        struct kept_workload *workload = driver->first_waiting;
        int asked = workload_ask(driver, workload, &error);
        if (asked > 0)
            return;
        waiting_remove(driver, workload);
        if (asked < 0)
            kept_workload_fail(driver, workload, error.message);
    }
}

static int workload_begin(struct driver *driver, struct kept_workload *workload, const struct driver_spec *spec,
                          struct aq_error *error)
{
    int ends[2];
    if (driver->epoll < 0)
        return aq_fail(error, AQ_E_IO, "the driver has no epoll descriptor");
    workload->job = driver->kind->encode(driver, spec, error);
    if (workload->job < 0)
        return -1;
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return aq_fail_errno(error, errno, "cannot create a pipe");
    workload->status = ends[0];
    workload->asked = ends[1];
    if (kept_workload_watch(driver, workload, workload->status, error) != 0)
        return -1;
    /* Workloads that wait already come first. */
    int asked = driver->first_waiting != NULL ? 1 : workload_ask(driver, workload, error);
    if (asked > 0)
        waiting_add(driver, workload);
    return asked < 0 ? -1 : 0;
}

int kept_start(struct driver *driver, const struct driver_spec *spec, struct aq_error *error)
{
    if (roster_find(&driver->roster, spec->resource) != NULL)
        return aq_fail(error, AQ_E_EXISTS, "resource %" PRIu64 " is running on this node already", spec->resource);
    struct kept_workload *workload = kept_workload_add(driver, spec->resource, spec->directory);
    workload->phase = KEPT_WAITING;
    if (workload_begin(driver, workload, spec, error) == 0)
        return 0;
    roster_remove(&driver->roster, workload->resource);
    kept_workload_free(workload);
    return -1;
}

int kept_adopt(struct driver *driver, uint64_t resource, const char *directory, struct aq_error *error)
{
    if (roster_find(&driver->roster, resource) != NULL)
        return aq_fail(error, AQ_E_EXISTS, "resource %" PRIu64 " is running on this node already", resource);
    if (driver->epoll < 0)
        return aq_fail(error, AQ_E_IO, "the driver has no epoll descriptor");
    if (access(directory, F_OK) != 0)
        return aq_fail_errno(error, errno, "directory %s", directory);
    struct kept_workload *workload = kept_workload_add(driver, resource, directory);
    workload->phase = KEPT_STARTING;
    workload->adopted = true;
    kept_workload_wake_in(driver, workload, 0);
    return 0;
}

/* ---- running ------------------------------------------------------------------------------------------ */

void kept_stop(struct driver *driver, uint64_t resource)
{
    struct kept_workload *workload = roster_find(&driver->roster, resource);
    if (workload == NULL)
        return;
    if (workload->phase != KEPT_WAITING) {
        kept_workload_stop(driver, workload);
        return;
    }
    waiting_remove(driver, workload);
    kept_workload_fail(driver, workload, "stopped before it started");
}

bool kept_sample(struct driver *driver, uint64_t resource, struct aq_sample *sample)
{
    struct kept_workload *workload = roster_find(&driver->roster, resource);
    struct cgroup group;
    if (workload == NULL || workload->phase != KEPT_RUNNING)
        return false;
    cgroup_name(&group, &driver->host, driver->node, resource);
    cgroup_read_usage(&group, &workload->usage, driver->now->steady_ms);
    sample->cpu_us = workload->usage.cpu_us;
    sample->memory = workload->usage.memory;
    sample->read = workload->usage.read;
    sample->written = workload->usage.written;
    const struct device_counters *device =
        workload->device[0] != '\0' ? devices_find(&driver->devices, workload->device, driver->now->steady_ms) : NULL;
    if (device != NULL) { /* the host gets what the workload sends */
        sample->received = aq_some(device->sent);
        sample->sent = aq_some(device->received);
    }
    return true;
}

void kept_work(struct driver *driver)
{
    struct epoll_event events[EVENTS];
    int count = driver->epoll >= 0 ? EVENTS : 0;
    for (int round = 0; round < ROUNDS && count == EVENTS; round++) {
        count = epoll_wait(driver->epoll, events, EVENTS, 0);
        for (int i = 0; i < count; i++) {
            /* An earlier event may have ended the workload. */
            struct kept_workload *workload = roster_find(&driver->roster, events[i].data.u64);
            if (workload != NULL)
                kept_workload_event(driver, workload);
        }
    }
    struct schedule_entry entry;
    while (schedule_take(&driver->schedule, driver->now->steady_ms, &entry)) {
        struct kept_workload *workload = roster_find(&driver->roster, entry.resource);
        if (workload != NULL && workload->due_ms == entry.due_ms)
            kept_workload_due(driver, workload);
    }
    waiting_work(driver);
}

int kept_wake_fd(struct driver *driver)
{
    return driver->epoll;
}

uint64_t kept_deadline_ms(struct driver *driver)
{
    uint64_t next_ms = schedule_next_ms(&driver->schedule);
    uint64_t again_ms = driver->now->steady_ms + NURSERY_AGAIN_MS;
    return driver->first_waiting != NULL && again_ms < next_ms ? again_ms : next_ms;
}
