/* What a driver program says: the first line is its hello, the others are answers and reports. Input: lines; one that
 * begins with ! is what the agent does meanwhile: !start N, !adopt N, !stop N, !left N, !sample N, !task N, !untask N,
 * with a digit; !wait lets seconds pass.
 *
 * Whatever it says, the agent gets reports in the order of the contract (drivers/driver.h) and with values within their
 * bounds, and all that is wrong is counted. */
#include "drivers/program/program.h"
#include "drivers/program/state.h"
#include "schema/codec/json.h"
#include "tests/lib/fuzz.h"

enum { RESOURCES = 10 };

static struct {
    bool known, adopted, started;
    char addresses[160]; /* as it was told that it runs */
} seen[RESOURCES];
static bool tasks[RESOURCES]; /* under way; of the resource with this number */
static struct aq_clocks now;

static void take_report(void *context, const struct driver_report *report)
{
    char addresses[sizeof seen[0].addresses];
    (void)context;
    if (report->kind == DRIVER_TASK_ENDED) {
        fuzz_must(report->task < RESOURCES && tasks[report->task] && report->reason != NULL);
        tasks[report->task] = false;
        return;
    }
    fuzz_must(report->resource < RESOURCES && seen[report->resource].known);
    const bool adopted = seen[report->resource].adopted, started = seen[report->resource].started;
    fuzz_must(report->exit_status >= 0 && report->exit_status <= 255);
    if (report->kind == DRIVER_STARTED) {
        fuzz_must(report->identifier[0] != '\0' && report->ip_addr != NULL && report->hw_addr != NULL);
        snprintf(addresses, sizeof addresses, "%s %s", report->ip_addr, report->hw_addr);
        fuzz_must(!started || strcmp(addresses, seen[report->resource].addresses) != 0);
        memcpy(seen[report->resource].addresses, addresses, sizeof addresses);
        seen[report->resource].started = true;
        return;
    }
    fuzz_must(report->reason[0] != '\0');
    fuzz_must(report->kind == DRIVER_FAILED ? !started : started || adopted);
    memset(&seen[report->resource], 0, sizeof seen[0]);
}

static void sample(struct driver *driver, uint64_t resource)
{
    struct aq_sample sample = {.at_ms = now.steady_ms};
    if (!program_driver_type(driver)->sample(driver, resource, &sample))
        return;
    fuzz_must(seen[resource].started && sample.resource == resource && sample.at_ms <= now.steady_ms);
    fuzz_must(aq_number_or(sample.cpu_us, 0) <= AQ_USAGE_COUNTER_MAX);
    fuzz_must(aq_number_or(sample.memory, 0) <= AQ_USAGE_MEMORY_MAX);
}

static void begin_task(struct driver *driver, uint64_t number)
{
    const struct driver_task task = {.number = number, .resource = number, .name = ""};
    struct aq_error error = {0};
    if (tasks[number])
        return;
    tasks[number] = true; /* it may end at once */
    const int status = program_workload_task(driver, &task, &error);
    fuzz_check_error(status, &error);
    tasks[number] &= status == 0;
}

static void act(struct driver *driver, const char *line)
{
    const struct driver_type *type = program_driver_type(driver);
    const char *digit = strchr(line, ' ');
    const uint64_t resource = digit != NULL && digit[1] >= '1' && digit[1] <= '9' ? (uint64_t)(digit[1] - '0') : 0;
    struct aq_error error = {0};
    const struct driver_spec spec = {
        .resource = resource, .options_json = "{}", .metadata_json = "{}", .directory = "/no/such/directory"};
    now.steady_ms += strncmp(line, "!wait", 5) == 0 ? 3000 : 0;
    if (resource == 0)
        return;
    const bool known = seen[resource].known;
    if (strncmp(line, "!start", 6) == 0) {
        seen[resource].known = true;
        const int status = type->start(driver, &spec, &error);
        fuzz_check_error(status, &error);
        fuzz_must(!known || status != 0);
        seen[resource].known = known || status == 0;
    } else if (strncmp(line, "!adopt", 6) == 0 && !known) {
        seen[resource].known = seen[resource].adopted = type->adopt(driver, resource, spec.directory, &error) == 0;
    } else if (strncmp(line, "!left", 5) == 0 && !known) {
        seen[resource].known = seen[resource].adopted = true;
        if (!type->end_leftover(driver, resource))
            memset(&seen[resource], 0, sizeof seen[0]);
    } else if (strncmp(line, "!sample", 7) == 0) {
        sample(driver, resource);
    } else if (strncmp(line, "!task", 5) == 0 && driver->hello.tasks) {
        begin_task(driver, resource);
    } else if (strncmp(line, "!untask", 7) == 0 && driver->hello.tasks) {
        program_workload_end_task(driver, resource);
    } else if (strncmp(line, "!stop", 5) == 0) {
        type->stop(driver, resource);
    }
}

static void take_line(struct driver *driver, const char *line)
{
    struct aq_error error;
    json_t *json = aq_json_parse(line, strlen(line), &error);
    const unsigned faults = driver->faults;
    if (json_is_object(json))
        program_judge(driver, json);
    fuzz_must(driver->faults - faults <= 1);
    json_decref(json);
}

/* As program.c does when the program has said hello; there is no program. */
static void take_hello(struct driver *driver, const char *line)
{
    struct aq_error error = {0};
    json_t *json = aq_json_parse(line, strlen(line), &error);
    struct hello hello;
    if (json == NULL)
        return;
    const int status = hello_read(&hello, driver->name, json, &error);
    fuzz_check_error(status, &error);
    json_decref(json);
    if (status != 0)
        return;
    hello_free(&driver->hello);
    driver->hello = hello;
    driver->hello.groups = false; /* makes groups on this host */
    if (driver->hello.declared.options == &hello.options)
        driver->hello.declared.options = &driver->hello.options;
    driver->phase = PROGRAM_READY;
    driver->greeted = driver->settled = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AQ_CLEANUP_MEMORY char *text = aq_malloc(size + 1);
    if (memchr(data, '\0', size) != NULL)
        return -1;
    memcpy(text, data, size);
    text[size] = '\0';
    memset(seen, 0, sizeof seen);
    memset(tasks, 0, sizeof tasks);
    now = (struct aq_clocks){1000, 1000};
    struct driver *driver = program_driver_open("fuzzed", "/no/such/program", "", "fuzz", &now, take_report, NULL);
    for (char *line = text, *end; line != NULL; line = end) {
        end = strchr(line, '\n');
        if (end != NULL)
            *end++ = '\0';
        if (line[0] == '!')
            act(driver, line);
        else if (driver->phase == PROGRAM_READY)
            take_line(driver, line);
        else
            take_hello(driver, line);
    }
    program_driver_type(driver)->close(driver);
    return 0;
}
