#include "drivers/libvirt/machine.h"

#include "drivers/lease.h"
#include "drivers/libvirt/machine_lease.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

enum {
    STATUS_KILLED = 128 + 9,
    STATUS_CRASHED = 128 + 6,
    RETRY_MS = 1000,
    STUCK_MS = 10000,    /* after an action that has not ended in time: each keeps a thread */
    ASK_AGAIN_MS = 5000, /* a machine that is still booting may not have heard it */
    ADDRESS_MS = 500,    /* between two looks while its start waits for its address, */
    OFTEN_MS = 2000,     /* for a while after that, if it is not known, */
    OFTEN_FOR_MS = 120000,
    SELDOM_MS = 15000,    /* and from then on */
    TEND_MS = 30000,      /* if it is known: it may be another */
    DRAIN_MS = 50,        /* without a byte from the console: there is no more */
    FULL_MS = 2000,       /* between two attempts to go on after a fault of a disk */
    FULL_MOST_MS = 60000, /* after so long, it is ended */
};

struct machine *machine_add(struct driver *driver, uint64_t resource, const char *directory, enum machine_phase phase)
{
    struct machine *machine = aq_calloc(1, sizeof *machine);
    machine->resource = resource;
    machine->serial = ++driver->serials;
    machine->phase = phase;
    machine->directory = directory != NULL ? aq_strdup(directory) : NULL;
    machine->console.directory = -1;
    machine->watch = machine->lease_watch = -1;
    machine->due_ms = machine->until_ms = UINT64_MAX;
    roster_add(&driver->roster, resource, machine);
    return machine;
}

void machine_free(struct driver *driver, struct machine *machine)
{
    roster_remove(&driver->roster, machine->resource);
    const int watches[] = {machine->watch, machine->lease_watch};
    for (size_t i = 0; i < AQ_LENGTH(watches); i++)
        if (watches[i] >= 0)
            inotify_rm_watch(driver->inotify, watches[i]);
    console_close(&machine->console);
    plan_free(machine->plan);
    free(machine->directory);
    free(machine);
}

void machine_wake_at(struct driver *driver, struct machine *machine, uint64_t at_ms)
{
    machine->due_ms = at_ms;
    if (at_ms != UINT64_MAX)
        schedule_add(&driver->schedule, at_ms, machine->resource);
}

/* ---- reports -------------------------------------------------------------------------------------------- */

static void report(struct driver *driver, const struct machine *machine, enum driver_report_kind kind)
{
    char name[VIRT_NAME_SIZE], identifier[VIRT_NAME_SIZE + 16];
    virt_name(name, driver->node, machine->resource);
    snprintf(identifier, sizeof identifier, "machine %s", name);
    const struct driver_report told = {.resource = machine->resource,
                                       .kind = kind,
                                       .identifier = kind == DRIVER_STARTED ? identifier : "",
                                       .ip_addr = kind == DRIVER_STARTED ? machine->record.ip_addr : "",
                                       .hw_addr = kind == DRIVER_STARTED ? machine->record.mac : "",
                                       .lease_over =
                                           kind != DRIVER_STARTED && strcmp(machine->record.reason, LEASE_OVER) == 0,
                                       .exit_status = kind == DRIVER_ENDED ? machine->record.exit_status : 0,
                                       .reason = kind == DRIVER_STARTED ? "" : machine->record.reason};
    driver->report(driver->context, &told);
}

/* That it runs, or that its address is another. Nothing of the machine may be used after the report: its callback may
 * call the driver. */
static void tell_started(struct driver *driver, struct machine *machine)
{
    const bool told = machine->told_started && strcmp(machine->told_address, machine->record.ip_addr) == 0;
    machine->must_tell = false;
    machine->told_started = true;
    memcpy(machine->told_address, machine->record.ip_addr, sizeof machine->told_address);
    gauge_soon(driver->gauge, driver->now->steady_ms);
    if (!told)
        report(driver, machine, DRIVER_STARTED);
}

static void runs_now(struct driver *driver, struct machine *machine)
{
    machine->phase = MACHINE_RUNNING;
    machine->must_tell = !machine->told_started;
    machine->tend_ms = driver->now->steady_ms + OFTEN_MS; /* it is told first that it runs */
    machine->often_until_ms = driver->now->steady_ms + OFTEN_FOR_MS;
    machine_wake_at(driver, machine, UINT64_MAX);
}

