#include "tests/sim/driver.h"

#include "agent/programs.h"
#include "drivers/lease.h"
#include "drivers/test/test.h"
#include "schema/drivers/test.h"
#include "tests/sim/death.h"
#include "tests/sim/judge_secrets.h"
#include "tests/sim/keepers.h"
#include "tests/sim/outputs.h"
#include "tests/sim/programs.h"
#include "tests/sim/runners.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One that is open. */
struct driver {
    struct driver *real;
    driver_report_fn *report;
    void *context;
    struct witness *witness;
    unsigned host;
    const struct aq_clocks *now;
    struct programs programs;
    struct running_command *commands;
    uint64_t *tasks; /* that it was given */
    size_t n_tasks, tasks_room;
};

/* A command that runs. */
struct running_command {
    struct running_command *next;
    uint64_t number;
    char name[32]; /* its second argument */
};

static struct {
    struct witness *witness;
    unsigned host;
} next;

void driver_set_host(struct witness *witness, unsigned host)
{
    next.witness = witness;
    next.host = host;
}

/* Its directory, as the agent gives it to the driver (agent/home.h). */
static void write_output(const struct driver *driver, uint64_t resource, unsigned lines)
{
    char directory[256];
    snprintf(directory, sizeof directory, "nodes/%u/%s/workloads/%" PRIu64 "/driver", driver->host,
             driver->witness->hosts[driver->host].name, resource);
    outputs_write(driver->witness, directory, resource, lines);
}

static void note_command(struct driver *driver, const struct driver_command *command)
{
    struct running_command *running = aq_calloc(1, sizeof *running);
    const char *name = command->arguments[0] != NULL ? command->arguments[1] : NULL;
    *running = (struct running_command){.next = driver->commands, .number = command->number};
    snprintf(running->name, sizeof running->name, "%s", name != NULL ? name : "");
    driver->commands = running;
    runners_command_starts(driver->witness->runners, driver->host, command->resource, running->name);
}

/* 0: all of them, for nobody looks after them any more. */
static void drop_command(struct driver *driver, uint64_t number)
{
    for (struct running_command **link = &driver->commands, *running; (running = *link) != NULL;) {
        if (number != 0 && running->number != number) {
            link = &running->next;
            continue;
        }
        *link = running->next;
        runners_command_ends(driver->witness->runners, driver->host, running->name);
        free(running);
    }
}

/* What the keeper has done: its report comes in place of the driver's own. */
static void report_lease(struct driver *driver, struct keeper *keeper)
{
    const struct driver_report report = {.resource = keeper->resource,
                                         .kind = keeper->started ? DRIVER_ENDED : DRIVER_FAILED,
                                         .identifier = "",
                                         .ip_addr = "",
                                         .hw_addr = "",
                                         .lease_over = true,
                                         .exit_status = 128 + 9,
                                         .reason = LEASE_OVER};
    keeper->told = true;
    programs_kill_all(&driver->programs, report.resource);
    driver->report(driver->context, &report);
    test_driver_type.stop(driver->real, report.resource);
}

/* Is it about a workload that the keeper has ended? */
static bool is_of_ended(struct driver *driver, const struct driver_report *report)
{
    struct keepers *keepers = driver->witness->keepers;
    struct keeper *keeper = keepers_find(keepers, driver->host, report->resource);
    if (keeper == NULL || report->kind == DRIVER_COMMAND_ENDED)
        return false;
    keeper->started = keeper->started || report->kind == DRIVER_STARTED;
    if (!keeper->over)
        return false;
    if (!keeper->told && report->kind != DRIVER_STARTED)
        report_lease(driver, keeper);
    return true;
}

static void take_report(void *context, const struct driver_report *report)
{
    struct driver *driver = context;
    if (death_has_come() || is_of_ended(driver, report))
        return;
    if (report->kind == DRIVER_COMMAND_ENDED) {
        drop_command(driver, report->command);
        driver->report(driver->context, report);
        return;
    }
    if (report->kind == DRIVER_TASK_ENDED) {
        if (report->reason[0] == '\0')
            witness_task_made(driver->witness, report->task);
        driver->report(driver->context, report);
        death_may_come();
        return;
    }
    if (report->kind == DRIVER_ENDED)
        programs_kill_all(&driver->programs, report->resource);
    write_output(driver, report->resource, 1 + report->resource % 40);
    if (report->kind != DRIVER_STARTED) {
        witness_ended(driver->witness, driver->host, report->resource);
        keepers_end(driver->witness->keepers, driver->host, report->resource);
    }
    driver->report(driver->context, report);
}

static int watched_probe(struct aq_error *error)
{
    return test_driver_type.probe(error);
}

static struct driver *watched_open(const char *node, const struct aq_clocks *now, driver_report_fn *report,
                                   void *context)
{
    struct driver *driver = aq_calloc(1, sizeof *driver);
    *driver =
        (struct driver){.report = report, .context = context, .witness = next.witness, .host = next.host, .now = now};
    driver->real = test_driver_type.open(node, now, take_report, driver);
    return driver;
}

static void watched_close(struct driver *driver)
{
    test_driver_type.close(driver->real);
    programs_close(&driver->programs);
    drop_command(driver, 0);
    free(driver->tasks);
    free(driver);
}

