#include "drivers/test.h"

#include "drivers/options.h"
#include "drivers/roster.h"
#include "drivers/schedule.h"
#include "schema/base/clock.h"
#include "schema/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One hour: what waits longer is no test. */
enum { LONGEST_MS = 3600000, TEXT_SIZE = 128, FILE_SIZE = 1024, STATUS_STOPPED = 128 + 15 };

enum test_phase { TEST_STARTING, TEST_RUNNING, TEST_STOPPING };

/* What a workload will do. The file `test` in its directory holds just this, with times of the clock on the wall,
 * because the schedule's clock begins anew when the machine does. */
struct test_plan {
    uint64_t starts_at_ms;
    uint64_t ends_at_ms; /* 0: when it is stopped */
    uint64_t stop_delay_ms;
    bool fails;
    int exit_status;
    char ip_addr[TEXT_SIZE];
    char fail_reason[TEXT_SIZE];
};

struct test_workload {
    uint64_t resource;
    enum test_phase phase;
    uint64_t due_ms; /* the next thing happens then; UINT64_MAX: nothing does */
    struct test_plan plan;
    char *directory;
};

struct driver {
    driver_report_fn *report;
    void *context;
    struct roster roster;
    struct schedule schedule;
    bool failed_first; /* a start with `fail` "first" has had its failure */
};

static const char *const fail_words[] = {"never", "always", "first", NULL};

static int test_probe(struct aq_error *error)
{
    (void)error;
    return 0;
}

static int test_validate(const json_t *options, struct aq_error *error)
{
    static const char *const known[] = {"start_delay_ms", "run_ms",      "stop_delay_ms", "fail",    "fail_rate",
                                        "seed",           "exit_status", "fail_reason",   "ip_addr", NULL};
    if (options_check_names(options, "test", known, error) != 0 ||
        options_check_number(options, "start_delay_ms", 0, LONGEST_MS, error) != 0 ||
        options_check_number(options, "run_ms", 0, LONGEST_MS, error) != 0 ||
        options_check_number(options, "stop_delay_ms", 0, LONGEST_MS, error) != 0 ||
        options_check_number(options, "fail_rate", 0, 1000, error) != 0 ||
        options_check_number(options, "seed", 0, INT64_MAX, error) != 0 ||
        options_check_number(options, "exit_status", 0, 255, error) != 0 ||
        options_check_text(options, "fail", error) != 0 || options_check_text(options, "fail_reason", error) != 0 ||
        options_check_text(options, "ip_addr", error) != 0)
        return -1;
    static const char *const lines[] = {"fail_reason", "ip_addr"};
    for (size_t i = 0; i < AQ_LENGTH(lines); i++) {
        const char *text = options_text(options, lines[i], "");
        if (strlen(text) >= TEXT_SIZE || strchr(text, '\n') != NULL)
            return aq_fail(error, AQ_E_INVALID, "option \"%s\" must be one line of at most %d bytes", lines[i],
                           TEXT_SIZE - 1);
    }
    const char *fail = options_text(options, "fail", "never");
    for (size_t i = 0; fail_words[i] != NULL; i++)
        if (strcmp(fail_words[i], fail) == 0)
            return 0;
    return aq_fail(error, AQ_E_INVALID, "option \"fail\" is \"%.64s\", but must be one of: never, always, first", fail);
}

static struct driver *test_open(const char *node, driver_report_fn *report, void *context)
{
    (void)node;
    struct driver *driver = aq_calloc(1, sizeof *driver);
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
    roster_free(&driver->roster);
    schedule_free(&driver->schedule);
    free(driver);
}