/* The callback may call the driver: the machine is no longer in the roster then. */
static void tell_over(struct driver *driver, struct machine *machine)
{
    struct machine told = *machine;
    terminals_end_machine(driver->terminals, machine->resource);
    bool never_ran = machine->never_ran && !machine->told_started && !machine->is_leftover;
    machine_free(driver, machine);
    told.directory = NULL;
    report(driver, &told, never_ran ? DRIVER_FAILED : DRIVER_ENDED);
}

/* ---- the end -------------------------------------------------------------------------------------------- */

void machine_is_over(struct machine *machine, bool never_ran, int exit_status, const char *reason)
{
    if (machine->over)
        return;
    if (machine->record.lease_s > 0 && machine->directory != NULL && machine_lease_is_over(machine->directory)) {
        reason = LEASE_OVER;
        exit_status = never_ran ? 0 : STATUS_KILLED;
    }
    machine->over = true;
    machine->never_ran = never_ran;
    machine->record.exit_status = exit_status;
    snprintf(machine->record.reason, sizeof machine->record.reason, "%.*s", (int)strcspn(reason, "\n"), reason);
}

void machine_is_gone(struct machine *machine)
{
    machine_is_over(machine, false, STATUS_KILLED, "libvirt knows it no longer: it was removed from outside");
}

static void is_destroyed(struct machine *machine)
{
    char reason[RECORD_REASON_SIZE];
    if (!machine->stop_wanted && machine->phase == MACHINE_KILLING && machine->full_until_ms != 0) {
        snprintf(reason, sizeof reason, "ended by force: its disk could not be written for a minute: %s",
                 machine->disk_fault);
        machine_is_over(machine, false, STATUS_KILLED, reason);
        return;
    }
    if (!machine->stop_wanted) {
        machine_is_over(machine, false, STATUS_KILLED,
                        machine->is_leftover ? "ended by force: the agent had lost it"
                                             : "ended by force, from outside");
        return;
    }
    snprintf(reason, sizeof reason, "ended by force: it did not shut down within %" PRIu64 " s",
             machine->record.stop_grace_s);
    machine_is_over(machine, false, STATUS_KILLED, reason);
}

void machine_is_off(struct machine *machine, int state, int reason)
{
    if (state == VIR_DOMAIN_CRASHED || reason == VIR_DOMAIN_SHUTOFF_CRASHED ||
        (reason == VIR_DOMAIN_SHUTOFF_FAILED && machine->record.started))
        machine_is_over(machine, false, STATUS_CRASHED, "it crashed, or the program that emulates it was killed");
    else if (reason == VIR_DOMAIN_SHUTOFF_SHUTDOWN)
        machine_is_over(machine, false, 0, machine->stop_wanted ? "it shut down when it was asked" : "it powered off");
    else if (reason == VIR_DOMAIN_SHUTOFF_DESTROYED)
        is_destroyed(machine);
    else if (strcmp(aq_boot_id(), machine->record.boot) != 0)
        machine_is_over(machine, false, STATUS_KILLED, "it ended when the host restarted");
    else if (reason == VIR_DOMAIN_SHUTOFF_SAVED || reason == VIR_DOMAIN_SHUTOFF_MIGRATED ||
             reason == VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT)
        machine_is_over(machine, false, STATUS_KILLED, "it was saved, moved or set back from outside");
    else if (machine->record.started)
        machine_is_over(machine, false, STATUS_KILLED, "it ended while libvirt was restarted");
    else
        machine_is_over(machine, true, 0, "the driver ended before it started the machine");
}

/* What has become of it is stored before libvirt loses it, for a driver that comes after this one. */
static void store_end(struct machine *machine)
{
    struct aq_error error;
    if (machine->directory == NULL || machine->never_ran || machine->record.over)
        return;
    machine->record.over = true;
    if (machine_record_write(&machine->record, machine->directory, &error) != 0)
        aq_journal(AQ_WARN, "the end of a machine is not stored", "error", error.message, NULL);
}

void machine_look_at_lease(struct driver *driver, struct machine *machine)
{
    if (machine->over || machine->lease_over || !machine_lease_is_over(machine->directory))
        return;
    machine->lease_over = true;
    if (machine->action != NULL && machine->action->kind == ACTION_START)
        atomic_store(&machine->action->cancelled, true);
    machine_go_on(driver, machine);
}

/* virtlogd may still write what the machine wrote last. */
static bool drain(struct driver *driver, struct machine *machine)
{
    uint64_t before = machine->console.copied, ino = machine->console.ino;
    while (console_copy(&machine->console))
        ;
    if (machine->console.directory < 0 || ino == 0 || machine->never_ran)
        return true;
    if (machine->phase != MACHINE_ENDING || before != machine->console.copied || ino != machine->console.ino)
        machine->until_ms = driver->now->steady_ms + DRAIN_MS;
    machine->phase = MACHINE_ENDING;
    return driver->now->steady_ms >= machine->until_ms;
}

