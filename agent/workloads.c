#include "agent/workloads.h"

#include "agent/workload_journal.h"
#include "agent/workload_leases.h"
#include "agent/workload_options.h"
#include "agent/workload_reports.h"
#include "agent/workload_secrets.h"

#include <stdlib.h>

enum { SECRETS_WAIT_MS = 1000 };

static const struct workload_gap lost = {AQ_HAPPENED_LOST, "its node has lost its state",
                                         "its node has lost its state; what still ran was ended"};
static const struct workload_gap missing = {AQ_HAPPENED_ENDED, "it was not on this node",
                                            "its node had lost its state; what still ran was ended"};

static struct workload *add_workload(struct workloads *workloads, uint64_t resource)
{
    struct workload *workload = aq_calloc(1, sizeof *workload);
    workload->resource = resource;
    roster_add(&workloads->roster, resource, workload);
    return workload;
}

static void free_workload(struct workload *workload)
{
    notices_free(workload);
    restarts_free(&workload->restarts);
    aq_arena_free(&workload->check_arena);
    free(workload);
}

/* ---- open and close ------------------------------------------------------------------------------------- */

void workloads_open(struct workloads *workloads, struct home *home, const char *node, const struct aq_list *wanted,
                    const char *secrets, const struct aq_clocks *now)
{
    *workloads = (struct workloads){.home = home, .now = now};
    secrets_init(&workloads->secrets, secrets, home_instance(home));
    healths_open(&workloads->healths, now, &workloads->commands, workload_note_health, workloads);
    drivers_open(&workloads->drivers, node, wanted, now, workload_take_report, workloads);
}

void workloads_close(struct workloads *workloads)
{
    healths_close(&workloads->healths);
    drivers_close(&workloads->drivers);
    commands_free(&workloads->commands);
    workload_tasks_free(&workloads->tasks);
    schedule_free(&workloads->waiting);
    for (size_t i = 0; i < workloads->roster.count; i++)
        free_workload(workloads->roster.entries[i].workload);
    roster_free(&workloads->roster);
    aq_arena_free(&workloads->arena);
    secrets_free(&workloads->secrets);
    *workloads = (struct workloads){0};
}

void workloads_work(struct workloads *workloads)
{
    struct schedule_entry entry;
    aq_arena_reset(&workloads->arena);
    drivers_work(&workloads->drivers);
    healths_work(&workloads->healths);
    workload_tasks_work(workloads);
    while (schedule_take(&workloads->waiting, workloads->now->steady_ms, &entry)) {
        struct workload *workload = roster_find(&workloads->roster, entry.resource);
        if (workload == NULL || workload->restarts.phase != RESTART_WAITS || workload->restarts.at_ms != entry.due_ms)
            continue;
        workload->restarts.phase = RESTART_DUE;
        workload_queue_unstored(workloads, workload);
    }
}

uint64_t workloads_deadline_ms(const struct workloads *workloads)
{
    uint64_t deadline_ms = drivers_deadline_ms(&workloads->drivers);
    const uint64_t others_ms[] = {healths_deadline_ms(&workloads->healths), schedule_next_ms(&workloads->waiting),
                                  workload_tasks_deadline_ms(workloads)};
    for (size_t i = 0; i < AQ_LENGTH(others_ms); i++)
        deadline_ms = others_ms[i] < deadline_ms ? others_ms[i] : deadline_ms;
    return deadline_ms;
}

/* ---- starting and stopping ------------------------------------------------------------------------------ */

/* What must be known of a workload as long as it lives. */
static void set_upkeep(struct workloads *workloads, struct workload *workload, const struct aq_assignment *assignment)
{
    workload->leased = assignment->lease > 0;
    workloads->has_leases |= workload->leased;
    restarts_init(&workload->restarts, assignment);
    if (aq_check_ways(&assignment->health) == 0)
        return;
    struct aq_arena arena = {0};
    struct aq_check *check = aq_arena_alloc(&arena, sizeof *check);
    aq_record_copy(&aq_check_record, check, &assignment->health, &arena);
    workload->check = check;
    workload->check_arena = arena;
}

