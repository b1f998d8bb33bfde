#include "drivers/program/state.h"

#include "drivers/output.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"
#include "schema/base/search.h"
#include "schema/codec/json.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

enum { CLEAR_AGAIN_MS = 3, CLEAR_TRIES = 64, LOG_SIZE = 1 << 20, LOG_FILES = 2 };

/* ---- adding and removing --------------------------------------------------------------------------------- */

static struct program_workload *add(struct driver *driver, uint64_t resource, enum program_workload_phase phase,
                                    const char *directory)
{
    struct program_workload *workload = aq_calloc(1, sizeof *workload);
    workload->resource = resource;
    workload->phase = phase;
    workload->directory = directory != NULL ? aq_strdup(directory) : NULL;
    workload->log_directory = -1;
    cgroup_name(&workload->group, &driver->host, driver->node, resource);
    roster_add(&driver->roster, resource, workload);
    return workload;
}

static void set_phase(struct driver *driver, struct program_workload *workload, enum program_workload_phase phase)
{
    driver->held += (phase == WORKLOAD_HELD) - (unsigned)(workload->phase == WORKLOAD_HELD);
    driver->clearing += (phase == WORKLOAD_CLEARING) - (unsigned)(workload->phase == WORKLOAD_CLEARING);
    workload->phase = phase;
}

static void close_log(struct program_workload *workload)
{
    if (workload->has_log)
        keeper_log_close(&workload->log);
    if (workload->log_directory >= 0)
        close(workload->log_directory);
    workload->has_log = false;
    workload->log_directory = -1;
}

static void free_workload(struct program_workload *workload)
{
    close_log(workload);
    json_decref(workload->start);
    free(workload->directory);
    free(workload->reason);
    free(workload);
}

void program_workloads_free(struct driver *driver)
{
    for (size_t i = 0; i < driver->roster.count; i++)
        free_workload(driver->roster.entries[i].workload);
    roster_free(&driver->roster);
}

static int check_new(const struct driver *driver, uint64_t resource, struct aq_error *error)
{
    if (roster_find(&driver->roster, resource) == NULL)
        return 0;
    return aq_fail(error, AQ_E_EXISTS, "resource %" PRIu64 " is running on this node already", resource);
}

/* ---- starting -------------------------------------------------------------------------------------------- */

static int check_allowed(struct driver *driver, const json_t *options, struct aq_error *error)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    AQ_CLEANUP_BUFFER struct aq_buffer why = {0};
    struct aq_demand demand;
    hello_demand(&driver->hello, options, &demand, &arena);
    if (!aq_allow_refuses(&driver->allowance.told, &demand, &why))
        return 0;
    return aq_fail(error, AQ_E_FORBIDDEN, "refused by the node: %s", aq_buffer_string(&why));
}

/* The directories of its control group, in each of which there is a file cgroup.procs. */
static json_t *group_directories(const struct program_workload *workload)
{
    const struct cgroup_host *host = workload->group.host;
    json_t *list = json_array();
    char path[PATH_MAX];
    for (int i = -1; i < CGROUP_CONTROLLERS; i++) {
        const char *mount = i < 0 ? host->unified : host->version1[i];
        snprintf(path, sizeof path, "%s/%s", mount, workload->group.name);
        if (mount[0] != '\0' && access(path, F_OK) == 0)
            json_array_append_new(list, json_string(path));
    }
    return list;
}

static int make_group(struct driver *driver, struct program_workload *workload, const struct driver_spec *spec,
                      struct aq_error *error)
{
    struct cgroup_limits limits = {.cpu_milli = spec->cpu_milli, .memory_bytes = spec->ram_mib << 20};
    cgroup_limits_preset(&driver->host, &limits);
    return cgroup_make(&workload->group, &limits, error);
}

static json_t *texts_of(const struct aq_list *texts)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < texts->count; i++)
        json_array_append_new(list, json_string(AQ_TEXT_ITEM(*texts, i)));
    return list;
}

static json_t *values_of(const struct aq_list *secrets)
{
    json_t *values = json_object();
    for (uint32_t i = 0; i < secrets->count; i++) {
        const struct aq_secret *secret = AQ_ITEM(*secrets, struct aq_secret, i);
        json_object_set_new(values, secret->name, json_string(secret->value));
    }
    return values;
}