/* ---- phases --------------------------------------------------------------------------------------------- */

static void go_on_ending(struct driver *driver, struct machine *machine)
{
    if (!machine->drained)
        machine->drained = drain(driver, machine);
    machine->phase = MACHINE_ENDING;
    if (!machine->drained) {
        machine_wake_at(driver, machine, machine->until_ms);
        return;
    }
    store_end(machine);
    if (machine->record.lease_s > 0 && machine->directory != NULL)
        machine_lease_remove(machine->directory);
    if (!machine->record.defined && machine->record.seed[0] == '\0') {
        tell_over(driver, machine);
        return;
    }
    driver->begin(driver, machine, ACTION_CLEAN); /* without a connection, when there is one */
}

static void go_on_starting(struct driver *driver, struct machine *machine)
{
    char reason[RECORD_REASON_SIZE];
    const uint64_t now_ms = driver->now->steady_ms;
    if (machine->stop_wanted || machine->lease_over) {
        machine_is_over(machine, true, 0, machine->lease_over ? LEASE_OVER : "stopped before it started");
    } else if (!driver->begin(driver, machine, ACTION_START)) {
        if (now_ms >= machine->until_ms) {
            snprintf(reason, sizeof reason, "%s", virt_fault(driver->connection));
            machine_is_over(machine, true, 0, reason);
        } else {
            machine_wake_at(driver, machine, machine->until_ms);
        }
    }
}

static void go_on_stopping(struct driver *driver, struct machine *machine)
{
    const uint64_t now_ms = driver->now->steady_ms;
    if (machine->phase != MACHINE_STOPPING) {
        machine->phase = MACHINE_STOPPING;
        machine->until_ms = now_ms + machine->record.stop_grace_s * 1000;
        machine->due_ms = now_ms;
    }
    if (now_ms >= machine->until_ms || machine->is_leftover) {
        machine->phase = MACHINE_KILLING;
        return;
    }
    if (now_ms >= machine->due_ms)
        driver->begin(driver, machine, ACTION_SHUTDOWN);
    uint64_t again_ms = now_ms + ASK_AGAIN_MS;
    machine_wake_at(driver, machine, again_ms < machine->until_ms ? again_ms : machine->until_ms);
}

void machine_disk_failed(struct driver *driver, struct machine *machine, const char *reason)
{
    const uint64_t now_ms = driver->now->steady_ms;
    char words[128];
    if (machine->phase != MACHINE_WAITING && machine->phase != MACHINE_RUNNING)
        return;
    snprintf(machine->disk_fault, sizeof machine->disk_fault, "%s",
             strcmp(reason, "enospc") == 0 ? "no space left on the node" : reason);
    if (machine->full_until_ms == 0) {
        snprintf(words, sizeof words, "the machine is paused: its disk cannot be written: %s", machine->disk_fault);
        console_say(&machine->console, words);
        machine->full_until_ms = now_ms + FULL_MOST_MS;
    }
    machine->disk_failed = true;
    machine_wake_at(driver, machine, now_ms + FULL_MS);
}

/* It is let go on again and again. If its disk has not failed for a while after that, it can be written. */
static void go_on_with_disk(struct driver *driver, struct machine *machine)
{
    const uint64_t now_ms = driver->now->steady_ms;
    if (now_ms < machine->due_ms)
        return;
    if (!machine->disk_failed) {
        console_say(&machine->console, "the machine goes on: its disk can be written again");
        machine->full_until_ms = 0;
        machine_wake_at(driver, machine, now_ms);
    } else if (now_ms >= machine->full_until_ms) {
        machine->phase = MACHINE_KILLING;
    } else {
        machine->disk_failed = !driver->begin(driver, machine, ACTION_RESUME);
        machine_wake_at(driver, machine, now_ms + FULL_MS);
    }
}

static void go_on_waiting(struct driver *driver, struct machine *machine)
{
    const uint64_t now_ms = driver->now->steady_ms;
    if (machine->full_until_ms != 0 && !machine->stop_wanted) {
        go_on_with_disk(driver, machine);
        return;
    }
    if (machine->until_ms == UINT64_MAX) {
        machine->until_ms = now_ms + machine->address_wait_s * 1000;
        machine->due_ms = now_ms;
    }
    if (machine->record.ip_addr[0] != '\0' || now_ms >= machine->until_ms || machine->stop_wanted)
        runs_now(driver, machine);
    else if (now_ms < machine->due_ms || !driver->begin(driver, machine, ACTION_TEND))
        machine_wake_at(driver, machine, now_ms < machine->due_ms ? machine->due_ms : now_ms + ADDRESS_MS);
}