/* Starts it in its directory, which must be there; `store`: makes that first. */
static int begin_workload(struct workloads *workloads, struct workload *workload,
                          const struct aq_assignment *assignment, bool store, struct aq_error *error)
{
    AQ_CLEANUP_SECRET_ARENA struct aq_arena secret = {0};
    workload->driver = drivers_find(&workloads->drivers, assignment->driver);
    if (workload->driver == NULL)
        return aq_fail(error, AQ_E_INVALID, "this node has no driver \"%s\"", assignment->driver);
    if (workload->check != NULL && workload->check->command.count > 0 && workload->driver->type->command == NULL)
        return aq_fail(error, AQ_E_INVALID, "health.command: workloads of driver %s take no commands",
                       assignment->driver);
    struct driver_spec spec = {.resource = assignment->resource,
                               .cpu_milli = assignment->amounts.cpu,
                               .ram_mib = assignment->amounts.ram,
                               .disk_mib = assignment->amounts.disk,
                               .slots = assignment->amounts.slots,
                               .options_json = assignment->options,
                               .metadata_json = assignment->metadata,
                               .lease_s = assignment->lease,
                               .lease_file = home_lease_path(workloads->home, &workloads->arena),
                               .arguments = assignment->arguments,
                               .directory =
                                   home_driver_directory(workloads->home, assignment->resource, &workloads->arena)};
    if (assignment->arguments.count > 0 && !workload->driver->type->declared->takes_arguments)
        return aq_fail(error, AQ_E_INVALID, "driver %s takes no command of an application", assignment->driver);
    if (workload_read_options(workloads, workload->driver->type, assignment, &spec.options, error) != 0 ||
        workload_check_ports(workload, spec.options, error) != 0 ||
        workload_secrets_take(workloads, assignment, store, &spec, &secret, error) != 0 ||
        workload_begin_lease(workloads, workload, assignment, error) != 0 ||
        (store && home_add(workloads->home, assignment, error) != 0))
        return -1;
    workload->kept = true;
    return workload->driver->type->start(workload->driver->driver, &spec, error);
}

/* Until `at_ms` of the wall clock, and never longer than it was to wait in all. */
static void wait_for_restart(struct workloads *workloads, struct workload *workload, uint64_t at_ms, uint64_t most_ms)
{
    const struct aq_clocks *now = workloads->now;
    const uint64_t left_ms = at_ms > now->wall_ms ? at_ms - now->wall_ms : 0;
    workload->restarts.phase = RESTART_WAITS;
    workload->restarts.at_ms = now->steady_ms + (left_ms < most_ms ? left_ms : most_ms);
    schedule_add(&workloads->waiting, workload->restarts.at_ms, workload->resource);
}

/* An earlier run of the agent has started it again, or was to do so. Returns whether nothing of it runs. */
static bool adopt_restart(struct workloads *workloads, struct workload *workload)
{
    struct aq_again again;
    if (!home_again(workloads->home, workload->resource, &again, &workloads->arena))
        return false;
    const struct aq_happening restart = {.resource = workload->resource,
                                         .what = AQ_HAPPENED_RESTARTED,
                                         .exit_status = again.exit_status,
                                         .unknown = again.unknown,
                                         .reason = notices_text("reason", again.reason),
                                         .restarts = again.restarts};
    notices_set(workload, NOTICE_RESTART, &restart);
    notices_queue(workloads, workload, NOTICE_RESTART); /* the hub may not have noted it */
    restarts_adopt(&workload->restarts, again.restarts, again.wait_ms);
    if (again.waits)
        wait_for_restart(workloads, workload, again.at, again.wait_ms);
    return again.waits;
}

static void let_driver_adopt(struct workloads *workloads, struct workload *workload)
{
    struct aq_error error;
    const char *directory = home_driver_directory(workloads->home, workload->resource, &workloads->arena);
    if (workload->driver->type->adopt(workload->driver->driver, workload->resource, directory, &error) != 0) {
        aq_error_context(&error, "it cannot be adopted");
        workload_note_end(workloads, workload, AQ_HAPPENED_ENDED, STATUS_UNKNOWN, error.message);
    }
}

static void adopt_workload(void *context, const struct aq_assignment *assignment, const struct aq_happening *end)
{
    struct workloads *workloads = context;
    struct workload *workload = add_workload(workloads, assignment->resource);
    workload->kept = true;
    workload->driver = drivers_find(&workloads->drivers, assignment->driver);
    set_upkeep(workloads, workload, assignment);
    workload_tasks_adopt(workloads, workload->resource);
    if (end != NULL) {
        const struct aq_happening copy = {.resource = end->resource,
                                          .what = end->what,
                                          .exit_status = end->exit_status,
                                          .reason = notices_text("reason", end->reason),
                                          .unknown = end->unknown,
                                          .log_bytes = end->log_bytes};
        workload->over = true;
        notices_set(workload, NOTICE_END, &copy);
        notices_queue(workloads, workload, NOTICE_END);
        return;
    }
    if (workload->driver != NULL)
        workload_adopt_ports(workloads, workload, assignment);
    if (adopt_restart(workloads, workload))
        return;
    if (workload->driver == NULL)
        workload_journal(AQ_ERROR, "a workload is not watched: its driver is not in use on this node",
                         assignment->resource, assignment->driver);
    else
        let_driver_adopt(workloads, workload);
}

static bool is_known(void *context, uint64_t resource)
{
    return workloads_find(context, resource) != NULL;
}