/* `options` is a reference that is taken. */
static json_t *start_call(const struct program_workload *workload, const struct driver_spec *spec, json_t *options)
{
    struct aq_error ignored;
    json_t *metadata = aq_json_parse(spec->metadata_json, strlen(spec->metadata_json), &ignored);
    return json_pack("{sI so sI sI sI sI so so ss so ss so sI ss}", "resource", (json_int_t)spec->resource, "options",
                     options, "cpu_milli", (json_int_t)spec->cpu_milli, "ram_mib", (json_int_t)spec->ram_mib,
                     "disk_mib", (json_int_t)spec->disk_mib, "slots", (json_int_t)spec->slots, "metadata",
                     metadata != NULL ? metadata : json_object(), "arguments", texts_of(&spec->arguments), "directory",
                     spec->directory, "groups", group_directories(workload), "secrets",
                     spec->secrets != NULL ? spec->secrets : "", "secret_values", values_of(&spec->secret_values),
                     "lease_s", (json_int_t)spec->lease_s, "lease_file",
                     spec->lease_file != NULL ? spec->lease_file : "");
}

static void send_start(struct driver *driver, struct program_workload *workload)
{
    json_t *call = workload->start;
    workload->start = NULL;
    set_phase(driver, workload, WORKLOAD_STARTING);
    program_send(driver, CALL_START, workload->resource, call);
}

static json_t *checked_options(struct driver *driver, const struct driver_spec *spec, struct aq_error *error)
{
    json_t *given = aq_json_parse(spec->options_json, strlen(spec->options_json), error);
    if (given == NULL)
        return NULL;
    json_t *options = hello_options(&driver->hello, given, error);
    if (options != NULL && check_allowed(driver, given, error) != 0) {
        json_decref(options);
        options = NULL;
    }
    json_decref(given);
    return options;
}

int program_workload_start(struct driver *driver, const struct driver_spec *spec, struct aq_error *error)
{
    if (check_new(driver, spec->resource, error) != 0)
        return -1;
    if (!driver->greeted)
        return aq_fail(error, AQ_E_STATE, "the program of driver %s does not run: %s", driver->name, driver->why);
    json_t *options = checked_options(driver, spec, error);
    if (options == NULL)
        return -1;
    struct program_workload *workload = add(driver, spec->resource, WORKLOAD_STARTING, spec->directory);
    if (driver->hello.groups && make_group(driver, workload, spec, error) != 0) {
        json_decref(options);
        roster_remove(&driver->roster, spec->resource);
        free_workload(workload);
        return -1;
    }
    workload->start = start_call(workload, spec, options);
    workload->until_ms = driver->now->steady_ms + PROGRAM_HOLD_MS;
    if (driver->phase == PROGRAM_READY)
        send_start(driver, workload);
    else
        set_phase(driver, workload, WORKLOAD_HELD);
    return 0;
}

/* ---- after a restart of the agent or the program ------------------------------------------------------------ */

static void send_adopt(struct driver *driver, struct program_workload *workload)
{
    workload->adopted = workload->adopting = true;
    program_send(driver, CALL_ADOPT, workload->resource,
                 json_pack("{sI ss so}", "resource", (json_int_t)workload->resource, "directory", workload->directory,
                           "groups", group_directories(workload)));
}

int program_workload_adopt(struct driver *driver, uint64_t resource, const char *directory, struct aq_error *error)
{
    if (check_new(driver, resource, error) != 0)
        return -1;
    struct program_workload *workload = add(driver, resource, WORKLOAD_STARTING, directory);
    workload->adopted = true;
    if (driver->phase == PROGRAM_READY)
        send_adopt(driver, workload);
    return 0;
}

static void send_end_leftover(struct driver *driver, const struct program_workload *workload)
{
    program_send(driver, CALL_END_LEFTOVER, workload->resource,
                 json_pack("{sI}", "resource", (json_int_t)workload->resource));
}

static uint64_t *find_known(const struct driver *driver, uint64_t resource)
{
    const struct hello *hello = &driver->hello;
    const size_t place = aq_search_number(hello->workloads, hello->workload_count, resource);
    return place < hello->workload_count && hello->workloads[place] == resource ? &hello->workloads[place] : NULL;
}

static void remove_known(struct driver *driver, uint64_t resource)
{
    uint64_t *known = find_known(driver, resource);
    if (known == NULL)
        return;
    const uint64_t *end = driver->hello.workloads + driver->hello.workload_count--;
    memmove(known, known + 1, (size_t)(end - known - 1) * sizeof *known);
}

bool program_workload_end_leftover(struct driver *driver, uint64_t resource)
{
    struct cgroup group;
    if (roster_find(&driver->roster, resource) != NULL)
        return false;
    cgroup_name(&group, &driver->host, driver->node, resource);
    const bool known = find_known(driver, resource) != NULL;
    const bool grouped = driver->hello.groups && cgroup_exists(&group);
    if (!known && !grouped)
        return false;
    struct program_workload *workload = add(driver, resource, WORKLOAD_LEFTOVER, NULL);
    if (!known)
        program_workload_over(driver, workload, DRIVER_ENDED, PROGRAM_STATUS_LOST, "killed by signal 9 (SIGKILL)");
    else if (driver->phase == PROGRAM_READY)
        send_end_leftover(driver, workload);
    return true;
}

