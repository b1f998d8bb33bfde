#include "agent/workloads.h"

#include "schema/base/journal.h"
#include "schema/base/utf8.h"
#include "schema/codec/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STATUS_UNKNOWN = 255 };

/* ---- small things -------------------------------------------------------------------------------------- */

const char *workloads_tidy(const char *text, size_t most, struct aq_arena *arena)
{
    size_t length = strnlen(text, most);
    char *copy = aq_arena_text(arena, text, length);
    for (size_t i = 0; i < length;) {
        size_t size = 1;
        while (size <= 4 && i + size <= length && !aq_utf8_is_good(copy + i, size))
            size++;
        bool good = size <= 4 && i + size <= length;
        if (!good || (unsigned char)copy[i] < ' ' || copy[i] == 0x7F) {
            copy[i] = good && copy[i] == '\n' ? ' ' : '?';
            size = 1;
        }
        i += size;
    }
    return copy;
}

/* A text of a happening, as long as its declaration allows; the workload's. */
static const char *own_text(struct workloads *workloads, const char *field, const char *text)
{
    const struct aq_field *declared = aq_record_field(&aq_happening_record, field);
    aq_assert(declared != NULL);
    return aq_strdup(workloads_tidy(text != NULL ? text : "", declared->most, &workloads->arena));
}

static void happening_free(struct aq_happening *happening)
{
    for (size_t i = 0; i < aq_happening_record.count; i++)
        if (aq_field_is_text(&aq_happening_record.fields[i]))
            free(*(char **)AQ_AT(happening, &aq_happening_record.fields[i]));
    *happening = (struct aq_happening){0};
}

static void log_workload(enum aq_journal_level level, const char *words, uint64_t resource, const char *detail)
{
    char number[24];
    snprintf(number, sizeof number, "%" PRIu64, resource);
    aq_journal(level, words, "resource", number, "detail", detail, NULL);
}

static struct workload *workload_add(struct workloads *workloads, uint64_t resource)
{
    struct workload *workload = aq_calloc(1, sizeof *workload);
    workload->resource = resource;
    roster_add(&workloads->roster, resource, workload);
    return workload;
}

static void workload_free(struct workload *workload)
{
    happening_free(&workload->start);
    happening_free(&workload->end);
    free(workload);
}

/* `what` is one of the workload's. */
static void tell(struct workloads *workloads, struct workload *workload, uint64_t *what)
{
    struct workload_queue *queue = &workloads->telling;
    if (*what != TELL_WAITS)
        workloads->waiting++;
    *what = TELL_WAITS;
    if (workload->telling)
        return;
    workload->telling = true;
    *(queue->first != NULL ? &queue->last->next_telling : &queue->first) = workload;
    queue->last = workload;
}

/* ---- what drivers report -------------------------------------------------------------------------------- */

static void workload_started(struct workloads *workloads, struct workload *workload, const struct driver_report *report)
{
    happening_free(&workload->start);
    workload->start = (struct aq_happening){.resource = workload->resource,
                                            .what = AQ_HAPPENED_STARTED,
                                            .identifier = own_text(workloads, "identifier", report->identifier),
                                            .ip_addr = own_text(workloads, "ip_addr", report->ip_addr),
                                            .hw_addr = own_text(workloads, "hw_addr", report->hw_addr)};
    tell(workloads, workload, &workload->tell_start);
    log_workload(AQ_INFO, "workload started", workload->resource, workload->start.identifier);
}

/* Told once it is stored. */
static void workload_over(struct workloads *workloads, struct workload *workload, enum aq_happened what,
                          int exit_status, const char *reason)
{
    if (workload->over)
        return;
    workload->over = true;
    workload->end = (struct aq_happening){.resource = workload->resource,
                                          .what = what,
                                          .exit_status = (uint64_t)(exit_status & 0xFF),
                                          .reason = own_text(workloads, "reason", reason)};
    struct workload_queue *queue = &workloads->unstored;
    *(queue->first != NULL ? &queue->last->next_unstored : &queue->first) = workload;
    queue->last = workload;
    log_workload(AQ_INFO, what == AQ_HAPPENED_FAILED ? "workload failed" : "workload ended", workload->resource,
                 workload->end.reason);
}

