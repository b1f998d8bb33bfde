#include "drivers/libvirt/libvirt.h"

#include "drivers/libvirt/begin.h"
#include "drivers/libvirt/kvm.h"
#include "drivers/libvirt/machine.h"
#include "drivers/libvirt/machine_lease.h"
#include "schema/base/bell.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"
#include "schema/base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

/* ---- what libvirt tells ---------------------------------------------------------------------------------- */

static const struct virt_machine *find_listed(const struct virt_machine *machines, size_t count, uint64_t resource)
{
    for (size_t i = 0; i < count; i++)
        if (machines[i].resource == resource)
            return &machines[i];
    return NULL;
}

/* What may have changed while there was no connection. */
static void compare(struct driver *driver, struct machine *machine, const struct virt_machine *listed)
{
    bool started = machine->phase == MACHINE_WAITING || machine->phase == MACHINE_RUNNING ||
                   machine->phase == MACHINE_STOPPING || machine->phase == MACHINE_KILLING;
    if (!started || machine->over)
        return;
    if (listed == NULL || strcmp(machine->record.uuid, listed->uuid) != 0)
        machine_is_gone(machine);
    else if (listed->state == VIR_DOMAIN_SHUTOFF || listed->state == VIR_DOMAIN_CRASHED)
        machine_is_off(machine, listed->state, listed->reason);
    else if (virt_disk_has_failed(listed->state, listed->reason))
        machine_disk_failed(driver, machine, "unknown");
}

static void go_on_with_all(struct driver *driver)
{
    /* Machines may go meanwhile; none comes. */
    for (size_t i = driver->roster.count; i-- > 0;)
        if (i < driver->roster.count)
            machine_go_on(driver, driver->roster.entries[i].workload);
}

/* Once; what starts before that is known is emulated. */
static void try_kvm(struct driver *driver)
{
    if (driver->kvm_tried || driver->settings.kvm != AQ_KVM_PROBE || virt_kind(driver->connection) != VIRT_QEMU)
        return;
    driver->kvm_tried = true;
    kvm_try(driver->pool, virt_take(driver->connection), driver->node, &driver->settings, driver->now->steady_ms,
            &driver->kvm_works);
}

static void connected(void *context, const struct virt_machine *machines, size_t count)
{
    struct driver *driver = context;
    driver->stray_count = 0;
    try_kvm(driver);
    for (size_t i = 0; i < count; i++)
        if (roster_find(&driver->roster, machines[i].resource) == NULL) {
            AQ_GROW(driver->strays, driver->stray_count, driver->stray_capacity);
            driver->strays[driver->stray_count++] = machines[i].resource;
        }
    for (size_t i = 0; i < driver->roster.count; i++) {
        struct machine *machine = driver->roster.entries[i].workload;
        compare(driver, machine, find_listed(machines, count, machine->resource));
    }
    go_on_with_all(driver);
}

static void has_stopped(struct machine *machine, int detail)
{
    static const int reasons[] = {[VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN] = VIR_DOMAIN_SHUTOFF_SHUTDOWN,
                                  [VIR_DOMAIN_EVENT_STOPPED_DESTROYED] = VIR_DOMAIN_SHUTOFF_DESTROYED,
                                  [VIR_DOMAIN_EVENT_STOPPED_CRASHED] = VIR_DOMAIN_SHUTOFF_CRASHED,
                                  [VIR_DOMAIN_EVENT_STOPPED_MIGRATED] = VIR_DOMAIN_SHUTOFF_MIGRATED,
                                  [VIR_DOMAIN_EVENT_STOPPED_SAVED] = VIR_DOMAIN_SHUTOFF_SAVED,
                                  [VIR_DOMAIN_EVENT_STOPPED_FAILED] = VIR_DOMAIN_SHUTOFF_CRASHED,
                                  [VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT] = VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT};
    int reason = detail >= 0 && detail < (int)AQ_LENGTH(reasons) ? reasons[detail] : VIR_DOMAIN_SHUTOFF_CRASHED;
    if (machine->phase == MACHINE_STARTING)
        machine->early_end = reason; /* if the start fails, that is the reason */
    else
        machine_is_off(machine, VIR_DOMAIN_SHUTOFF, reason);
}

