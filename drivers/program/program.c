#include "drivers/program/program.h"

#include "drivers/program/state.h"
#include "schema/base/journal.h"
#include "schema/codec/json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define DIRECTORIES "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum { LINES_AT_ONCE = 256 };

/* ---- what others ask ------------------------------------------------------------------------------------- */

const struct driver_type *program_driver_type(const struct driver *driver)
{
    return &driver->type;
}

static const char *refusal(const struct driver *driver)
{
    const bool brief = driver->greeted && driver->failures < PROGRAM_FAILURES_MAX; /* it will soon run again */
    if (driver->withdrawn[0] != '\0')
        return driver->withdrawn;
    if (driver->phase == PROGRAM_READY || brief)
        return driver->unusable;
    return driver->why;
}

static bool is_settled(const struct driver *driver)
{
    return driver->settled;
}

static unsigned changes(const struct driver *driver)
{
    return driver->changes;
}

/* ---- life of the program ---------------------------------------------------------------------------------- */

static void set_phase(struct driver *driver, enum program_phase phase)
{
    driver->phase = phase;
    driver->since_ms = driver->now->steady_ms;
}

/* Ends the program, if it has not ended, and lets it rest. `known`: that it cannot be used is no surprise. */
static void end_program(struct driver *driver, bool known, const char *format, ...)
{
    char why[sizeof driver->why], again[24];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    const bool told = driver->settled && strcmp(why, driver->why) == 0;
    if (driver->phase == PROGRAM_READY && driver->now->steady_ms - driver->since_ms >= PROGRAM_STABLE_MS)
        driver->failures = 0;
    uint64_t rest_ms = PROGRAM_REST_MOST_MS;
    if (!known && driver->failures < 6)
        rest_ms = (uint64_t)PROGRAM_REST_MS << driver->failures;
    driver->failures = known ? PROGRAM_FAILURES_MAX : driver->failures + 1;
    program_channel_kill(&driver->channel);
    set_phase(driver, PROGRAM_RESTS);
    driver->next_ms = driver->now->steady_ms + (rest_ms < PROGRAM_REST_MOST_MS ? rest_ms : PROGRAM_REST_MOST_MS);
    driver->settled = true;
    driver->changes++;
    memcpy(driver->why, why, sizeof why);
    snprintf(again, sizeof again, "%" PRIu64, driver->next_ms - driver->now->steady_ms);
    if (!told || !known)
        aq_journal(AQ_WARN, "a driver program does not run", "driver", driver->name, "error", why, "again_in_ms", again,
                   NULL);
    program_drop_calls(driver);
    program_workloads_suspend(driver);
    program_commands_end(driver, 0, "killed by signal 9 (SIGKILL): the program of its driver has ended");
    program_tasks_end(driver, 0, "the program of its driver has ended");
}

/* A program whose file is another one than when it was started gives way to that: its workloads do not notice. */
static void retry(struct driver *driver)
{
    struct stat file;
    if (driver->withdrawn[0] != '\0')
        driver->changes++;
    driver->withdrawn[0] = '\0';
    if (driver->phase == PROGRAM_RESTS)
        driver->next_ms = driver->now->steady_ms;
    else if (stat(driver->path, &file) == 0 &&
             (file.st_ino != driver->file.st_ino || file.st_dev != driver->file.st_dev ||
              file.st_mtim.tv_sec != driver->file.st_mtim.tv_sec ||
              file.st_mtim.tv_nsec != driver->file.st_mtim.tv_nsec)) {
        end_program(driver, false, "its file has changed");
        driver->failures = 0;
        driver->next_ms = driver->now->steady_ms;
    }
}

static void withdraw(struct driver *driver, const char *why)
{
    if (strcmp(why, driver->withdrawn) == 0)
        return;
    snprintf(driver->withdrawn, sizeof driver->withdrawn, "%s", why);
    driver->changes++;
    aq_journal(AQ_WARN, "a driver program is not used any more; what runs goes on", "driver", driver->name, "error",
               why, NULL);
}

