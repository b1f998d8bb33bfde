#include "agent/workloads.h"

#include "agent/tidy.h"
#include "drivers/output.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"
#include "schema/codec/json.h"
#include "schema/drivers/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATUS_UNKNOWN = -1 };

/* What is reported of a workload of which there is no record. */
struct workload_gap {
    enum aq_happened what;
    const char *nothing_left, *ended; /* reasons: nothing of it was found; what was found was ended */
};

static const struct workload_gap lost = {AQ_HAPPENED_LOST, "its node has lost its state",
                                         "its node has lost its state; what still ran was ended"};
static const struct workload_gap missing = {AQ_HAPPENED_ENDED, "it was not on this node",
                                            "its node had lost its state; what still ran was ended"};

/* Returns a text of a happening, cut to its declared length, for free(). */
static const char *copy_text(const char *field, const char *text)
{
    const struct aq_field *declared = aq_record_field(&aq_happening_record, field);
    aq_assert(declared != NULL);
    return tidy_copy(text != NULL ? text : "", declared->most);
}

static void free_happening(struct aq_happening *happening)
{
    for (size_t i = 0; i < aq_happening_record.count; i++)
        if (aq_field_is_text(&aq_happening_record.fields[i]))
            free(*(char **)AQ_AT(happening, &aq_happening_record.fields[i]));
    *happening = (struct aq_happening){0};
}

static void journal_workload(enum aq_journal_level level, const char *words, uint64_t resource, const char *detail)
{
    char number[24];
    snprintf(number, sizeof number, "%" PRIu64, resource);
    aq_journal(level, words, "resource", number, "detail", detail, NULL);
}

static struct workload *add_workload(struct workloads *workloads, uint64_t resource)
{
    struct workload *workload = aq_calloc(1, sizeof *workload);
    workload->resource = resource;
    roster_add(&workloads->roster, resource, workload);
    return workload;
}

static void free_workload(struct workload *workload)
{
    free_happening(&workload->start);
    free_happening(&workload->end);
    free(workload);
}

/* `what` is the workload's tell_start or tell_end. */
static void queue_telling(struct workloads *workloads, struct workload *workload, uint64_t *what)
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

/* ---- reports of drivers --------------------------------------------------------------------------------- */

static void note_start(struct workloads *workloads, struct workload *workload, const struct driver_report *report)
{
    free_happening(&workload->start);
    workload->start = (struct aq_happening){.resource = workload->resource,
                                            .what = AQ_HAPPENED_STARTED,
                                            .identifier = copy_text("identifier", report->identifier),
                                            .ip_addr = copy_text("ip_addr", report->ip_addr),
                                            .hw_addr = copy_text("hw_addr", report->hw_addr)};
    queue_telling(workloads, workload, &workload->tell_start);
    journal_workload(AQ_INFO, "workload started", workload->resource, workload->start.identifier);
}

static const char *const end_words[aq_happened_count] = {
    [AQ_HAPPENED_FAILED] = "workload failed",
    [AQ_HAPPENED_ENDED] = "workload ended",
    [AQ_HAPPENED_LOST] = "workload lost",
};

/* It is reported once it is stored. A negative `exit_status`: there is none, or none that is known. */
static void note_end(struct workloads *workloads, struct workload *workload, enum aq_happened what, int exit_status,
                     const char *reason)
{
    if (workload->over)
        return;
    workload->over = true;
    workload->end = (struct aq_happening){.resource = workload->resource,
                                          .what = what,
                                          .exit_status = (uint64_t)(exit_status & 0xFF),
                                          .reason = copy_text("reason", reason),
                                          .unknown = exit_status < 0};
    struct aq_extent extent;
    struct aq_error ignored;
    if (workload->kept && workloads_measure(workloads, workload->resource, &extent, &ignored) == 0)
        workload->end.log_bytes = extent.end - extent.first;
    struct workload_queue *queue = &workloads->unstored;
    *(queue->first != NULL ? &queue->last->next_unstored : &queue->first) = workload;
    queue->last = workload;
    journal_workload(AQ_INFO, end_words[what], workload->resource, workload->end.reason);
}

static void take_report(void *context, const struct driver_report *report)
{
    struct workloads *workloads = context;
    struct workload *workload = roster_find(&workloads->roster, report->resource);
    if (workload == NULL || workload->over) {
        journal_workload(AQ_WARN, "a driver reports on an unknown workload", report->resource, "");
        return;
    }
    if (workload->gap != NULL)
        note_end(workloads, workload, workload->gap->what, STATUS_UNKNOWN, workload->gap->ended);
    else if (report->kind == DRIVER_STARTED)
        note_start(workloads, workload, report);
    else if (report->kind == DRIVER_FAILED && !workload->stopping)
        note_end(workloads, workload, AQ_HAPPENED_FAILED, STATUS_UNKNOWN, report->reason);
    else if (report->kind == DRIVER_FAILED)
        note_end(workloads, workload, AQ_HAPPENED_ENDED, STATUS_UNKNOWN, report->reason);
    else
        note_end(workloads, workload, AQ_HAPPENED_ENDED, report->exit_status, report->reason);
}

