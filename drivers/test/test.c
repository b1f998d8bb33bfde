#include "drivers/test/test.h"

#include "drivers/output.h"
#include "drivers/roster.h"
#include "drivers/schedule.h"
#include "drivers/test/plan.h"
#include "drivers/test/tasks.h"
#include "schema/base/files.h"
#include "schema/codec/word.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATUS_STOPPED = 128 + 15, STATUS_KILLED = 128 + 9, STATUS_NO_COMMAND = 127 };

enum test_phase { TEST_STARTING, TEST_RUNNING, TEST_STOPPING };

struct test_workload {
    uint64_t resource;
    enum test_phase phase;
    uint64_t due_ms; /* when the next thing happens; UINT64_MAX: never */
    struct test_plan plan;
    char *directory;
};

/* A command that pretends to run in a workload. */
struct test_command {
    uint64_t number, resource;
    bool over; /* it has ended, which is reported in the next turn */
    int exit_status;
    struct test_command *next;
};

struct driver {
    const struct aq_clocks *now; /* of the agent's turn */
    driver_report_fn *report;
    void *context;
    struct roster roster;
    struct schedule schedule;
    struct test_command *commands;
    struct test_tasks tasks;
    bool failed_first; /* the start that `fail` "first" lets fail has been */
};

static int test_probe(struct aq_error *error)
{
    (void)error;
    return 0;
}

static struct driver *test_open(const char *node, const struct aq_clocks *now, driver_report_fn *report, void *context)
{
    (void)node;
    struct driver *driver = aq_calloc(1, sizeof *driver);
    driver->now = now;
    driver->report = report;
    driver->context = context;
    return driver;
}

static void workload_free(struct test_workload *workload)
{
    free(workload->directory);
    free(workload);
}

static void test_close(struct driver *driver)
{
    if (driver == NULL)
        return;
    for (size_t i = 0; i < driver->roster.count; i++)
        workload_free(driver->roster.entries[i].workload);
    while (driver->commands != NULL) {
        struct test_command *command = driver->commands;
        driver->commands = command->next;
        free(command);
    }
    test_tasks_free(&driver->tasks);
    roster_free(&driver->roster);
    schedule_free(&driver->schedule);
    free(driver);
}