int workloads_adopt(struct workloads *workloads, struct aq_error *error)
{
    if (home_load(workloads->home, adopt_workload, workloads, error) != 0)
        return -1;
    secrets_sweep(&workloads->secrets, is_known, workloads);
    return 0;
}

void workloads_adopt_late(struct workloads *workloads)
{
    struct aq_assignment assignment;
    struct aq_error ignored;
    for (size_t i = 0; i < workloads->roster.count; i++) {
        struct workload *workload = workloads->roster.entries[i].workload;
        if (workload->driver != NULL || workload->over || !workload->kept ||
            home_assignment(workloads->home, workload->resource, &assignment, &workloads->arena, &ignored) != 0)
            continue;
        workload->driver = drivers_find(&workloads->drivers, assignment.driver);
        if (workload->driver == NULL)
            continue;
        workload_adopt_ports(workloads, workload, &assignment);
        if (workload->restarts.phase == RESTART_NONE)
            let_driver_adopt(workloads, workload);
    }
}

struct workload *workloads_find(const struct workloads *workloads, uint64_t resource)
{
    return roster_find(&workloads->roster, resource);
}

/* Ends what is left of the workload. Returns whether there is anything; if so, its end is reported later. */
static bool end_leftover(struct workloads *workloads, struct workload *workload, const struct workload_gap *gap)
{
    const struct drivers *drivers = &workloads->drivers;
    for (uint32_t i = 0; i < drivers->count; i++) {
        if (!drivers->opened[i].type->end_leftover(drivers->opened[i].driver, workload->resource))
            continue;
        workload->gap = gap;
        workload->stopping = true;
        workload_journal(AQ_WARN, "a workload of which there is no record still runs: it is ended", workload->resource,
                         drivers->opened[i].type->declared->name);
        return true;
    }
    return false;
}

static struct workload *add_unrecorded(struct workloads *workloads, uint64_t resource, const struct workload_gap *gap)
{
    if (workloads->roster.count >= WORKLOADS_MAX)
        return NULL;
    struct workload *workload = add_workload(workloads, resource);
    if (!end_leftover(workloads, workload, gap))
        workload_note_end(workloads, workload, gap->what, STATUS_UNKNOWN, gap->nothing_left);
    return workload;
}

struct workload *workloads_start(struct workloads *workloads, const struct aq_assignment *assignment)
{
    struct aq_error error;
    if (workloads->roster.count >= WORKLOADS_MAX)
        return NULL;
    aq_arena_reset(&workloads->arena);
    struct workload *workload = add_workload(workloads, assignment->resource);
    set_upkeep(workloads, workload, assignment);
    if (home_is_over(workloads->home, assignment->resource))
        workload_note_end(workloads, workload, AQ_HAPPENED_ENDED, STATUS_UNKNOWN, "it has ended here before");
    else if (!end_leftover(workloads, workload, &lost) &&
             begin_workload(workloads, workload, assignment, true, &error) != 0)
        workload_note_end(workloads, workload, AQ_HAPPENED_FAILED, STATUS_UNKNOWN, error.message);
    return workload;
}

struct workload *workloads_add_lost(struct workloads *workloads, uint64_t resource)
{
    return add_unrecorded(workloads, resource, &lost);
}

struct workload *workloads_add_missing(struct workloads *workloads, uint64_t resource)
{
    return add_unrecorded(workloads, resource, &missing);
}

void workloads_stop(struct workloads *workloads, struct workload *workload)
{
    if (workload->over || workload->stopping)
        return;
    if (workload->restarts.phase != RESTART_NONE) { /* nothing of it runs */
        const struct aq_happening *last = &workload->notices[NOTICE_RESTART].what;
        workload_note_end(workloads, workload, AQ_HAPPENED_ENDED,
                          last->unknown ? STATUS_UNKNOWN : (int)last->exit_status, last->reason);
        return;
    }
    if (workload->driver == NULL) {
        workload_journal(AQ_ERROR, "a workload cannot be ended: its driver is not in use on this node",
                         workload->resource, "");
        return;
    }
    workload->stopping = true;
    health_forget(&workloads->healths, workload->resource);
    workload->driver->type->stop(workload->driver->driver, workload->resource);
}

/* ---- storing ends --------------------------------------------------------------------------------------- */

bool workloads_has_unstored(const struct workloads *workloads)
{
    return workloads->unstored.first != NULL;
}

static void store_end(struct workloads *workloads, struct workload *workload)
{
    struct aq_error error;
    /* If this fails, the next run of the agent asks the driver again. */
    if (workload->kept && home_end(workloads->home, &workload->notices[NOTICE_END].what, &error) != 0)
        workload_journal(AQ_WARN, "a workload's end cannot be stored", workload->resource, error.message);
    notices_queue(workloads, workload, NOTICE_END);
}

