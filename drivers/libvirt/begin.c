#include "drivers/libvirt/begin.h"

#include <stdio.h>

static void action_is_overdue(struct pool_job *job)
{
    struct action *action = (struct action *)job;
    struct driver *driver = action->owner;
    struct machine *machine = roster_find(&driver->roster, action->resource);
    virt_doubt(driver->connection, action->used, driver->now->steady_ms);
    if (machine == NULL || machine->serial != action->serial || machine->action != action)
        return;
    machine->action = NULL; /* what comes of it is no longer waited for */
    atomic_store(&action->cancelled, true);
    machine_give_up(driver, machine, action);
    machine_go_on(driver, machine);
}

static void action_drop(struct pool_job *job)
{
    action_free((struct action *)job);
}

static void action_is_done(struct pool_job *job);

/* NULL: there is no connection. The caller adds it to the pool. */
static struct action *action_new(struct driver *driver, enum action_kind kind, uint64_t resource,
                                 const struct machine_record *record)
{
    virConnectPtr open = virt_take(driver->connection);
    if (open == NULL)
        return NULL;
    struct action *action = aq_calloc(1, sizeof *action);
    action->job =
        (struct pool_job){.run = action_run, .overdue = action_is_overdue, .done = action_is_done, .drop = action_drop};
    action->kind = kind;
    action->owner = driver;
    action->resource = resource;
    action->open = action->used = open;
    virt_name(action->name, driver->node, resource);
    action->record = *record;
    snprintf(action->uuid, sizeof action->uuid, "%s", record->uuid);
    snprintf(action->seed, sizeof action->seed, "%s", record->seed);
    return action;
}

static void action_add(struct driver *driver, struct action *action)
{
    pool_add(driver->pool, &action->job, driver->now->steady_ms, driver->settings.patience * 1000);
}

/* A start that nothing waits for any more has succeeded after all. */
static void end_late_start(struct driver *driver, const struct action *late)
{
    struct action *action = action_new(driver, ACTION_CLEAN, late->resource, &late->record);
    if (action != NULL)
        action_add(driver, action);
}

static void action_is_done(struct pool_job *job)
{
    struct action *action = (struct action *)job;
    struct driver *driver = action->owner;
    struct machine *machine = roster_find(&driver->roster, action->resource);
    if (action->is_dead)
        virt_is_dead(driver->connection, action->used, driver->now->steady_ms);
    if (machine != NULL && machine->serial == action->serial && machine->action == action) {
        machine->action = NULL;
        machine_take(driver, machine, action);
        machine_go_on(driver, machine);
    } else if (action->kind == ACTION_START && !action->failed) {
        end_late_start(driver, action);
    }
    action_free(action);
}

static void fill_start(struct action *action, struct machine *machine)
{
    action->plan = machine->plan;
    machine->plan = NULL;
}

bool action_begin(struct driver *driver, struct machine *machine, enum action_kind kind)
{
    if (driver->now->steady_ms < machine->retry_ms) {
        machine_wake_at(driver, machine, machine->retry_ms);
        return false;
    }
    struct action *action = action_new(driver, kind, machine->resource, &machine->record);
    if (action == NULL)
        return false;
    action->serial = machine->serial;
    action->directory = machine->directory != NULL ? aq_strdup(machine->directory) : NULL;
    if (kind == ACTION_START)
        fill_start(action, machine);
    machine->action = action;
    action_add(driver, action);
    return true;
}