static void happened(void *context, const struct virt_event *event)
{
    struct driver *driver = context;
    struct machine *machine = roster_find(&driver->roster, event->resource);
    if (machine == NULL || strcmp(machine->record.uuid, event->uuid) != 0)
        return;
    if (event->io_reason[0] != '\0')
        machine_disk_failed(driver, machine, event->io_reason);
    if (event->event == VIR_DOMAIN_EVENT_STOPPED)
        has_stopped(machine, event->detail);
    machine_go_on(driver, machine);
}

static void take_readings(void *context, const struct gauge_reading *readings, size_t count)
{
    const struct driver *driver = context;
    for (size_t i = 0; i < count; i++) {
        struct machine *machine = roster_find(&driver->roster, readings[i].resource);
        if (machine != NULL && strcmp(machine->record.uuid, readings[i].uuid) == 0)
            machine->used = readings[i].used;
    }
}

/* ---- open and close -------------------------------------------------------------------------------------- */

static int libvirt_probe(struct aq_error *error)
{
    (void)error; /* where to connect is known later: see configure() */
    return 0;
}

static void watch(struct driver *driver, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    int failed = epoll_ctl(driver->wake, EPOLL_CTL_ADD, fd, &event);
    aq_assert(failed == 0);
}

static struct driver *libvirt_open(const char *node, const struct aq_clocks *now, driver_report_fn *report,
                                   void *context)
{
    struct aq_error error;
    struct driver *driver = aq_calloc(1, sizeof *driver);
    driver->now = now;
    driver->report = report;
    driver->context = context;
    driver->node = aq_strdup(node);
    driver->begin = action_begin;
    driver->bell = aq_bell_open(&error);
    driver->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    driver->wake = epoll_create1(EPOLL_CLOEXEC);
    aq_assert(driver->bell >= 0 && driver->inotify >= 0 && driver->wake >= 0);
    watch(driver, driver->bell);
    watch(driver, driver->inotify);
    aq_record_copy(&aq_libvirt_settings_record, &driver->settings, &(struct aq_libvirt_settings){.patience = 30},
                   &driver->arena);
    driver->terminals = terminals_open(driver->wake);
    driver->pool = pool_open(driver->bell);
    driver->tasks = tasks_open(driver->pool, report, context);
    driver->connection =
        virt_open(driver->pool, driver->bell, node, (struct virt_watcher){connected, happened, driver});
    driver->gauge = gauge_open(driver->pool, driver->connection, node, take_readings, driver);
    return driver;
}

static void libvirt_close(struct driver *driver)
{
    if (driver == NULL)
        return;
    virt_close(driver->connection);
    if (!pool_close(driver->pool))
        return; /* threads are stuck, and may still use all of it */
    virt_free(driver->connection);
    tasks_free(driver->tasks);
    gauge_free(driver->gauge);
    for (size_t i = driver->roster.count; i-- > 0;) {
        struct machine *machine = driver->roster.entries[i].workload;
        while (console_copy(&machine->console))
            ;
        machine_free(driver, machine);
    }
    terminals_close(driver->terminals);
    roster_free(&driver->roster);
    schedule_free(&driver->schedule);
    close(driver->wake);
    close(driver->inotify);
    close(driver->bell);
    aq_arena_free(&driver->arena);
    free(driver->strays);
    free(driver->node);
    free(driver);
}

static void libvirt_configure(struct driver *driver, const struct driver_settings *settings)
{
    struct aq_libvirt_settings next;
    struct aq_arena arena = {0};
    if (settings->own == NULL)
        return;
    aq_record_copy(&aq_libvirt_settings_record, &next, settings->own, &arena);
    aq_arena_free(&driver->arena);
    driver->arena = arena;
    driver->settings = next;
    virt_configure(driver->connection, next.uri, next.patience * 1000, driver->now->steady_ms);
}

/* ---- workloads ------------------------------------------------------------------------------------------- */

static int watch_console(struct driver *driver, struct machine *machine, struct aq_error *error)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    if (console_open(&machine->console, machine->directory, machine->record.log_size,
                     (unsigned)machine->record.log_files, error) != 0)
        return -1;
    machine->watch =
        inotify_add_watch(driver->inotify, aq_arena_format(&arena, "%s/" PLAN_CONSOLE_DIRECTORY, machine->directory),
                          IN_MODIFY | IN_CREATE | IN_ONLYDIR);
    return machine->watch >= 0 ? 0 : aq_fail_errno(error, errno, "the console cannot be watched");
}