/* Its console may want to go on before. */
static void wake_to_tend(struct driver *driver, struct machine *machine)
{
    if (machine->due_ms <= driver->now->steady_ms || machine->due_ms > machine->tend_ms)
        machine_wake_at(driver, machine, machine->tend_ms);
}

/* Its address may come later than its start, and its lease must have a process that keeps it. */
static void tend(struct driver *driver, struct machine *machine)
{
    const uint64_t now_ms = driver->now->steady_ms;
    if (machine->record.mac[0] == '\0' && machine->record.lease_s == 0)
        return;
    if (now_ms >= machine->tend_ms) {
        const bool known = machine->record.ip_addr[0] != '\0' || machine->record.mac[0] == '\0';
        machine->tend_ms = now_ms + (known ? TEND_MS : now_ms < machine->often_until_ms ? OFTEN_MS : SELDOM_MS);
        driver->begin(driver, machine, ACTION_TEND); /* without a connection, the next time */
    }
    wake_to_tend(driver, machine);
}

static void take_address(struct driver *driver, struct machine *machine, const char *address)
{
    struct aq_error error;
    machine->due_ms = driver->now->steady_ms + ADDRESS_MS;
    if (address[0] == '\0' || strcmp(address, machine->record.ip_addr) == 0)
        return;
    snprintf(machine->record.ip_addr, sizeof machine->record.ip_addr, "%s", address);
    machine->must_tell = machine->phase == MACHINE_RUNNING;
    if (machine->directory != NULL && machine_record_write(&machine->record, machine->directory, &error) != 0)
        aq_journal(AQ_WARN, "the address of a machine is not stored", "error", error.message, NULL);
}

static void go_on_alive(struct driver *driver, struct machine *machine)
{
    if (machine->lease_over && machine->phase != MACHINE_STARTING && machine->phase != MACHINE_LOOKING)
        machine->phase = MACHINE_KILLING; /* without a grace time: it may be started elsewhere soon */
    switch (machine->phase) {
    case MACHINE_STARTING:
        go_on_starting(driver, machine);
        break;
    case MACHINE_LOOKING:
        driver->begin(driver, machine, ACTION_LOOK);
        break;
    case MACHINE_WAITING:
        go_on_waiting(driver, machine);
        break;
    case MACHINE_RUNNING:
        if (machine->stop_wanted)
            go_on_stopping(driver, machine);
        else if (machine->full_until_ms != 0)
            go_on_with_disk(driver, machine);
        else
            tend(driver, machine);
        break;
    case MACHINE_STOPPING:
        go_on_stopping(driver, machine);
        break;
    case MACHINE_KILLING:
        driver->begin(driver, machine, ACTION_DESTROY);
        break;
    case MACHINE_ENDING:
        break;
    }
}

/* One step. Returns whether there may be another one at once; the machine may be gone. */
static bool step(struct driver *driver, struct machine *machine)
{
    const enum machine_phase before = machine->phase;
    if (machine->must_tell) {
        tell_started(driver, machine);
        return true;
    }
    if (machine->over && !machine->never_ran && !machine->told_started && !machine->is_leftover) {
        machine->must_tell = true; /* and then its end */
        return true;
    }
    if (machine->over) {
        go_on_ending(driver, machine);
        return false;
    }
    go_on_alive(driver, machine);
    return machine->phase != before || machine->over || machine->must_tell;
}

void machine_go_on(struct driver *driver, struct machine *machine)
{
    uint64_t resource = machine->resource, serial = machine->serial;
    bool more = machine->action == NULL;
    while (more) {
        more = step(driver, machine);
        machine = roster_find(&driver->roster, resource);
        more = more && machine != NULL && machine->serial == serial && machine->action == NULL;
    }
}

/* ---- what came of actions -------------------------------------------------------------------------------- */