static bool on_host(const struct driver *driver)
{
    const struct hello *hello = &driver->hello;
    return hello->declared.options == &hello->options && hello->declared.reach != NULL &&
           hello->declared.reach(NULL) == AQ_REACH_HOST;
}

static void describe(const struct driver *driver, struct aq_list *lines, uint32_t most, struct aq_arena *arena)
{
    if (driver->greeted)
        hello_describe(&driver->hello, lines, most, arena);
}

static bool waits_for(const struct driver *driver, pid_t child)
{
    return program_channel_waits_for(&driver->channel, child);
}

static const struct driver_life life = {refusal, is_settled, changes, retry, withdraw, on_host, describe, waits_for};

/* For a program that needs them before it can say hello. */
static char *settings_variable(const struct driver *driver, struct aq_arena *arena)
{
    return aq_arena_format(arena, "AQUARIUM_SETTINGS=%s", aq_json_compact(driver->settings, arena));
}

static char *helper_variable(const struct driver *driver, const char *variable, const char *name,
                             struct aq_arena *arena)
{
    const bool known = driver->helpers[0] != '\0';
    return aq_arena_format(arena, "%s=%s%s%s", variable, driver->helpers, known ? "/" : "", known ? name : "");
}

static void start_program(struct driver *driver)
{
    struct aq_error error;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    char *const environment[] = {"PATH=" DIRECTORIES,
                                 "LANG=C.UTF-8",
                                 "HOME=/",
                                 CALL_BREAK_VARIABLE "=\n",
                                 aq_arena_format(&arena, "AQUARIUM_PROTOCOL=%d", HELLO_PROTOCOL),
                                 aq_arena_format(&arena, "AQUARIUM_DRIVER=%s", driver->name),
                                 aq_arena_format(&arena, "AQUARIUM_NODE=%s", driver->node),
                                 helper_variable(driver, "AQUARIUM_OUTPUT", "aq-output", &arena),
                                 helper_variable(driver, "AQUARIUM_LEASE", "aq-lease", &arena),
                                 NULL};
    char *variables[AQ_LENGTH(environment) + 1];
    size_t count = 0;
    for (; environment[count] != NULL; count++)
        variables[count] = environment[count];
    if (driver->settings != NULL)
        variables[count++] = settings_variable(driver, &arena);
    variables[count] = NULL;
    driver->faults = 0;
    if (stat(driver->path, &driver->file) != 0)
        memset(&driver->file, 0, sizeof driver->file);
    if (program_channel_start(&driver->channel, driver->path, variables, driver->now->steady_ms, &error) != 0) {
        end_program(driver, false, "it cannot be started: %s", error.message);
        return;
    }
    set_phase(driver, PROGRAM_GREETS);
}

/* A second run may say other things than the first. */
static void take_hello(struct driver *driver, const json_t *line)
{
    struct hello hello;
    struct aq_error error;
    if (hello_read(&hello, driver->name, line, &error) != 0) {
        end_program(driver, false, "%s", error.message);
        return;
    }
    if (hello.unusable != NULL) {
        end_program(driver, true, "%s", hello.unusable);
        hello_free(&hello);
        return;
    }
    hello_free(&driver->hello);
    driver->hello = hello;
    if (driver->hello.declared.options == &hello.options) /* of the copy */
        driver->hello.declared.options = &driver->hello.options;
    driver->type.command = hello.commands ? program_workload_command : NULL;
    driver->type.end_command = hello.commands ? program_workload_end_command : NULL;
    driver->type.task = hello.tasks ? program_workload_task : NULL;
    driver->type.end_task = hello.tasks ? program_workload_end_task : NULL;
    driver->type.keeps_leases = hello.leases;
    driver->settled = driver->greeted = true;
    free(driver->unusable);
    driver->unusable = NULL;
    driver->why[0] = '\0';
    driver->changes++;
    set_phase(driver, PROGRAM_READY);
    aq_journal(AQ_INFO, "a driver program runs", "driver", driver->name, "path", driver->path, NULL);
    if (driver->settings != NULL)
        program_send(driver, CALL_SETTINGS, 0, json_incref(driver->settings));
    program_workloads_resume(driver);
}