/* splitmix64: neighbouring ids give unrelated numbers. */
static uint64_t test_random(uint64_t seed, uint64_t resource)
{
    uint64_t x = seed * 0x9e3779b97f4a7c15u + resource + 1;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static bool test_will_fail(struct driver *driver, const struct driver_spec *spec)
{
    const char *fail = options_text(spec->options, "fail", "never");
    if (strcmp(fail, "always") == 0)
        return true;
    if (strcmp(fail, "first") == 0 && !driver->failed_first) {
        driver->failed_first = true;
        return true;
    }
    uint64_t rate = (uint64_t)options_number(spec->options, "fail_rate", 0);
    uint64_t seed = (uint64_t)options_number(spec->options, "seed", 0);
    return test_random(seed, spec->resource) % 1000 < rate;
}

/* ---- the file ----------------------------------------------------------------------------------------- */

static const char plan_format[] = "aquarium-test 1\n"
                                  "starts_at_ms %" PRIu64 "\n"
                                  "ends_at_ms %" PRIu64 "\n"
                                  "stop_delay_ms %" PRIu64 "\n"
                                  "fails %d\n"
                                  "exit_status %d\n"
                                  "ip_addr %s\n"
                                  "fail_reason %s\n";

static int plan_write(const struct test_plan *plan, const char *directory, struct aq_error *error)
{
    char bytes[FILE_SIZE];
    int length = snprintf(bytes, sizeof bytes, plan_format, plan->starts_at_ms, plan->ends_at_ms, plan->stop_delay_ms,
                          plan->fails, plan->exit_status, plan->ip_addr, plan->fail_reason);
    aq_assert(length > 0 && (size_t)length < sizeof bytes);
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s/test", directory) >= sizeof path)
        return aq_fail(error, AQ_E_INVALID, "the directory's name is too long");
    return aq_file_replace_unsynced(AT_FDCWD, path, 0600, bytes, (size_t)length, error);
}

/* The rest of the line after `name` and a space. */
static bool line_text(const char *bytes, const char *name, char text[TEXT_SIZE])
{
    char start[32];
    snprintf(start, sizeof start, "\n%s ", name);
    const char *from = strstr(bytes, start);
    if (from == NULL)
        return false;
    from += strlen(start);
    size_t length = strcspn(from, "\n");
    if (length >= TEXT_SIZE || from[length] != '\n')
        return false;
    memcpy(text, from, length);
    text[length] = '\0';
    return true;
}

static int plan_read(struct test_plan *plan, const char *directory, struct aq_error *error)
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s/test", directory) >= sizeof path)
        return aq_fail(error, AQ_E_INVALID, "the directory's name is too long");
    char bytes[FILE_SIZE];
    ssize_t length = aq_file_read_text(AT_FDCWD, path, bytes, sizeof bytes);
    if (length < 0 && errno == ENOENT) { /* begun in no way: the same as one that could not be started */
        *plan = (struct test_plan){.fails = true, .fail_reason = "the agent ended before it had started it"};
        return 0;
    }
    if (length < 0)
        return aq_fail_errno(error, errno, "%s", path);
    int fails;
    int found = sscanf(bytes,
                       "aquarium-test 1\nstarts_at_ms %" SCNu64 "\nends_at_ms %" SCNu64 "\nstop_delay_ms %" SCNu64
                       "\nfails %d\nexit_status %d\n",
                       &plan->starts_at_ms, &plan->ends_at_ms, &plan->stop_delay_ms, &fails, &plan->exit_status);
    if (found != 5 || plan->exit_status < 0 || plan->exit_status > 255 || plan->stop_delay_ms > LONGEST_MS ||
        !line_text(bytes, "ip_addr", plan->ip_addr) || !line_text(bytes, "fail_reason", plan->fail_reason))
        return aq_fail(error, AQ_E_CORRUPT, "%s: not a plan of the test driver", path);
    plan->fails = fails != 0;
    return 0;
}

/* ---- what happens ------------------------------------------------------------------------------------- */