static void send_stop(struct driver *driver, const struct program_workload *workload)
{
    program_send(driver, CALL_STOP, workload->resource,
                 json_pack("{sI ss}", "resource", (json_int_t)workload->resource, "directory", workload->directory));
}

void program_workloads_resume(struct driver *driver)
{
    for (size_t i = 0; i < driver->roster.count; i++) {
        struct program_workload *workload = driver->roster.entries[i].workload;
        if (workload->phase == WORKLOAD_HELD)
            send_start(driver, workload);
        else if (workload->phase == WORKLOAD_LEFTOVER)
            send_end_leftover(driver, workload);
        else if (workload->phase != WORKLOAD_CLEARING)
            send_adopt(driver, workload);
        if (workload->stopping && workload->phase != WORKLOAD_CLEARING)
            send_stop(driver, workload);
    }
}

void program_workloads_stop_again(struct driver *driver)
{
    for (size_t i = 0; i < driver->roster.count; i++) {
        struct program_workload *workload = driver->roster.entries[i].workload;
        if (workload->stop_refused)
            send_stop(driver, workload);
        workload->stop_refused = false;
    }
}

void program_workloads_suspend(struct driver *driver)
{
    for (size_t i = 0; i < driver->roster.count; i++) {
        struct program_workload *workload = driver->roster.entries[i].workload;
        workload->adopting = workload->stop_refused = false;
    }
}

/* ---- ending ---------------------------------------------------------------------------------------------- */

void program_workload_stop(struct driver *driver, uint64_t resource)
{
    struct program_workload *workload = roster_find(&driver->roster, resource);
    if (workload == NULL || workload->stopping || workload->phase == WORKLOAD_LEFTOVER ||
        workload->phase == WORKLOAD_CLEARING)
        return;
    workload->stopping = true;
    workload->until_ms = driver->now->steady_ms + PROGRAM_HOLD_MS;
    if (workload->phase == WORKLOAD_HELD)
        program_workload_over(driver, workload, DRIVER_FAILED, 0, "stopped before it started");
    else if (driver->phase == PROGRAM_READY)
        send_stop(driver, workload);
}

/* Returns whether nothing is left of it. */
static bool clear_group(const struct program_workload *workload)
{
    if (!cgroup_exists(&workload->group))
        return true;
    cgroup_kill(&workload->group);
    return cgroup_is_empty(&workload->group) && cgroup_remove(&workload->group) == 0;
}

static void finish(struct driver *driver, struct program_workload *workload)
{
    const struct driver_report report = {.resource = workload->resource,
                                         .kind = workload->over,
                                         DRIVER_NOT_STARTED,
                                         .lease_over = workload->lease_over,
                                         .exit_status = workload->exit_status,
                                         .reason = workload->reason};
    set_phase(driver, workload, WORKLOAD_STARTING); /* not counted any more */
    roster_remove(&driver->roster, workload->resource);
    remove_known(driver, workload->resource);
    driver->report(driver->context, &report);
    free_workload(workload);
}

void program_workload_over(struct driver *driver, struct program_workload *workload, enum driver_report_kind kind,
                           int exit_status, const char *reason)
{
    static const char oom[] = ": out of memory";
    const bool killed =
        kind == DRIVER_ENDED && exit_status == PROGRAM_STATUS_LOST && cgroup_ran_out_of_memory(&workload->group);
    char text[PROGRAM_TEXT_MAX + sizeof oom];
    snprintf(text, sizeof text, "%.*s%s", PROGRAM_TEXT_MAX, reason, killed ? oom : "");
    workload->over = kind;
    workload->exit_status = exit_status;
    workload->reason = aq_strdup(text);
    close_log(workload);
    set_phase(driver, workload, WORKLOAD_CLEARING);
    program_commands_end(driver, workload->resource, "killed by signal 9 (SIGKILL): its workload has ended");
    program_tasks_end(driver, workload->resource, "its workload has ended");
    if (clear_group(workload))
        finish(driver, workload);
}

/* Whether it waits in vain for a program that does not run. What has a control group can be ended without it. */
static bool is_given_up(const struct driver *driver, const struct program_workload *workload)
{
    if (workload->phase == WORKLOAD_HELD)
        return true;
    return driver->phase == PROGRAM_RESTS && workload->stopping && workload->phase != WORKLOAD_CLEARING &&
           cgroup_exists(&workload->group);
}

static void give_up(struct driver *driver, struct program_workload *workload)
{
    AQ_CLEANUP_BUFFER struct aq_buffer reason = {0};
    const bool held = workload->phase == WORKLOAD_HELD;
    aq_buffer_format(&reason, "%sthe program of driver %s does not run: %s",
                     held ? "" : "killed by signal 9 (SIGKILL): ", driver->name, driver->why);
    program_workload_over(driver, workload, held ? DRIVER_FAILED : DRIVER_ENDED, held ? 0 : PROGRAM_STATUS_LOST,
                          aq_buffer_string(&reason));
}