/* ---- open and close ------------------------------------------------------------------------------------- */

int workloads_open(struct workloads *workloads, struct home *home, const char *node, const struct aq_list *wanted,
                   struct aq_error *error)
{
    *workloads = (struct workloads){.home = home};
    return drivers_open(&workloads->drivers, node, wanted, take_report, workloads, error);
}

void workloads_close(struct workloads *workloads)
{
    drivers_close(&workloads->drivers);
    for (size_t i = 0; i < workloads->roster.count; i++)
        free_workload(workloads->roster.entries[i].workload);
    roster_free(&workloads->roster);
    aq_arena_free(&workloads->arena);
    *workloads = (struct workloads){0};
}

void workloads_work(struct workloads *workloads)
{
    aq_arena_reset(&workloads->arena);
    drivers_work(&workloads->drivers);
}

/* ---- starting and stopping ------------------------------------------------------------------------------ */

static int read_driver_options(struct workloads *workloads, const struct driver_type *type,
                               const struct aq_assignment *assignment, const void **options, struct aq_error *error)
{
    json_t *json = aq_json_parse(assignment->options, strlen(assignment->options), error);
    if (json == NULL)
        return -1;
    int failed = aq_options_read(type->declared, json, options, &workloads->arena, error);
    json_decref(json);
    return failed;
}

static int begin_workload(struct workloads *workloads, struct workload *workload,
                          const struct aq_assignment *assignment, struct aq_error *error)
{
    workload->driver = drivers_find(&workloads->drivers, assignment->driver);
    if (workload->driver == NULL)
        return aq_fail(error, AQ_E_INVALID, "this node has no driver \"%s\"", assignment->driver);
    struct driver_spec spec = {.resource = assignment->resource,
                               .cpu_milli = assignment->amounts.cpu,
                               .ram_mib = assignment->amounts.ram,
                               .slots = assignment->amounts.slots,
                               .metadata_json = assignment->metadata,
                               .directory =
                                   home_driver_directory(workloads->home, assignment->resource, &workloads->arena)};
    if (read_driver_options(workloads, workload->driver->type, assignment, &spec.options, error) != 0 ||
        home_add(workloads->home, assignment, error) != 0)
        return -1;
    workload->kept = true;
    return workload->driver->type->start(workload->driver->driver, &spec, error);
}

static void adopt_workload(void *context, const struct aq_assignment *assignment, const struct aq_happening *end)
{
    struct workloads *workloads = context;
    struct aq_error error;
    struct workload *workload = add_workload(workloads, assignment->resource);
    workload->kept = true;
    workload->driver = drivers_find(&workloads->drivers, assignment->driver);
    if (end != NULL) {
        workload->over = true;
        workload->end = (struct aq_happening){.resource = end->resource,
                                              .what = end->what,
                                              .exit_status = end->exit_status,
                                              .reason = copy_text("reason", end->reason),
                                              .unknown = end->unknown,
                                              .log_bytes = end->log_bytes};
        queue_telling(workloads, workload, &workload->tell_end);
        return;
    }
    if (workload->driver == NULL) {
        journal_workload(AQ_ERROR, "a workload is not watched: its driver is not in use on this node",
                         assignment->resource, assignment->driver);
        return;
    }
    const char *directory = home_driver_directory(workloads->home, assignment->resource, &workloads->arena);
    if (workload->driver->type->adopt(workload->driver->driver, assignment->resource, directory, &error) != 0) {
        aq_error_context(&error, "it cannot be adopted");
        note_end(workloads, workload, AQ_HAPPENED_ENDED, STATUS_UNKNOWN, error.message);
    }
}