/* What ends a machine whose lease is over tells the driver so. */
static void watch_lease(struct driver *driver, struct machine *machine)
{
    const char *path = machine_lease_path(machine->directory);
    if (machine->record.lease_s == 0)
        return;
    AQ_CLEANUP_FD int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    machine->lease_watch = file >= 0 ? inotify_add_watch(driver->inotify, path, IN_MODIFY) : -1;
}

static bool take_stray(struct driver *driver, uint64_t resource)
{
    for (size_t i = 0; i < driver->stray_count; i++)
        if (driver->strays[i] == resource) {
            driver->strays[i] = driver->strays[--driver->stray_count];
            return true;
        }
    return false;
}

static int libvirt_start(struct driver *driver, const struct driver_spec *spec, struct aq_error *error)
{
    const struct aq_libvirt_options *options = spec->options;
    if (roster_find(&driver->roster, spec->resource) != NULL)
        return aq_fail(error, AQ_E_EXISTS, "resource %" PRIu64 " is running on this node already", spec->resource);
    bool kvm = driver->settings.kvm == AQ_KVM_YES || (driver->settings.kvm == AQ_KVM_PROBE && driver->kvm_works);
    struct plan *plan = plan_make(spec, driver->node, virt_kind(driver->connection), &driver->settings, kvm, error);
    if (plan == NULL)
        return -1;
    if (spec->lease_s > 0 &&
        (strlen(spec->lease_file) >= RECORD_LEASE_SIZE || strchr(spec->lease_file, '\n') != NULL)) {
        plan_free(plan);
        return aq_fail(error, AQ_E_INVALID, "its lease cannot be kept: the path of the lease file is too long");
    }
    struct machine *machine = machine_add(driver, spec->resource, spec->directory, MACHINE_STARTING);
    struct machine_record *record = &machine->record;
    machine->plan = plan;
    machine->address_wait_s = options->address_wait;
    snprintf(record->boot, sizeof record->boot, "%s", aq_boot_id());
    memcpy(record->uuid, plan->uuid, sizeof record->uuid);
    snprintf(record->mac, sizeof record->mac, "%s", plan->macs[0]);
    snprintf(record->seed, sizeof record->seed, "%s", plan->seed != NULL ? plan->seed : "");
    record->stop_grace_s = options->stop_grace;
    record->lease_s = spec->lease_s;
    snprintf(record->lease_file, sizeof record->lease_file, "%s", spec->lease_s > 0 ? spec->lease_file : "");
    record->log_size = options->log_size;
    record->log_files = options->log_files;
    if (machine_record_write(record, spec->directory, error) != 0 || watch_console(driver, machine, error) != 0) {
        machine_free(driver, machine);
        return -1;
    }
    watch_lease(driver, machine);
    machine->until_ms = driver->now->steady_ms + driver->settings.patience * 1000;
    machine_go_on(driver, machine);
    return 0;
}

/* What is reported is told in the next turn. */
static void go_on_soon(struct driver *driver, struct machine *machine)
{
    machine_wake_at(driver, machine, driver->now->steady_ms);
}

static int libvirt_adopt(struct driver *driver, uint64_t resource, const char *directory, struct aq_error *error)
{
    if (roster_find(&driver->roster, resource) != NULL)
        return aq_fail(error, AQ_E_EXISTS, "resource %" PRIu64 " is running on this node already", resource);
    struct machine_record record = {0};
    if (machine_record_read(&record, directory, error) != 0 && error->code != AQ_E_NOT_FOUND)
        return -1;
    struct machine *machine = machine_add(driver, resource, directory, MACHINE_LOOKING);
    take_stray(driver, resource);
    machine->record = record;
    if (record.uuid[0] == '\0')
        machine_is_over(machine, true, 0, "the agent ended before it started the workload");
    else if (watch_console(driver, machine, error) != 0)
        aq_journal(AQ_WARN, "the console of a machine is not read", "error", error->message, NULL);
    if (!machine->record.over)
        watch_lease(driver, machine);
    go_on_soon(driver, machine);
    return 0;
}