/* splitmix64: neighbouring numbers give unrelated results. */
static uint64_t test_random(uint64_t seed, uint64_t resource)
{
    uint64_t x = seed * 0x9e3779b97f4a7c15u + resource + 1;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static bool test_will_fail(struct driver *driver, const struct aq_test_options *options, uint64_t resource)
{
    if (options->fail == TEST_FAIL_ALWAYS)
        return true;
    if (options->fail == TEST_FAIL_FIRST && !driver->failed_first) {
        driver->failed_first = true;
        return true;
    }
    return test_random(options->seed, resource) % 1000 < options->fail_rate;
}

/* ---- workloads ---------------------------------------------------------------------------------------- */

/* `at_ms` is wall time. It takes `most_ms` at most. */
static void workload_wake_at(struct driver *driver, struct test_workload *workload, uint64_t at_ms, uint64_t most_ms)
{
    const struct aq_clocks *now = driver->now;
    uint64_t left_ms = at_ms > now->wall_ms ? at_ms - now->wall_ms : 0;
    workload->due_ms = now->steady_ms + (left_ms < most_ms ? left_ms : most_ms);
    schedule_add(&driver->schedule, workload->due_ms, workload->resource);
}

static struct test_workload *workload_add(struct driver *driver, uint64_t resource, const char *directory,
                                          const struct test_plan *plan)
{
    struct test_workload *workload = aq_calloc(1, sizeof *workload);
    workload->resource = resource;
    workload->directory = aq_strdup(directory);
    workload->plan = *plan;
    roster_add(&driver->roster, resource, workload);
    return workload;
}

/* The command that an application gives is the output. */
static int write_output(const struct driver_spec *spec, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer line = {0};
    char name[OUTPUT_NAME_SIZE];
    output_name(name, 0);
    if (spec->arguments.count == 0)
        return 0;
    AQ_CLEANUP_FD int directory = open(spec->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return aq_fail_errno(error, errno, "directory %s", spec->directory);
    aq_arguments_to_text(&spec->arguments, &line);
    aq_buffer_char(&line, '\n');
    return aq_file_replace_unsynced(directory, name, 0600, line.data, line.length, error);
}

static int test_start(struct driver *driver, const struct driver_spec *spec, struct aq_error *error)
{
    if (roster_find(&driver->roster, spec->resource) != NULL)
        return aq_fail(error, AQ_E_EXISTS, "resource %" PRIu64 " is running on this node already", spec->resource);
    const struct aq_test_options *options = spec->options;
    struct test_plan plan = {0};
    plan.starts_at_ms = driver->now->wall_ms + options->start_delay_ms;
    plan.ends_at_ms = options->run_ms > 0 ? plan.starts_at_ms + options->run_ms : 0;
    plan.start_delay_ms = options->start_delay_ms;
    plan.run_ms = options->run_ms;
    plan.stop_delay_ms = options->stop_delay_ms;
    plan.fails = test_will_fail(driver, options, spec->resource);
    plan.exit_status = (int)options->exit_status;
    snprintf(plan.ip_addr, sizeof plan.ip_addr, "%s", options->ip_addr);
    snprintf(plan.fail_reason, sizeof plan.fail_reason, "%s", options->fail_reason);
    plan.task_ms = options->task_ms;
    snprintf(plan.task_fail, sizeof plan.task_fail, "%s", options->task_fail);
    if (write_output(spec, error) != 0 || test_plan_write(&plan, spec->directory, error) != 0)
        return -1;
    workload_wake_at(driver, workload_add(driver, spec->resource, spec->directory, &plan), plan.starts_at_ms,
                     plan.start_delay_ms);
    return 0;
}

static int test_adopt(struct driver *driver, uint64_t resource, const char *directory, struct aq_error *error)
{
    if (roster_find(&driver->roster, resource) != NULL)
        return aq_fail(error, AQ_E_EXISTS, "resource %" PRIu64 " is running on this node already", resource);
    struct test_plan plan = {0};
    if (test_plan_read(&plan, directory, error) != 0)
        return -1;
    struct test_workload *workload = workload_add(driver, resource, directory, &plan);
    /* If it has ended meanwhile, only the end is reported. */
    if (plan.over || (!plan.fails && plan.ends_at_ms > 0 && plan.ends_at_ms <= driver->now->wall_ms)) {
        workload->phase = TEST_RUNNING;
        workload_wake_at(driver, workload, plan.ends_at_ms, 0);
    } else {
        workload_wake_at(driver, workload, plan.starts_at_ms, plan.start_delay_ms);
    }
    return 0;
}

/* Nothing runs, so nothing is left. */
static bool test_end_leftover(struct driver *driver, uint64_t resource)
{
    (void)driver, (void)resource;
    return false;
}

/* ---- commands ----------------------------------------------------------------------------------------- */

/* Commands end with their workload, as if killed. */
static void commands_kill(struct driver *driver, uint64_t resource, uint64_t number)
{
    for (struct test_command *command = driver->commands; command != NULL; command = command->next)
        if (!command->over && (command->resource == resource || command->number == number)) {
            command->over = true;
            command->exit_status = STATUS_KILLED;
        }
}

static void test_end_command(struct driver *driver, uint64_t number)
{
    commands_kill(driver, 0, number);
}

/* There are three: `say TEXT STATUS`, `hang`, and `late STATUS MS`, which has this status when the workload has run so
 * long, and 0 before. */
static bool command_read(const struct test_workload *workload, const struct aq_clocks *now,
                         const struct driver_command *command, int *exit_status)
{
    const char *const *words = command->arguments;
    unsigned count = 0;
    while (words[count] != NULL)
        count++;
    *exit_status = 0;
    if (strcmp(words[0], "hang") == 0 && count == 1)
        return false;
    if (strcmp(words[0], "say") == 0 && count == 3) {
        ssize_t written = write(command->output, words[1], strlen(words[1]));
        (void)written; /* it may be that nothing reads it */
        *exit_status = (int)(strtoul(words[2], NULL, 10) & 0xFF);
    } else if (strcmp(words[0], "late") == 0 && count == 3) {
        if (now->wall_ms >= workload->plan.starts_at_ms + strtoul(words[2], NULL, 10))
            *exit_status = (int)(strtoul(words[1], NULL, 10) & 0xFF);
    } else {
        *exit_status = STATUS_NO_COMMAND;
    }
    return true;
}

static int test_command(struct driver *driver, const struct driver_command *wanted, struct aq_error *error)
{
    const struct test_workload *workload = roster_find(&driver->roster, wanted->resource);
    if (workload == NULL || workload->phase == TEST_STARTING)
        return aq_fail(error, AQ_E_STATE, "resource %" PRIu64 " does not run", wanted->resource);
    struct test_command *command = aq_calloc(1, sizeof *command);
    command->number = wanted->number;
    command->resource = wanted->resource;
    command->over = command_read(workload, driver->now, wanted, &command->exit_status);
    struct test_command **last = &driver->commands;
    while (*last != NULL)
        last = &(*last)->next;
    *last = command;
    return 0;
}

static const struct test_command *first_ended(const struct driver *driver)
{
    const struct test_command *command = driver->commands;
    while (command != NULL && !command->over)
        command = command->next;
    return command;
}

/* The callback may start another one. */
static void commands_work(struct driver *driver)
{
    const struct test_command *ended;
    while ((ended = first_ended(driver)) != NULL) {
        struct test_command **link = &driver->commands;
        while (*link != ended)
            link = &(*link)->next;
        struct test_command command = **link;
        free(*link);
        *link = command.next;
        char status[32];
        snprintf(status, sizeof status, "exit status %d", command.exit_status);
        const struct driver_report report = {
            .resource = command.resource,
            .kind = DRIVER_COMMAND_ENDED,
            DRIVER_NOT_STARTED,
            .exit_status = command.exit_status,
            .reason = command.exit_status == STATUS_KILLED ? "killed by signal 9 (SIGKILL)" : status,
            .command = command.number};
        driver->report(driver->context, &report);
    }
}

/* ---- tasks --------------------------------------------------------------------------------------------- */

static int test_task(struct driver *driver, const struct driver_task *task, struct aq_error *error)
{
    const struct test_workload *workload = roster_find(&driver->roster, task->resource);
    if (workload == NULL || workload->phase == TEST_STARTING)
        return aq_fail(error, AQ_E_STATE, "resource %" PRIu64 " does not run", task->resource);
    test_tasks_add(&driver->tasks, task, driver->now->steady_ms + workload->plan.task_ms, workload->plan.task_fail);
    return 0;
}

static void test_end_task(struct driver *driver, uint64_t number)
{
    test_tasks_end(&driver->tasks, 0, number, "cancelled");
}

/* ---- going on ----------------------------------------------------------------------------------------- */

/* Reports the end of `workload` and frees it. The callback may call the driver. */
static void workload_end(struct driver *driver, struct test_workload *workload, enum driver_report_kind kind,
                         int exit_status, const char *reason)
{
    roster_remove(&driver->roster, workload->resource);
    commands_kill(driver, workload->resource, 0);
    test_tasks_end(&driver->tasks, workload->resource, 0, "the workload has ended");
    struct driver_report report = {
        .resource = workload->resource, .kind = kind, DRIVER_NOT_STARTED, .exit_status = exit_status, .reason = reason};
    driver->report(driver->context, &report);
    workload_free(workload);
}

static void report_started(struct driver *driver, struct test_workload *workload)
{
    workload->phase = TEST_RUNNING;
    workload->due_ms = UINT64_MAX;
    if (workload->plan.ends_at_ms > 0)
        workload_wake_at(driver, workload, workload->plan.ends_at_ms, workload->plan.run_ms);
    char identifier[32];
    char ip_addr[TEST_TEXT_MAX + 1];
    snprintf(identifier, sizeof identifier, "test %" PRIu64, workload->resource);
    memcpy(ip_addr, workload->plan.ip_addr, sizeof ip_addr);
    struct driver_report report = {.resource = workload->resource,
                                   .kind = DRIVER_STARTED,
                                   .identifier = identifier,
                                   .ip_addr = ip_addr,
                                   .hw_addr = "",
                                   .reason = ""};
    driver->report(driver->context, &report);
}

static void workload_stopped(struct driver *driver, struct test_workload *workload)
{
    /* For the next run of the agent, in case this one ends before it stores the end. */
    struct aq_error ignored;
    workload->plan.ends_at_ms = workload->plan.starts_at_ms;
    workload->plan.exit_status = STATUS_STOPPED;
    workload->plan.over = true;
    if (test_plan_write(&workload->plan, workload->directory, &ignored) != 0)
        workload->plan.ends_at_ms = 0; /* then the adopted workload runs until it is stopped again */
    workload_end(driver, workload, DRIVER_ENDED, STATUS_STOPPED, "killed by signal 15 (SIGTERM): stopped");
}

static void test_stop(struct driver *driver, uint64_t resource)
{
    struct test_workload *workload = roster_find(&driver->roster, resource);
    if (workload == NULL || workload->phase == TEST_STOPPING)
        return;
    if (workload->phase == TEST_STARTING) {
        workload_end(driver, workload, DRIVER_FAILED, 0, "stopped before it started");
        return;
    }
    workload->phase = TEST_STOPPING;
    workload_wake_at(driver, workload, driver->now->wall_ms + workload->plan.stop_delay_ms,
                     workload->plan.stop_delay_ms);
}

static void test_work(struct driver *driver)
{
    struct schedule_entry entry;
    while (schedule_take(&driver->schedule, driver->now->steady_ms, &entry)) {
        struct test_workload *workload = roster_find(&driver->roster, entry.resource);
        if (workload == NULL || workload->due_ms != entry.due_ms)
            continue;
        if (workload->phase == TEST_STOPPING) {
            workload_stopped(driver, workload);
        } else if (workload->phase == TEST_RUNNING) {
            char reason[32];
            snprintf(reason, sizeof reason, "exit status %d", workload->plan.exit_status);
            workload_end(driver, workload, DRIVER_ENDED, workload->plan.exit_status, reason);
        } else if (workload->plan.fails) {
            workload_end(driver, workload, DRIVER_FAILED, 0, workload->plan.fail_reason);
        } else {
            report_started(driver, workload);
        }
    }
    commands_work(driver);
    test_tasks_work(&driver->tasks, driver->now->steady_ms, driver->report, driver->context);
}

/* Pretends: half a core and 64 MiB since its start, and no disk or network of its own. */
static bool test_sample(struct driver *driver, uint64_t resource, struct aq_sample *sample)
{
    const struct test_workload *workload = roster_find(&driver->roster, resource);
    if (workload == NULL || workload->phase == TEST_STARTING)
        return false;
    const uint64_t now_ms = driver->now->wall_ms, began_ms = workload->plan.starts_at_ms;
    const uint64_t ran_ms = now_ms > began_ms ? now_ms - began_ms : 0;
    sample->cpu_us = aq_some(ran_ms * 1000 / 2);
    sample->memory = aq_some(64 << 20);
    return true;
}

static int test_wake_fd(struct driver *driver)
{
    (void)driver;
    return -1;
}

static uint64_t test_deadline_ms(struct driver *driver)
{
    const uint64_t next_ms = schedule_next_ms(&driver->schedule), task_ms = test_tasks_next_ms(&driver->tasks);
    if (first_ended(driver) != NULL)
        return driver->now->steady_ms;
    return task_ms < next_ms ? task_ms : next_ms;
}

const struct driver_type test_driver_type = {
    .declared = &aq_driver_test,
    .probe = test_probe,
    .open = test_open,
    .close = test_close,
    .start = test_start,
    .adopt = test_adopt,
    .sample = test_sample,
    .end_leftover = test_end_leftover,
    .stop = test_stop,
    .command = test_command,
    .end_command = test_end_command,
    .task = test_task,
    .end_task = test_end_task,
    .wake_fd = test_wake_fd,
    .deadline_ms = test_deadline_ms,
    .work = test_work,
};