/* `at_ms` is a time on the wall. */
static void workload_wake_at(struct driver *driver, struct test_workload *workload, uint64_t at_ms)
{
    uint64_t wall_ms = aq_clock_wall_ms();
    workload->due_ms = aq_clock_boot_ms() + (at_ms > wall_ms ? at_ms - wall_ms : 0);
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

static int test_start(struct driver *driver, const struct driver_spec *spec, struct aq_error *error)
{
    if (roster_find(&driver->roster, spec->resource) != NULL)
        return aq_fail(error, AQ_E_EXISTS, "resource %" PRIu64 " is running here already", spec->resource);
    struct test_plan plan = {0};
    uint64_t run_ms = (uint64_t)options_number(spec->options, "run_ms", 0);
    plan.starts_at_ms = aq_clock_wall_ms() + (uint64_t)options_number(spec->options, "start_delay_ms", 0);
    plan.ends_at_ms = run_ms > 0 ? plan.starts_at_ms + run_ms : 0;
    plan.stop_delay_ms = (uint64_t)options_number(spec->options, "stop_delay_ms", 0);
    plan.fails = test_will_fail(driver, spec);
    plan.exit_status = (int)options_number(spec->options, "exit_status", 0);
    snprintf(plan.ip_addr, sizeof plan.ip_addr, "%s", options_text(spec->options, "ip_addr", ""));
    snprintf(plan.fail_reason, sizeof plan.fail_reason, "%s",
             options_text(spec->options, "fail_reason", "told to fail"));
    if (plan_write(&plan, spec->directory, error) != 0)
        return -1;
    workload_wake_at(driver, workload_add(driver, spec->resource, spec->directory, &plan), plan.starts_at_ms);
    return 0;
}

static int test_adopt(struct driver *driver, uint64_t resource, const char *directory, struct aq_error *error)
{
    if (roster_find(&driver->roster, resource) != NULL)
        return aq_fail(error, AQ_E_EXISTS, "resource %" PRIu64 " is running here already", resource);
    struct test_plan plan = {0};
    if (plan_read(&plan, directory, error) != 0)
        return -1;
    struct test_workload *workload = workload_add(driver, resource, directory, &plan);
    /* What has ended in between is not said to have started again. */
    if (!plan.fails && plan.ends_at_ms > 0 && plan.ends_at_ms <= aq_clock_wall_ms()) {
        workload->phase = TEST_RUNNING;
        workload_wake_at(driver, workload, plan.ends_at_ms);
    } else {
        workload_wake_at(driver, workload, plan.starts_at_ms);
    }
    return 0;
}

/* Reports the end of `workload`, which is gone afterwards. The report may call the driver again. */
static void workload_end(struct driver *driver, struct test_workload *workload, enum driver_report_kind kind,
                         int exit_status, const char *reason)
{
    roster_remove(&driver->roster, workload->resource);
    struct driver_report report = {.resource = workload->resource,
                                   .kind = kind,
                                   .identifier = "",
                                   .ip_addr = "",
                                   .hw_addr = "",
                                   .exit_status = exit_status,
                                   .reason = reason};
    driver->report(driver->context, &report);
    workload_free(workload);
}

static void workload_started(struct driver *driver, struct test_workload *workload)
{
    workload->phase = TEST_RUNNING;
    workload->due_ms = UINT64_MAX;
    if (workload->plan.ends_at_ms > 0)
        workload_wake_at(driver, workload, workload->plan.ends_at_ms);
    char identifier[32];
    char ip_addr[TEXT_SIZE];
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
    /* For an agent that restarts before it has taken note of the end: it has ended now, and with this status. */
    struct aq_error ignored;
    workload->plan.ends_at_ms = workload->plan.starts_at_ms;
    workload->plan.exit_status = STATUS_STOPPED;
    if (plan_write(&workload->plan, workload->directory, &ignored) != 0)
        workload->plan.ends_at_ms = 0; /* the adopted one then runs on until it is stopped again */
    workload_end(driver, workload, DRIVER_ENDED, STATUS_STOPPED, "killed by signal 15 (SIGTERM): stopped");
}

static void test_stop(struct driver *driver, uint64_t resource)
{
    struct test_workload *workload = roster_find(&driver->roster, resource);
    if (workload == NULL || workload->phase == TEST_STOPPING)
        return;
    if (workload->phase == TEST_STARTING) {
        workload_end(driver, workload, DRIVER_FAILED, 0, "stopped before it had started");
        return;
    }
    workload->phase = TEST_STOPPING;
    workload_wake_at(driver, workload, aq_clock_wall_ms() + workload->plan.stop_delay_ms);
}

static void test_work(struct driver *driver)
{
    uint64_t now_ms = aq_clock_boot_ms();
    struct schedule_entry entry;
    while (schedule_take(&driver->schedule, now_ms, &entry)) {
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
            workload_started(driver, workload);
        }
    }
}

static int test_logs(struct driver *driver, uint64_t resource, const char *directory, size_t max, struct aq_buffer *out,
                     struct aq_error *error)
{
    (void)driver, (void)resource, (void)directory, (void)max, (void)out, (void)error;
    return 0; /* nothing runs, so nothing is said */
}

static int test_wake_fd(struct driver *driver)
{
    (void)driver;
    return -1;
}

static int test_timeout_ms(struct driver *driver)
{
    return schedule_timeout_ms(&driver->schedule, aq_clock_boot_ms());
}

const struct driver_type test_driver_type = {
    .name = "test",
    .help = "runs nothing: takes the time and gives the answers that its options say",
    .probe = test_probe,
    .validate = test_validate,
    .open = test_open,
    .close = test_close,
    .start = test_start,
    .adopt = test_adopt,
    .stop = test_stop,
    .logs = test_logs,
    .wake_fd = test_wake_fd,
    .timeout_ms = test_timeout_ms,
    .work = test_work,
};