/* Without a connection nobody knows: then the answer comes as the end. */
static bool libvirt_end_leftover(struct driver *driver, uint64_t resource)
{
    char name[VIRT_NAME_SIZE];
    if (roster_find(&driver->roster, resource) != NULL)
        return false;
    if (virt_fault(driver->connection)[0] == '\0' && !take_stray(driver, resource))
        return false;
    struct machine *machine = machine_add(driver, resource, NULL, MACHINE_LOOKING);
    virt_name(name, driver->node, resource);
    machine->is_leftover = machine->record.defined = true;
    snprintf(machine->record.seed, sizeof machine->record.seed, "%s/%s.iso", driver->settings.seeds, name);
    go_on_soon(driver, machine);
    return true;
}

/* Asked once, before all else: then it may wait for the first connection for a while. */
static size_t libvirt_leftovers(struct driver *driver, uint64_t *resources, size_t most)
{
    enum { WAIT_MS = 5000 };
    uint64_t now_ms = aq_clocks_read().steady_ms, until_ms = now_ms + WAIT_MS;
    while (virt_is_undecided(driver->connection) && now_ms < until_ms) {
        struct pollfd bell = {.fd = driver->bell, .events = POLLIN};
        int ready = poll(&bell, 1, (int)(until_ms - now_ms));
        (void)ready;
        now_ms = aq_clocks_read().steady_ms;
        aq_bell_clear(driver->bell);
        virt_work(driver->connection, now_ms);
        pool_work(driver->pool, now_ms);
    }
    size_t count = driver->stray_count < most ? driver->stray_count : most;
    if (count > 0)
        memcpy(resources, driver->strays, count * sizeof *resources);
    return count;
}

static void libvirt_stop(struct driver *driver, uint64_t resource)
{
    struct machine *machine = roster_find(&driver->roster, resource);
    if (machine == NULL || machine->stop_wanted)
        return;
    machine->stop_wanted = true;
    if (machine->action != NULL && machine->action->kind == ACTION_START)
        atomic_store(&machine->action->cancelled, true);
    machine_go_on(driver, machine);
}

static bool libvirt_sample(struct driver *driver, uint64_t resource, struct aq_sample *sample)
{
    const struct machine *machine = roster_find(&driver->roster, resource);
    if (machine == NULL || !machine->told_started || machine->over || machine->used.at_ms == 0)
        return false;
    *sample = machine->used;
    sample->resource = resource;
    return true;
}

/* ---- consoles -------------------------------------------------------------------------------------------- */

static int libvirt_command(struct driver *driver, const struct driver_command *command, struct aq_error *error)
{
    const struct machine *machine = roster_find(&driver->roster, command->resource);
    if (strcmp(command->arguments[0], "console") != 0 || command->arguments[1] != NULL)
        return aq_fail(
            error, AQ_E_INVALID,
            "a machine runs no commands from outside, so there is no aq exec and no aq cp: use its network, or "
            "aq console");
    if (machine == NULL || !machine->told_started || machine->over || machine->directory == NULL)
        return aq_fail(error, AQ_E_STATE, "resource %" PRIu64 " does not run", command->resource);
    if (machine->port[0] == '\0')
        return aq_fail(error, AQ_E_STATE, "this machine has no console");
    return terminals_add(driver->terminals, command, machine->port, machine->directory, error);
}

static void libvirt_end_command(struct driver *driver, uint64_t number)
{
    terminals_end(driver->terminals, number);
}

/* ---- tasks ----------------------------------------------------------------------------------------------- */

static int libvirt_task(struct driver *driver, const struct driver_task *task, struct aq_error *error)
{
    enum { NAME_MOST = 100 };
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const struct machine *machine = roster_find(&driver->roster, task->resource);
    if (machine == NULL || !machine->told_started || machine->over || machine->directory == NULL)
        return aq_fail(error, AQ_E_STATE, "resource %" PRIu64 " does not run", task->resource);
    if (strlen(task->name) > NAME_MOST || !aq_name_is_good(task->name, strlen(task->name)))
        return aq_fail(error, AQ_E_INVALID,
                       "the name of an image or a snapshot is \"%.*s\", but must be at most %d letters, digits, '.', "
                       "'_' and '-', and begin with a letter or digit",
                       NAME_MOST, task->name, NAME_MOST);
    virConnectPtr open = virt_take(driver->connection);
    if (open == NULL)
        return aq_fail(error, AQ_E_STATE, "%s", virt_fault(driver->connection));
    const char *disk = aq_arena_format(&arena, "%s/disk.qcow2", machine->directory);
    tasks_begin(driver->tasks, task, open, machine->record.uuid, access(disk, F_OK) == 0 ? disk : "",
                driver->settings.images, driver->now->steady_ms);
    return 0;
}