static void take_start(struct driver *driver, struct machine *machine, struct action *action)
{
    machine->record = action->record;
    memcpy(machine->port, action->port, sizeof machine->port);
    if (action->failed) {
        machine->record.defined = false; /* the action has seen to that */
        machine->record.seed[0] = '\0';
        machine_is_over(machine, true, 0, action->error.message);
        return;
    }
    machine->phase = machine->address_wait_s > 0 ? MACHINE_WAITING : MACHINE_RUNNING;
    machine->until_ms = UINT64_MAX;
    if (machine->phase == MACHINE_RUNNING)
        runs_now(driver, machine);
    if (machine->early_end != 0)
        machine_is_off(machine, VIR_DOMAIN_SHUTOFF, machine->early_end);
}

static void take_look(struct driver *driver, struct machine *machine, struct action *action)
{
    bool is_it = action->found && (machine->record.uuid[0] == '\0' || strcmp(machine->record.uuid, action->uuid) == 0);
    bool runs = action->state == VIR_DOMAIN_RUNNING || action->state == VIR_DOMAIN_BLOCKED ||
                action->state == VIR_DOMAIN_PAUSED || action->state == VIR_DOMAIN_SHUTDOWN ||
                action->state == VIR_DOMAIN_PMSUSPENDED;
    if (action->failed) {
        machine->retry_ms = driver->now->steady_ms + RETRY_MS;
        return;
    }
    if (is_it) {
        memcpy(machine->port, action->port, sizeof machine->port);
        memcpy(machine->record.uuid, action->uuid, sizeof machine->record.uuid);
    }
    machine->record.defined = is_it || (machine->record.defined && machine->is_leftover);
    if (machine->record.over && !runs) {
        machine->record.over = false; /* to be stored again */
        machine->over = machine->told_started = true;
    } else if (machine->is_leftover && is_it && runs) {
        machine->phase = MACHINE_KILLING;
    } else if (is_it && runs) {
        machine->record.started = true;
        runs_now(driver, machine);
        if (virt_disk_has_failed(action->state, action->reason))
            machine_disk_failed(driver, machine, "unknown");
    } else if (is_it) {
        machine_is_off(machine, action->state, action->reason);
    } else if (!machine->record.started) {
        machine_is_over(machine, true, 0, "the agent ended before it started the workload");
    } else {
        machine_is_gone(machine);
    }
    if (machine->over && !machine->never_ran)
        machine->told_started = true; /* only the end is reported */
    if (!machine->over && machine->record.lease_s > 0 && machine->directory != NULL)
        machine->lease_over = machine_lease_is_over(machine->directory);
}

void machine_take(struct driver *driver, struct machine *machine, struct action *action)
{
    const uint64_t now_ms = driver->now->steady_ms;
    switch (action->kind) {
    case ACTION_START:
        take_start(driver, machine, action);
        break;
    case ACTION_LOOK:
        take_look(driver, machine, action);
        break;
    case ACTION_TEND:
        take_address(driver, machine, action->ip_addr);
        break;
    case ACTION_SHUTDOWN:
        if (!action->found && !action->failed)
            machine_is_gone(machine);
        break;
    case ACTION_DESTROY:
        if (!action->failed)
            is_destroyed(machine);
        else
            machine->retry_ms = now_ms + RETRY_MS;
        break;
    case ACTION_RESUME: /* the disk fails again by then, or does not */
        machine->disk_failed = machine->disk_failed || action->failed;
        machine_wake_at(driver, machine, now_ms + FULL_MS);
        break;
    case ACTION_CLEAN:
        if (action->failed) {
            aq_journal(AQ_WARN, "what is left of a machine is not removed: trying again", "machine", action->name,
                       "error", action->error.message, NULL);
            machine->retry_ms = now_ms + RETRY_MS;
            break;
        }
        machine->record.defined = false;
        machine->record.seed[0] = '\0';
        break;
    }
}

/* The thread is stuck. A start fails; everything else is tried again when there is an answer. */
void machine_give_up(struct driver *driver, struct machine *machine, struct action *action)
{
    char reason[RECORD_REASON_SIZE];
    if (action->kind != ACTION_START) {
        machine->disk_failed = machine->disk_failed || action->kind == ACTION_RESUME;
        machine->retry_ms = driver->now->steady_ms + STUCK_MS;
        return;
    }
    /* If the start succeeds after all, what it leaves is removed then: nothing can be now. */
    machine->record.defined = false;
    machine->record.seed[0] = '\0';
    snprintf(reason, sizeof reason, "libvirt did not answer for %" PRIu64 " s", driver->settings.patience);
    machine_is_over(machine, true, 0, reason);
}

void machine_copy(struct driver *driver, struct machine *machine)
{
    if (console_copy(&machine->console))
        machine_wake_at(driver, machine, driver->now->steady_ms + 1); /* others come first */
}