static void try_to_clear(struct driver *driver, struct program_workload *workload)
{
    if (clear_group(workload)) {
        driver->clear_tries = 0;
        finish(driver, workload);
    }
}

/* From the last to the first: a callback may remove the one it is called for, and add others with higher numbers. */
void program_workloads_work(struct driver *driver)
{
    const uint64_t now_ms = driver->now->steady_ms;
    const bool clears = driver->clearing > 0 && now_ms >= driver->clear_at_ms;
    if (clears) {
        const unsigned doubled = driver->clear_tries++ / CLEAR_TRIES;
        driver->clear_at_ms = now_ms + ((uint64_t)CLEAR_AGAIN_MS << (doubled < 8 ? doubled : 8));
    }
    if (!clears && driver->held == 0 && driver->phase != PROGRAM_RESTS)
        return;
    for (size_t i = driver->roster.count; i-- > 0;) {
        if (i >= driver->roster.count)
            continue;
        struct program_workload *workload = driver->roster.entries[i].workload;
        if (workload->phase == WORKLOAD_CLEARING && clears)
            try_to_clear(driver, workload);
        else if (workload->until_ms <= now_ms && is_given_up(driver, workload))
            give_up(driver, workload);
    }
}

uint64_t program_workloads_deadline_ms(const struct driver *driver)
{
    uint64_t soonest_ms = driver->clearing > 0 ? driver->clear_at_ms : UINT64_MAX;
    if (driver->held == 0 && driver->phase != PROGRAM_RESTS)
        return soonest_ms;
    for (size_t i = 0; i < driver->roster.count; i++) {
        const struct program_workload *workload = driver->roster.entries[i].workload;
        if (workload->until_ms < soonest_ms && is_given_up(driver, workload))
            soonest_ms = workload->until_ms;
    }
    return soonest_ms;
}

/* ---- while it runs --------------------------------------------------------------------------------------- */

void program_workload_started(struct driver *driver, struct program_workload *workload, const char *identifier,
                              const char *ip_addr, const char *hw_addr)
{
    const struct driver_report report = {.resource = workload->resource,
                                         .kind = DRIVER_STARTED,
                                         .identifier = identifier,
                                         .ip_addr = ip_addr,
                                         .hw_addr = hw_addr,
                                         .reason = ""};
    /* If it runs already, it was adopted by another run of the program, or has another address. */
    const bool ran = workload->phase == WORKLOAD_RUNNING;
    const bool told = ran && strcmp(workload->ip_addr, ip_addr) == 0 && strcmp(workload->hw_addr, hw_addr) == 0;
    workload->adopting = false;
    set_phase(driver, workload, WORKLOAD_RUNNING);
    if (told)
        return;
    snprintf(workload->ip_addr, sizeof workload->ip_addr, "%s", ip_addr);
    snprintf(workload->hw_addr, sizeof workload->hw_addr, "%s", hw_addr);
    workload->told_ms = driver->now->steady_ms;
    workload->moves += ran;
    driver->report(driver->context, &report);
}

bool program_workload_sample(struct driver *driver, uint64_t resource, struct aq_sample *sample)
{
    struct program_workload *workload = roster_find(&driver->roster, resource);
    if (workload == NULL || workload->phase != WORKLOAD_RUNNING)
        return false;
    const uint64_t at_ms = sample->at_ms;
    const bool grouped = cgroup_exists(&workload->group);
    if (!grouped && workload->used.at_ms == 0)
        return false;
    *sample = workload->used;
    sample->resource = resource;
    if (!grouped)
        return true;
    sample->at_ms = at_ms;
    cgroup_read_usage(&workload->group, &workload->usage, driver->now->steady_ms);
    sample->cpu_us = workload->usage.cpu_us;
    sample->memory = workload->usage.memory;
    sample->read = workload->usage.read;
    sample->written = workload->usage.written;
    return true;
}

void program_workload_write(struct driver *driver, struct program_workload *workload, const char *text, size_t length)
{
    struct aq_error error;
    if (!workload->tried_log && workload->directory != NULL) {
        workload->tried_log = true;
        workload->log_directory = open(workload->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        workload->has_log = workload->log_directory >= 0 &&
                            keeper_log_open(&workload->log, workload->log_directory, LOG_SIZE, LOG_FILES, &error) == 0;
        if (!workload->has_log)
            aq_journal(AQ_WARN, "a workload's output cannot be written", "driver", driver->name, "directory",
                       workload->directory, NULL);
    }
    if (workload->has_log)
        keeper_log_write(&workload->log, text, length);
}