static int store_restart(struct workloads *workloads, const struct workload *workload, bool waits,
                         struct aq_error *error)
{
    const struct aq_happening *what = &workload->notices[NOTICE_RESTART].what;
    const struct restarts *restarts = &workload->restarts;
    const struct aq_clocks *now = workloads->now;
    const uint64_t left_ms = restarts->at_ms > now->steady_ms ? restarts->at_ms - now->steady_ms : 0;
    const struct aq_again again = {.resource = workload->resource,
                                   .restarts = restarts->count,
                                   .waits = waits,
                                   .at = waits ? now->wall_ms + left_ms : 0,
                                   .wait_ms = restarts->waited_ms,
                                   .exit_status = what->exit_status,
                                   .unknown = what->unknown,
                                   .reason = what->reason};
    return home_set_again(workloads->home, &again, error);
}

/* It has ended. If that cannot be stored, the next run of the agent asks the driver again, and counts it again. */
static void begin_waiting(struct workloads *workloads, struct workload *workload)
{
    struct aq_error error;
    if (store_restart(workloads, workload, true, &error) != 0)
        workload_journal(AQ_WARN, "a workload's restart cannot be stored", workload->resource, error.message);
    notices_queue(workloads, workload, NOTICE_RESTART);
    workload->restarts.phase = RESTART_WAITS;
    schedule_add(&workloads->waiting, workload->restarts.at_ms, workload->resource);
}

void workloads_take_secrets(struct workloads *workloads, struct workload *workload,
                            const struct aq_assignment *assignment)
{
    struct aq_error error;
    if (workload->over || workload->stopping || secrets_have(&workloads->secrets, workload->resource))
        return;
    if (assignment->secrets.count > 0 &&
        secrets_store(&workloads->secrets, workload->resource, &assignment->secrets, &error) != 0)
        workload_journal(AQ_WARN, "secrets of a workload cannot be kept", workload->resource, error.message);
    if (assignment->lost[0] != '\0' && workload->restarts.phase == RESTART_WAITS)
        workload_note_end(workloads, workload, AQ_HAPPENED_ENDED, STATUS_UNKNOWN, assignment->lost);
}

/* That it is started is stored before: so if the agent is killed, the next one finds what was started. */
static void start_again(struct workloads *workloads, struct workload *workload)
{
    struct aq_error error;
    struct aq_assignment assignment;
    if (workload_secrets_are_missing(workloads, workload->resource)) {
        workload->restarts.phase = RESTART_WAITS;
        workload->restarts.at_ms = workloads->now->steady_ms + SECRETS_WAIT_MS;
        schedule_add(&workloads->waiting, workload->restarts.at_ms, workload->resource);
        return;
    }
    aq_arena_reset(&workloads->arena);
    workload->restarts.phase = RESTART_NONE;
    if (home_renew(workloads->home, workload->resource, &error) != 0 ||
        store_restart(workloads, workload, false, &error) != 0 ||
        home_assignment(workloads->home, workload->resource, &assignment, &workloads->arena, &error) != 0 ||
        begin_workload(workloads, workload, &assignment, false, &error) != 0)
        workload_note_run(workloads, workload, STATUS_UNKNOWN, error.message);
}

void workloads_store_next(struct workloads *workloads)
{
    struct workload *workload = workloads->unstored.first;
    workloads->unstored.first = workload->next_unstored;
    workload->next_unstored = NULL;
    workload->unstored = false;
    if (workload->over)
        store_end(workloads, workload);
    else if (workload->restarts.phase == RESTART_STORES)
        begin_waiting(workloads, workload);
    else if (workload->restarts.phase == RESTART_DUE)
        start_again(workloads, workload);
}

/* ---- reporting ------------------------------------------------------------------------------------------ */

static void drop_workload(struct workloads *workloads, struct workload *workload)
{
    aq_assert(!workload->reports);
    secrets_drop(&workloads->secrets, workload->resource);
    workload_tasks_drop(workloads, workload->resource);
    if (workload->kept)
        home_remove(workloads->home, workload->resource);
    else if (workload->notices[NOTICE_END].what.what == AQ_HAPPENED_FAILED)
        home_note_over(workloads->home, workload->resource);
    roster_remove(&workloads->roster, workload->resource);
    free_workload(workload);
}

void workloads_noted(struct workloads *workloads, uint64_t number, const struct aq_list *happenings)
{
    for (uint32_t i = 0; i < happenings->count; i++) {
        struct workload *workload =
            roster_find(&workloads->roster, AQ_ITEM(*happenings, struct aq_happening, i)->resource);
        if (workload == NULL)
            continue;
        const bool over = workload->notices[NOTICE_END].state == number;
        for (unsigned k = 0; k < NOTICE_KINDS; k++)
            if (workload->notices[k].state == number)
                workload->notices[k].state = NOTICE_NONE;
        if (over)
            drop_workload(workloads, workload);
    }
}