static void libvirt_end_task(struct driver *driver, uint64_t number)
{
    tasks_end(driver->tasks, number);
}

static void consoles_work(struct driver *driver)
{
    struct terminal_end end;
    terminals_work(driver->terminals);
    while (terminals_take_ended(driver->terminals, &end)) {
        const struct driver_report report = {.resource = end.resource,
                                             .kind = DRIVER_COMMAND_ENDED,
                                             DRIVER_NOT_STARTED,
                                             .exit_status = end.exit_status,
                                             .reason = end.reason,
                                             .command = end.number};
        driver->report(driver->context, &report);
    }
}

/* ---- turns ----------------------------------------------------------------------------------------------- */

static struct machine *find_watched(const struct driver *driver, int number)
{
    for (size_t i = 0; i < driver->roster.count; i++) {
        struct machine *machine = driver->roster.entries[i].workload;
        if (machine->watch == number || machine->lease_watch == number)
            return machine;
    }
    return NULL;
}

static void take_console_events(struct driver *driver)
{
    _Alignas(struct inotify_event) char bytes[4096];
    ssize_t length = read(driver->inotify, bytes, sizeof bytes);
    int last = -1;
    for (ssize_t at = 0; at < length;) {
        const struct inotify_event *event = (const struct inotify_event *)(bytes + at);
        struct machine *machine = event->wd == last ? NULL : find_watched(driver, event->wd);
        at += (ssize_t)(sizeof *event + event->len);
        last = event->wd;
        if (machine != NULL && machine->lease_watch == event->wd)
            machine_look_at_lease(driver, machine);
        else if (machine != NULL)
            machine_copy(driver, machine);
    }
}

static void libvirt_work(struct driver *driver)
{
    const uint64_t now_ms = driver->now->steady_ms;
    struct schedule_entry entry;
    aq_bell_clear(driver->bell);
    take_console_events(driver);
    virt_work(driver->connection, now_ms);
    pool_work(driver->pool, now_ms);
    if (driver->roster.count > 0)
        gauge_work(driver->gauge, now_ms);
    while (schedule_take(&driver->schedule, now_ms, &entry)) {
        struct machine *machine = roster_find(&driver->roster, entry.resource);
        if (machine == NULL || machine->due_ms != entry.due_ms)
            continue;
        machine_copy(driver, machine);
        machine_go_on(driver, machine);
    }
    consoles_work(driver);
}

static int libvirt_wake_fd(struct driver *driver)
{
    return driver->wake;
}

static uint64_t least(uint64_t one, uint64_t other)
{
    return one < other ? one : other;
}

static uint64_t libvirt_deadline_ms(struct driver *driver)
{
    const uint64_t gauge_ms = driver->roster.count > 0 ? gauge_deadline_ms(driver->gauge) : UINT64_MAX;
    return least(least(schedule_next_ms(&driver->schedule), gauge_ms),
                 least(pool_deadline_ms(driver->pool), virt_deadline_ms(driver->connection)));
}

static const char *refusal(const struct driver *driver)
{
    const char *fault = virt_fault(driver->connection);
    return fault[0] != '\0' ? fault : NULL;
}

static const struct driver_life life = {.refusal = refusal};

const struct driver_type libvirt_driver_type = {
    .life = &life,
    .declared = &aq_driver_libvirt,
    .settings = &aq_libvirt_settings_record,
    .keeps_leases = true,
    .probe = libvirt_probe,
    .open = libvirt_open,
    .close = libvirt_close,
    .configure = libvirt_configure,
    .start = libvirt_start,
    .adopt = libvirt_adopt,
    .end_leftover = libvirt_end_leftover,
    .leftovers = libvirt_leftovers,
    .stop = libvirt_stop,
    .sample = libvirt_sample,
    .task = libvirt_task,
    .end_task = libvirt_end_task,
    .command = libvirt_command,
    .end_command = libvirt_end_command,
    .wake_fd = libvirt_wake_fd,
    .deadline_ms = libvirt_deadline_ms,
    .work = libvirt_work,
};