static void take_report(void *context, const struct driver_report *report)
{
    struct workloads *workloads = context;
    struct workload *workload = roster_find(&workloads->roster, report->resource);
    if (workload == NULL || workload->over) {
        log_workload(AQ_WARN, "a driver reports about a workload that is not there", report->resource, "");
        return;
    }
    if (report->kind == DRIVER_STARTED)
        workload_started(workloads, workload, report);
    else if (report->kind == DRIVER_FAILED && !workload->stopping)
        workload_over(workloads, workload, AQ_HAPPENED_FAILED, 0, report->reason);
    else
        workload_over(workloads, workload, AQ_HAPPENED_ENDED, report->exit_status, report->reason);
}

/* ---- drivers -------------------------------------------------------------------------------------------- */

int workloads_check_drivers(const struct aq_list *wanted, struct aq_error *error)
{
    for (uint32_t i = 0; i < wanted->count; i++) {
        struct aq_buffer known = {0};
        if (driver_find(AQ_TEXT_ITEM(*wanted, i)) != NULL)
            continue;
        for (size_t k = 0; driver_types[k] != NULL; k++)
            aq_buffer_format(&known, "%s%s", k > 0 ? ", " : "", driver_types[k]->name);
        aq_fail(error, AQ_E_INVALID, "drivers[%u] is \"%.64s\", but there are only: %s", i, AQ_TEXT_ITEM(*wanted, i),
                aq_buffer_string(&known));
        aq_buffer_free(&known);
        return -1;
    }
    return 0;
}

static bool is_wanted(const char *name, const struct aq_list *wanted)
{
    for (uint32_t i = 0; i < wanted->count; i++)
        if (strcmp(AQ_TEXT_ITEM(*wanted, i), name) == 0)
            return true;
    return wanted->count == 0;
}

int workloads_open(struct workloads *workloads, struct home *home, const char *node, const struct aq_list *wanted,
                   struct aq_error *error)
{
    *workloads = (struct workloads){.home = home};
    if (workloads_check_drivers(wanted, error) != 0)
        return -1;
    for (size_t i = 0; driver_types[i] != NULL; i++) {
        const struct driver_type *type = driver_types[i];
        struct aq_error why;
        if (!is_wanted(type->name, wanted))
            continue;
        if (type->probe(&why) != 0) {
            aq_journal(AQ_WARN, "driver left out", "driver", type->name, "error", why.message, NULL);
            continue;
        }
        aq_assert(workloads->driver_count < DRIVERS_MAX);
        workloads->drivers[workloads->driver_count++] =
            (struct opened_driver){type, type->open(node, take_report, workloads)};
    }
    return 0;
}

void workloads_close(struct workloads *workloads)
{
    for (uint32_t i = 0; i < workloads->driver_count; i++)
        workloads->drivers[i].type->close(workloads->drivers[i].driver);
    for (size_t i = 0; i < workloads->roster.count; i++)
        workload_free(workloads->roster.entries[i].workload);
    roster_free(&workloads->roster);
    aq_arena_free(&workloads->work_arena);
    aq_arena_free(&workloads->arena);
    *workloads = (struct workloads){0};
}

static const struct opened_driver *find_driver(const struct workloads *workloads, const char *name)
{
    for (uint32_t i = 0; i < workloads->driver_count; i++)
        if (strcmp(workloads->drivers[i].type->name, name) == 0)
            return &workloads->drivers[i];
    return NULL;
}

int workloads_timeout_ms(struct workloads *workloads)
{
    int soonest = -1;
    for (uint32_t i = 0; i < workloads->driver_count; i++) {
        int timeout = workloads->drivers[i].type->timeout_ms(workloads->drivers[i].driver);
        if (timeout >= 0 && (soonest < 0 || timeout < soonest))
            soonest = timeout;
    }
    return soonest;
}

void workloads_work(struct workloads *workloads)
{
    aq_arena_reset(&workloads->arena);
    for (uint32_t i = 0; i < workloads->driver_count; i++)
        workloads->drivers[i].type->work(workloads->drivers[i].driver);
}

/* ---- beginning ------------------------------------------------------------------------------------------ */

static int begin(struct workloads *workloads, struct workload *workload, const struct aq_assignment *assignment,
                 struct aq_error *error)
{
    workload->driver = find_driver(workloads, assignment->driver);
    if (workload->driver == NULL)
        return aq_fail(error, AQ_E_INVALID, "this node has no driver \"%s\"", assignment->driver);
    json_t *options = aq_json_parse(assignment->options, strlen(assignment->options), error);
    if (options == NULL)
        return -1;
    int failed = workload->driver->type->validate(options, error);
    if (failed == 0)
        failed = home_add(workloads->home, assignment, error);
    if (failed == 0) {
        const struct driver_spec spec = {
            .resource = assignment->resource,
            .options = options,
            .cpu_milli = assignment->amounts.cpu,
            .ram_mib = assignment->amounts.ram,
            .slots = assignment->amounts.slots,
            .metadata_json = assignment->metadata,
            .directory = home_driver_directory(workloads->home, assignment->resource, &workloads->arena)};
        workload->kept = true;
        failed = workload->driver->type->start(workload->driver->driver, &spec, error);
    }
    json_decref(options);
    return failed;
}