int workloads_adopt(struct workloads *workloads, struct aq_error *error)
{
    return home_load(workloads->home, adopt_workload, workloads, error);
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
        journal_workload(AQ_WARN, "a workload of which there is no record still runs: it is ended", workload->resource,
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
        note_end(workloads, workload, gap->what, STATUS_UNKNOWN, gap->nothing_left);
    return workload;
}

struct workload *workloads_start(struct workloads *workloads, const struct aq_assignment *assignment)
{
    struct aq_error error;
    if (workloads->roster.count >= WORKLOADS_MAX)
        return NULL;
    aq_arena_reset(&workloads->arena);
    struct workload *workload = add_workload(workloads, assignment->resource);
    if (home_is_over(workloads->home, assignment->resource))
        note_end(workloads, workload, AQ_HAPPENED_ENDED, STATUS_UNKNOWN, "it has ended here before");
    else if (!end_leftover(workloads, workload, &lost) && begin_workload(workloads, workload, assignment, &error) != 0)
        note_end(workloads, workload, AQ_HAPPENED_FAILED, STATUS_UNKNOWN, error.message);
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

void workloads_stop(struct workload *workload)
{
    if (workload->over || workload->stopping)
        return;
    if (workload->driver == NULL) {
        journal_workload(AQ_ERROR, "a workload cannot be ended: its driver is not in use on this node",
                         workload->resource, "");
        return;
    }
    workload->stopping = true;
    workload->driver->type->stop(workload->driver->driver, workload->resource);
}

/* ---- storing ends --------------------------------------------------------------------------------------- */

bool workloads_has_unstored(const struct workloads *workloads)
{
    return workloads->unstored.first != NULL;
}

void workloads_store_next(struct workloads *workloads)
{
    struct aq_error error;
    struct workload *workload = workloads->unstored.first;
    workloads->unstored.first = workload->next_unstored;
    /* If this fails, the next run of the agent asks the driver again. */
    if (workload->kept && home_end(workloads->home, &workload->end, &error) != 0)
        journal_workload(AQ_WARN, "a workload's end cannot be stored", workload->resource, error.message);
    queue_telling(workloads, workload, &workload->tell_end);
}

/* ---- reporting ------------------------------------------------------------------------------------------ */

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
            break; /* `max` is reached */
        workloads->telling.first = workload->next_telling;
        workload->next_telling = NULL;
        workload->telling = false;
    }
    workloads->waiting -= happenings->count;
}

static void drop_workload(struct workloads *workloads, struct workload *workload)
{
    aq_assert(!workload->telling);
    if (workload->kept)
        home_remove(workloads->home, workload->resource);
    else if (workload->end.what == AQ_HAPPENED_FAILED)
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
        if (workload->tell_start == number)
            workload->tell_start = TELL_NOTHING;
        if (workload->tell_end == number)
            drop_workload(workloads, workload);
    }
}

/* ---- logs ----------------------------------------------------------------------------------------------- */

/* The directory of its output, for the caller to close. */
static int open_output(struct workloads *workloads, uint64_t resource, bool *complete, struct aq_error *error)
{
    const struct workload *workload = roster_find(&workloads->roster, resource);
    bool kept = workload != NULL && workload->kept;
    *complete = !kept || workload->over;
    return kept ? home_output_open(workloads->home, resource, error) : home_log_open(workloads->home, resource, error);
}

static void set_extent(struct aq_extent *extent, const struct output_span *span, uint64_t start, bool complete)
{
    *extent = (struct aq_extent){
        .known = span->placed, .start = start, .first = span->first, .end = span->end, .complete = complete};
}

int workloads_log(struct workloads *workloads, uint64_t resource, uint64_t after, size_t max, struct aq_buffer *out,
                  struct aq_extent *extent, struct aq_error *error)
{
    bool complete;
    struct output_span span;
    AQ_CLEANUP_FD int directory = open_output(workloads, resource, &complete, error);
    if (directory < 0 || output_read(directory, &after, max, out, &span, error) != 0)
        return -1;
    set_extent(extent, &span, after, complete);
    return 0;
}

int workloads_measure(struct workloads *workloads, uint64_t resource, struct aq_extent *extent, struct aq_error *error)
{
    bool complete;
    struct output_span span;
    AQ_CLEANUP_FD int directory = open_output(workloads, resource, &complete, error);
    if (directory < 0 || output_measure(directory, &span, error) != 0)
        return -1;
    set_extent(extent, &span, span.end, complete);
    return 0;
}

void workloads_list_logs(struct workloads *workloads, struct aq_list *logs, struct aq_arena *arena)
{
    const struct roster *roster = &workloads->roster;
    size_t looks = roster->count < AQ_BEAT_LOGS_MAX ? roster->count : AQ_BEAT_LOGS_MAX;
    *logs = (struct aq_list){aq_arena_alloc(arena, looks * sizeof(struct aq_kept)), 0};
    for (size_t i = 0; i < looks; i++) {
        workloads->next_log = workloads->next_log < roster->count ? workloads->next_log : 0;
        struct workload *workload = roster->entries[workloads->next_log++].workload;
        struct aq_extent extent;
        struct aq_error ignored;
        if (!workload->kept || workloads_measure(workloads, workload->resource, &extent, &ignored) != 0)
            continue;
        const struct aq_kept kept = {workload->resource, extent.first, extent.end};
        if (kept.end == workload->listed.end && kept.first == workload->listed.first)
            continue;
        workload->listed = *AQ_ITEM(*logs, struct aq_kept, logs->count) = kept;
        logs->count++;
    }
}

void workloads_list_all_logs(struct workloads *workloads)
{
    for (size_t i = 0; i < workloads->roster.count; i++)
        ((struct workload *)workloads->roster.entries[i].workload)->listed = (struct aq_kept){0};
}