static void take_line(struct driver *driver, const char *text, size_t length)
{
    struct aq_error error;
    json_t *line = aq_json_parse(text, length, &error);
    if (line == NULL || !json_is_object(line))
        program_fault(driver, "a line is no JSON object: %s", line == NULL ? error.message : "it is something else");
    else if (driver->phase == PROGRAM_READY)
        program_judge(driver, line);
    else
        take_hello(driver, line);
    json_decref(line);
    if (driver->phase == PROGRAM_GREETS && driver->faults > 0)
        end_program(driver, false, "hello: %s", driver->why);
    else if (driver->faults >= PROGRAM_FAULTS_MAX)
        end_program(driver, false, "it said what cannot be %u times, last: %s", driver->faults, driver->why);
}

static void listen(struct driver *driver)
{
    const uint64_t now_ms = driver->now->steady_ms;
    const bool runs = program_channel_work(&driver->channel, now_ms);
    const char *line;
    size_t length;
    bool whole;
    while (driver->phase != PROGRAM_RESTS && (line = program_channel_line(&driver->channel, &length, &whole)) != NULL)
        if (whole)
            take_line(driver, line, length);
        else
            end_program(driver, false, "it wrote a line of more than %d bytes", CHANNEL_LINE_MAX);
    const struct channel *channel = &driver->channel;
    if (!runs && driver->phase != PROGRAM_RESTS)
        end_program(driver, false, "%s%s%s", channel->how, channel->last[0] != '\0' ? ": " : "", channel->last);
}

static bool waits_for_answer(const struct driver *driver)
{
    return driver->first_call < driver->call_count;
}

/* When the program is overdue, or is asked whether it still answers, or is started. */
static uint64_t life_deadline_ms(const struct driver *driver)
{
    if (driver->phase == PROGRAM_RESTS)
        return driver->withdrawn[0] == '\0' ? driver->next_ms : UINT64_MAX;
    if (driver->phase == PROGRAM_GREETS)
        return driver->since_ms + PROGRAM_GREET_MS;
    return driver->answered_ms + (waits_for_answer(driver) ? PROGRAM_ANSWER_MS : PROGRAM_PING_MS);
}

static void go_on(struct driver *driver)
{
    if (driver->phase != PROGRAM_RESTS && program_channel_is_full(&driver->channel)) {
        end_program(driver, false, "it leaves calls unread");
        return;
    }
    if (driver->now->steady_ms < life_deadline_ms(driver))
        return;
    if (driver->phase == PROGRAM_RESTS)
        start_program(driver);
    else if (driver->phase == PROGRAM_GREETS)
        end_program(driver, false, "it has not said hello within %d s", PROGRAM_GREET_MS / 1000);
    else if (waits_for_answer(driver))
        end_program(driver, false, "it has not answered for %d s", PROGRAM_ANSWER_MS / 1000);
    else {
        program_send(driver, CALL_PING, 0, json_object());
        program_workloads_stop_again(driver);
    }
}

/* ---- the driver ------------------------------------------------------------------------------------------- */

static int program_probe(struct aq_error *error)
{
    (void)error;
    return 0;
}

static void program_close(struct driver *driver)
{
    if (driver == NULL)
        return;
    program_channel_close(&driver->channel);
    program_workloads_free(driver);
    for (size_t i = 0; i < driver->command_count; i++)
        program_command_opened(driver, driver->commands[i].number);
    free(driver->commands);
    free(driver->tasks);
    free(driver->calls);
    hello_free(&driver->hello);
    json_decref(driver->settings);
    aq_arena_free(&driver->allowed);
    free(driver->helpers);
    free(driver->unusable);
    free(driver->name);
    free(driver->path);
    free(driver->node);
    free(driver);
}

static void set_setting(struct driver *driver, const char *name, json_t *value)
{
    if (driver->settings == NULL)
        driver->settings = json_object();
    json_object_set_new(driver->settings, name, value);
}