static void adopt(void *context, const struct aq_assignment *assignment, const struct aq_happening *end)
{
    struct workloads *workloads = context;
    struct aq_error error;
    struct workload *workload = workload_add(workloads, assignment->resource);
    workload->kept = true;
    workload->driver = find_driver(workloads, assignment->driver);
    if (end != NULL) {
        workload->over = true;
        workload->end = (struct aq_happening){.resource = end->resource,
                                              .what = end->what,
                                              .exit_status = end->exit_status,
                                              .reason = own_text(workloads, "reason", end->reason)};
        tell(workloads, workload, &workload->tell_end);
        return;
    }
    if (workload->driver == NULL) {
        log_workload(AQ_ERROR, "a workload is left alone: its driver is not in use here", assignment->resource,
                     assignment->driver);
        return;
    }
    const char *directory = home_driver_directory(workloads->home, assignment->resource, &workloads->arena);
    if (workload->driver->type->adopt(workload->driver->driver, assignment->resource, directory, &error) != 0) {
        aq_error_context(&error, "it cannot be found again");
        workload_over(workloads, workload, AQ_HAPPENED_ENDED, STATUS_UNKNOWN, error.message);
    }
}

int workloads_adopt(struct workloads *workloads, struct aq_error *error)
{
    return home_load(workloads->home, adopt, workloads, error);
}

/* ---- what is wanted ------------------------------------------------------------------------------------- */

static void want_running(struct workloads *workloads, const struct aq_assignment *assignment)
{
    struct aq_error error;
    if (roster_find(&workloads->roster, assignment->resource) != NULL || workloads->roster.count >= WORKLOADS_MAX)
        return;
    struct workload *workload = workload_add(workloads, assignment->resource);
    workload->named = workloads->pass;
    if (home_is_over(workloads->home, assignment->resource))
        workload_over(workloads, workload, AQ_HAPPENED_ENDED, STATUS_UNKNOWN, "it has ended here before");
    else if (begin(workloads, workload, assignment, &error) != 0)
        workload_over(workloads, workload, AQ_HAPPENED_FAILED, 0, error.message);
}

static void want_gone(struct workload *workload)
{
    if (workload->over || workload->stopping)
        return;
    if (workload->driver == NULL) {
        log_workload(AQ_ERROR, "a workload cannot be ended: its driver is not in use here", workload->resource, "");
        return;
    }
    workload->stopping = true;
    workload->driver->type->stop(workload->driver->driver, workload->resource);
}

static void want(struct workloads *workloads, const struct aq_assignment *assignment)
{
    aq_arena_reset(&workloads->arena);
    struct workload *workload = roster_find(&workloads->roster, assignment->resource);
    if (assignment->want == AQ_WANT_RUNNING) {
        if (workload == NULL)
            want_running(workloads, assignment);
    } else if (workload != NULL) {
        want_gone(workload);
    } else if (workloads->roster.count < WORKLOADS_MAX) {
        workload = workload_add(workloads, assignment->resource);
        workload_over(workloads, workload, AQ_HAPPENED_ENDED, 0, "it was not here");
    }
    workload = roster_find(&workloads->roster, assignment->resource);
    if (workload != NULL)
        workload->named = workloads->pass;
}

/* What the cluster does not know of any more. Ending one may report it at once, but removes none. */
static void end_unnamed(struct workloads *workloads, uint64_t first, uint64_t last)
{
    for (size_t i = 0; i < workloads->roster.count; i++) {
        struct workload *workload = workloads->roster.entries[i].workload;
        if (workload->resource < first || workload->resource > last || workload->named == workloads->pass ||
            workload->over || workload->stopping)
            continue;
        log_workload(AQ_WARN, "a workload is ended: the cluster does not know of it", workload->resource, "");
        want_gone(workload);
    }
}

void workloads_want(struct workloads *workloads, const struct aq_work *work)
{
    aq_assert(!workloads->working);
    aq_arena_reset(&workloads->work_arena);
    aq_record_copy(&aq_work_record, &workloads->work, work, &workloads->work_arena);
    workloads->pass++;
    workloads->work_done = 0;
    workloads->working = true;
}