static int watched_start(struct driver *driver, const struct driver_spec *spec, struct aq_error *error)
{
    if (death_has_come() || !keepers_begin(driver->witness->keepers, driver->host, spec))
        return 0;
    const struct aq_test_options *options = spec->options;
    witness_start(driver->witness, driver->host, spec->resource,
                  options->run_ms > 0 ? options->start_delay_ms + options->run_ms : 0);
    witness_command(driver->witness, spec->resource, &spec->arguments);
    judge_secrets_check_start(driver->witness->judge, spec->resource, spec);
    struct driver_spec real = *spec;
    real.arguments = (struct aq_list){0}; /* which it would write into the output */
    if (test_driver_type.start(driver->real, &real, error) != 0) {
        keepers_end(driver->witness->keepers, driver->host, spec->resource);
        return -1;
    }
    witness_runs(driver->witness, driver->host, spec->resource, false);
    write_output(driver, spec->resource, 1);
    death_may_come();
    return 0;
}

static int watched_adopt(struct driver *driver, uint64_t resource, const char *directory, struct aq_error *error)
{
    if (test_driver_type.adopt(driver->real, resource, directory, error) != 0) {
        witness_ended(driver->witness, driver->host, resource); /* nothing of it is watched any more */
        keepers_end(driver->witness->keepers, driver->host, resource);
        return -1;
    }
    struct keeper *keeper = keepers_find(driver->witness->keepers, driver->host, resource);
    if (keeper == NULL || !keeper->over)
        witness_runs(driver->witness, driver->host, resource, true);
    else
        keeper->told = false; /* the agent before this one may have died of it */
    return 0;
}

static bool watched_end_leftover(struct driver *driver, uint64_t resource)
{
    return test_driver_type.end_leftover(driver->real, resource);
}

static void watched_stop(struct driver *driver, uint64_t resource)
{
    if (!death_has_come())
        witness_stop(driver->witness, driver->host, resource);
    test_driver_type.stop(driver->real, resource);
    death_may_come();
}

static int watched_command(struct driver *driver, const struct driver_command *command, struct aq_error *error)
{
    if (death_has_come())
        return 0;
    if (programs_have(command)) {
        if (!witness_sees(driver->witness, driver->host, command->resource))
            return aq_fail(error, AQ_E_STATE, "resource %" PRIu64 " does not run", command->resource);
        programs_start(&driver->programs, command);
    } else if (test_driver_type.command(driver->real, command, error) != 0) {
        return -1;
    }
    note_command(driver, command);
    death_may_come();
    return 0;
}

static void watched_end_command(struct driver *driver, uint64_t number)
{
    test_driver_type.end_command(driver->real, number);
    programs_kill(&driver->programs, number);
}

static int watched_task(struct driver *driver, const struct driver_task *task, struct aq_error *error)
{
    if (death_has_come())
        return 0;
    for (size_t i = 0; i < driver->n_tasks; i++)
        if (driver->tasks[i] == task->number)
            sim_broken(driver->witness->sim, "nothing is made twice", "task %" PRIu64 " is begun again", task->number);
    witness_task(driver->witness, driver->host, task);
    if (test_driver_type.task(driver->real, task, error) != 0)
        return -1;
    AQ_GROW(driver->tasks, driver->n_tasks, driver->tasks_room);
    driver->tasks[driver->n_tasks++] = task->number;
    death_may_come();
    return 0;
}

static void watched_end_task(struct driver *driver, uint64_t number)
{
    test_driver_type.end_task(driver->real, number);
}

static bool watched_sample(struct driver *driver, uint64_t resource, struct aq_sample *sample)
{
    return test_driver_type.sample(driver->real, resource, sample);
}

static int watched_wake_fd(struct driver *driver)
{
    return test_driver_type.wake_fd(driver->real);
}

static uint64_t watched_deadline_ms(struct driver *driver)
{
    const bool due =
        programs_are_due(&driver->programs) || keepers_untold(driver->witness->keepers, driver->host) != NULL;
    return due ? driver->now->steady_ms : test_driver_type.deadline_ms(driver->real);
}

static void watched_work(struct driver *driver)
{
    struct keeper *keeper;
    while (!death_has_come() && (keeper = keepers_untold(driver->witness->keepers, driver->host)) != NULL)
        report_lease(driver, keeper);
    test_driver_type.work(driver->real);
    programs_work(&driver->programs, take_report, driver);
}

static const struct driver_type watched_type = {
    .declared = &aq_driver_test,
    .keeps_leases = true,
    .probe = watched_probe,
    .open = watched_open,
    .close = watched_close,
    .start = watched_start,
    .adopt = watched_adopt,
    .end_leftover = watched_end_leftover,
    .stop = watched_stop,
    .command = watched_command,
    .end_command = watched_end_command,
    .task = watched_task,
    .end_task = watched_end_task,
    .sample = watched_sample,
    .wake_fd = watched_wake_fd,
    .deadline_ms = watched_deadline_ms,
    .work = watched_work,
};

const struct driver_type *const driver_types[] = {&watched_type, NULL};

/* Drivers that are programs are processes: the simulator has none. */
uint32_t programs_find(struct drivers *drivers, const char *node, const char *directory, const struct aq_list *wanted)
{
    (void)drivers, (void)node, (void)directory, (void)wanted;
    return 0;
}

const struct driver_type *driver_find(const char *name)
{
    return strcmp(name, watched_type.declared->name) == 0 ? &watched_type : NULL;
}