static void tell_settings(struct driver *driver)
{
    if (driver->phase == PROGRAM_READY)
        program_send(driver, CALL_SETTINGS, 0, json_incref(driver->settings));
}

static void program_allow(struct driver *driver, const struct aq_allowance *allowance)
{
    struct aq_arena arena = {0};
    json_t *told = json_array();
    driver->allowance = aq_allowance_copy(allowance, &arena);
    aq_arena_free(&driver->allowed);
    driver->allowed = arena;
    for (uint32_t i = 0; i < allowance->told.count; i++)
        json_array_append_new(told, json_string(AQ_TEXT_ITEM(allowance->told, i)));
    set_setting(driver, "allows", told);
    set_setting(driver, "user", json_string(allowance->user));
    set_setting(driver, "own_first", json_integer(allowance->first));
    set_setting(driver, "own_count", json_integer(allowance->count));
    set_setting(driver, "own_shared", json_boolean(allowance->shared));
    set_setting(driver, "root", json_boolean(allowance->root));
    tell_settings(driver);
}

static void program_configure(struct driver *driver, const struct driver_settings *settings)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    struct aq_error ignored;
    const struct aq_field *own = settings->record != NULL ? aq_record_field(settings->record, driver->name) : NULL;
    set_setting(driver, "metadata_port", json_integer(settings->metadata_port));
    if (own != NULL && own->type == AQ_TYPE_RECORD) {
        aq_record_to_json(own->record, AQ_AT_CONST(settings->all, own), &text);
        json_t *json = aq_json_parse(aq_buffer_string(&text), text.length, &ignored);
        if (json != NULL)
            set_setting(driver, "settings", json);
    }
    tell_settings(driver);
}

static int program_wake_fd(struct driver *driver)
{
    return driver->channel.epoll;
}

static uint64_t program_deadline_ms(struct driver *driver)
{
    const uint64_t times_ms[] = {life_deadline_ms(driver), program_channel_deadline_ms(&driver->channel),
                                 program_workloads_deadline_ms(driver)};
    uint64_t soonest_ms = UINT64_MAX;
    for (size_t i = 0; i < AQ_LENGTH(times_ms); i++)
        soonest_ms = times_ms[i] < soonest_ms ? times_ms[i] : soonest_ms;
    return soonest_ms;
}

static void program_work(struct driver *driver)
{
    if (driver->phase != PROGRAM_RESTS)
        listen(driver);
    go_on(driver);
    program_workloads_work(driver);
}

static const struct driver_type plain_type = {
    .life = &life,
    .probe = program_probe,
    .close = program_close,
    .allow = program_allow,
    .configure = program_configure,
    .start = program_workload_start,
    .adopt = program_workload_adopt,
    .end_leftover = program_workload_end_leftover,
    .stop = program_workload_stop,
    .sample = program_workload_sample,
    .wake_fd = program_wake_fd,
    .deadline_ms = program_deadline_ms,
    .work = program_work,
};

struct driver *program_driver_open(const char *name, const char *path, const char *helpers, const char *node,
                                   const struct aq_clocks *now, driver_report_fn *report, void *context)
{
    struct aq_error error;
    struct driver *driver = aq_calloc(1, sizeof *driver);
    driver->type = plain_type;
    driver->name = aq_strdup(name);
    driver->path = aq_strdup(path);
    driver->node = aq_strdup(node);
    driver->helpers = aq_strdup(helpers);
    driver->now = now;
    driver->report = report;
    driver->context = context;
    snprintf(driver->why, sizeof driver->why, "it has not said hello yet");
    hello_none(&driver->hello, driver->name);
    driver->type.declared = &driver->hello.declared;
    cgroup_host_read(&driver->host);
    const int opened = program_channel_open(&driver->channel, driver->name, &error);
    aq_assert(opened == 0);           /* as every driver's */
    driver->next_ms = now->steady_ms; /* in the first turn, when the settings are known */
    return driver;
}