bool workloads_is_working(const struct workloads *workloads)
{
    return workloads->working;
}

static void want_next(struct workloads *workloads)
{
    const struct aq_work *work = &workloads->work;
    if (workloads->work_done < work->assignments.count) {
        want(workloads, AQ_ITEM(work->assignments, struct aq_assignment, workloads->work_done));
        workloads->work_done++;
    }
    if (workloads->work_done < work->assignments.count)
        return;
    if (work->full)
        end_unnamed(workloads, work->first, work->last);
    workloads->working = false;
}

static void store_next(struct workloads *workloads)
{
    struct aq_error error;
    struct workload *workload = workloads->unstored.first;
    workloads->unstored.first = workload->next_unstored;
    /* If it cannot be written, an agent that comes after this one asks the driver again. */
    if (workload->kept && home_end(workloads->home, &workload->end, &error) != 0)
        log_workload(AQ_WARN, "a workload's end cannot be stored", workload->resource, error.message);
    tell(workloads, workload, &workload->tell_end);
}

static uint64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool workloads_turn(struct workloads *workloads, unsigned ms)
{
    uint64_t until_ms = clock_ms() + ms;
    while ((workloads->working || workloads->unstored.first != NULL) && clock_ms() < until_ms) {
        if (workloads->unstored.first != NULL)
            store_next(workloads);
        if (workloads->working)
            want_next(workloads);
    }
    return workloads->working || workloads->unstored.first != NULL;
}

/* ---- telling -------------------------------------------------------------------------------------------- */

void workloads_tell(struct workloads *workloads, uint64_t number, uint32_t max, struct aq_list *happenings,
                    struct aq_arena *arena)
{
    uint32_t most = workloads->waiting < max ? workloads->waiting : max;
    struct aq_happening *items = aq_arena_alloc(arena, most * sizeof *items);
    *happenings = (struct aq_list){items, 0};
    while (happenings->count < most) {
        struct workload *workload = workloads->telling.first;
        if (workload->tell_start == TELL_WAITS) {
            workload->tell_start = number;
            aq_record_copy(&aq_happening_record, &items[happenings->count++], &workload->start, arena);
        }
        if (workload->tell_end == TELL_WAITS && happenings->count < most) {
            workload->tell_end = number;
            aq_record_copy(&aq_happening_record, &items[happenings->count++], &workload->end, arena);
        }
        if (workload->tell_end == TELL_WAITS)
            break; /* for want of room */
        workloads->telling.first = workload->next_telling;
        workload->next_telling = NULL;
        workload->telling = false;
    }
    workloads->waiting -= happenings->count;
}

static void forget(struct workloads *workloads, struct workload *workload)
{
    struct aq_buffer log = {0};
    struct aq_error ignored;
    aq_assert(!workload->telling);
    if (workload->kept) {
        int failed = workloads_log(workloads, workload->resource, HOME_LOG_SIZE_MAX, &log, &ignored);
        home_remove(workloads->home, workload->resource, log.data, failed == 0 ? log.length : 0);
        aq_buffer_free(&log);
    }
    roster_remove(&workloads->roster, workload->resource);
    workload_free(workload);
}

void workloads_noted(struct workloads *workloads, uint64_t number, const struct aq_list *happenings)
{
    for (uint32_t i = 0; i < happenings->count; i++) {
        struct workload *workload =
            roster_find(&workloads->roster, AQ_ITEM(*happenings, struct aq_happening, i)->resource);
        if (workload == NULL)
            continue;
        if (workload->tell_start == number)
            workload->tell_start = TELL_NOTHING;
        if (workload->tell_end == number)
            forget(workloads, workload);
    }
}

int workloads_log(struct workloads *workloads, uint64_t resource, size_t max, struct aq_buffer *out,
                  struct aq_error *error)
{
    const struct workload *workload = roster_find(&workloads->roster, resource);
    if (workload == NULL || !workload->kept)
        return home_log(workloads->home, resource, max, out, error);
    if (workload->driver == NULL)
        return aq_fail(error, AQ_E_STATE, "the driver of resource %" PRIu64 " is not in use here", resource);
    aq_arena_reset(&workloads->arena);
    return workload->driver->type->logs(workload->driver->driver, resource,
                                        home_driver_directory(workloads->home, resource, &workloads->arena), max, out,
                                        error);
}
