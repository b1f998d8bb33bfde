#include "tests/lib/driver_rig.h"

#include "agent/settings/settings.h"
#include "drivers/cgroup/cgroup.h"
#include "drivers/output.h"
#include "drivers/program/program.h"
#include "schema/base/clock.h"
#include "schema/base/files.h"
#include "schema/codec/config.h"
#include "schema/codec/json.h"
#include "schema/codec/preset.h"
#include "tests/lib/directory.h"
#include "tests/lib/programs.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void rig_report(void *context, const struct driver_report *report)
{
    struct rig *rig = context;
    assert_in_range(report->resource, 1, RIG_MOST);
    struct rig_workload *seen = &rig->seen[report->resource];
    if (report->kind == DRIVER_STARTED) {
        assert_non_null(report->identifier);
        const bool other = strcmp(seen->ip_addr, report->ip_addr) != 0;
        *(seen->started > 0 && other ? &seen->readdressed : &seen->started) += 1;
        snprintf(seen->identifier, sizeof seen->identifier, "%s", report->identifier);
        snprintf(seen->ip_addr, sizeof seen->ip_addr, "%s", report->ip_addr);
        if (strncmp(report->identifier, "pid ", 4) == 0)
            seen->pid = atoi(report->identifier + 4);
    } else if (report->kind == DRIVER_FAILED || report->kind == DRIVER_ENDED) {
        seen->failed += report->kind == DRIVER_FAILED;
        seen->ended += report->kind == DRIVER_ENDED;
        seen->lease_over = report->lease_over;
        seen->exit_status = report->exit_status;
        snprintf(seen->reason, sizeof seen->reason, "%s", report->reason);
    }
    if (rig->on_report != NULL)
        rig->on_report(rig, report);
}

void rig_allow(struct rig *rig, const char *const *settings)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_allow allow;
    struct aq_error error = {0};
    aq_record_init(&aq_allow_record, &allow, &arena);
    for (; *settings != NULL; settings++)
        if (aq_config_set(&aq_allow_record, &allow, *settings, &arena, &error) != 0)
            fail_msg("%s", error.message);
    if (aq_allow_check(&allow, &error) != 0)
        fail_msg("%s", error.message);
    const struct aq_allowance allowance = aq_allowance_make(&allow, "", &arena);
    if (rig->type->allow != NULL)
        rig->type->allow(rig->driver, &allowance);
}

void rig_configure(struct rig *rig, const char *const *settings)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_config_agent config;
    struct aq_error error = {0};
    aq_record_init(&aq_config_agent_record, &config, &arena);
    config.container.images = aq_arena_format(&arena, "%s/images", rig->base);
    for (; *settings != NULL; settings++)
        if (aq_config_set(&aq_config_agent_record, &config, *settings, &arena, &error) != 0)
            fail_msg("%s", error.message);
    /* As drivers/program/ does it for a program. */
    const struct aq_field *own =
        rig->type->settings != NULL ? aq_record_field(&aq_config_agent_record, rig->type->declared->name) : NULL;
    const struct driver_settings told = {.container = &config.container,
                                         .record = &aq_config_agent_record,
                                         .all = &config,
                                         .own = own != NULL ? AQ_AT(&config, own) : NULL};
    if (rig->type->configure != NULL)
        rig->type->configure(rig->driver, &told);
}

const char *const rig_all[] = {"root=true", "users=*", "directories=/", "new_privileges=true", "unisolated=true", NULL};

void rig_open(struct rig *rig)
{
    rig->now = aq_clocks_read();
    if (rig->program != NULL) {
        rig->driver = program_driver_open(rig->name, rig->program, test_program_path(".."), rig->node, &rig->now,
                                          rig_report, rig);
        rig->type = program_driver_type(rig->driver);
    } else {
        rig->driver = rig->type->open(rig->node, &rig->now, rig_report, rig);
    }
    assert_non_null(rig->driver);
    rig_configure(rig, (const char *const[]){NULL});
    rig_allow(rig, rig_all);
    uint64_t until_ms = aq_clock_boot_ms() + RIG_PATIENCE_MS;
    while (rig->program != NULL && !rig->type->life->is_settled(rig->driver)) {
        assert_true(aq_clock_boot_ms() < until_ms);
        rig_turn(rig, 100);
    }
}

void rig_close(struct rig *rig)
{
    rig->type->close(rig->driver);
    rig->driver = NULL;
}

static int setup(void **state, const char *driver, const struct driver_type *type, const char *program)
{
    static unsigned count;
    struct rig *rig = calloc(1, sizeof *rig);
    rig->type = type;
    rig->program = program != NULL ? strdup(program) : NULL;
    rig->name = driver;
    snprintf(rig->node, sizeof rig->node, "rig-%d-%u", getpid(), count++);
    test_make_directory(rig->base, sizeof rig->base, "/tmp", "aq-bench");
    if ((rig->type == NULL && program == NULL) || chmod(rig->base, 0755) != 0)
        return -1;
    *state = rig;
    rig_open(rig);
    return 0;
}

int rig_setup(void **state, const char *driver)
{
    return setup(state, driver, driver_find(driver), NULL);
}

int rig_setup_type(void **state, const char *driver, const struct driver_type *type)
{
    return setup(state, driver, type, NULL);
}

int rig_setup_program(void **state, const char *driver, const char *path)
{
    signal(SIGPIPE, SIG_IGN); /* as in the agent */
    return setup(state, driver, NULL, path);
}

const char *rig_directory(const struct rig *rig, uint64_t resource)
{
    static char path[96];
    snprintf(path, sizeof path, "%s/r%u", rig->base, (unsigned)resource);
    return path;
}

void rig_turn(struct rig *rig, int most_ms)
{
    struct pollfd fd = {.fd = rig->type->wake_fd(rig->driver), .events = POLLIN};
    rig->now = aq_clocks_read();
    poll(&fd, 1, aq_clocks_left_ms(&rig->now, rig->type->deadline_ms(rig->driver), most_ms));
    rig->now = aq_clocks_read();
    rig->type->work(rig->driver);
}

void rig_await(struct rig *rig, const int *counter)
{
    uint64_t until_ms = aq_clock_boot_ms() + RIG_PATIENCE_MS;
    while (*counter == 0) {
        assert_true(aq_clock_boot_ms() < until_ms);
        rig_turn(rig, 100);
    }
}

uint64_t rig_try_start(struct rig *rig, const char *options, struct driver_spec spec, struct aq_error *error)
{
    char *text = strdup(options);
    for (char *c = text; *c != '\0'; c++)
        if (*c == '\'')
            *c = '"';
    json_error_t wrong;
    json_t *json = json_loads(text, 0, &wrong);
    free(text);
    if (json == NULL)
        fail_msg("%s: %s", options, wrong.text);
    spec.resource = ++rig->used;
    spec.directory = rig_directory(rig, spec.resource);
    rig->now = aq_clocks_read();
    mkdir(spec.directory, 0755);
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    spec.options_json = aq_json_compact(json, &arena);
    int failed = aq_options_read(rig->type->declared, json, &spec.options, &arena, error);
    if (failed == 0)
        failed = rig->type->start(rig->driver, &spec, error);
    json_decref(json);
    return failed == 0 ? spec.resource : 0;
}

uint64_t rig_start_spec(struct rig *rig, const char *options, struct driver_spec spec)
{
    struct aq_error error;
    uint64_t resource = rig_try_start(rig, options, spec, &error);
    if (resource == 0)
        fail_msg("%s: %s", options, error.message);
    return resource;
}

uint64_t rig_start(struct rig *rig, const char *options)
{
    return rig_start_spec(rig, options, (struct driver_spec){.metadata_json = "{}"});
}

struct rig_workload *rig_run(struct rig *rig, const char *options)
{
    struct rig_workload *seen = &rig->seen[rig_start(rig, options)];
    rig_await(rig, &seen->ended);
    assert_int_equal(seen->started, 1);
    assert_int_equal(seen->failed, 0);
    return seen;
}

struct rig_workload *rig_start_running(struct rig *rig, const char *options, uint64_t *resource)
{
    *resource = rig_start(rig, options);
    struct rig_workload *seen = &rig->seen[*resource];
    rig_await(rig, &seen->started);
    return seen;
}

const char *rig_log(struct rig *rig, uint64_t resource, size_t max)
{
    static struct aq_buffer log;
    struct aq_error error;
    aq_buffer_reset(&log);
    aq_buffer_text(&log, "");
    struct output_span span;
    uint64_t position = OUTPUT_NEWEST;
    AQ_CLEANUP_FD int directory = open(rig_directory(rig, resource), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (output_read(directory, &position, max, &log, &span, &error) != 0)
        fail_msg("%s", error.message);
    return aq_buffer_string(&log);
}

void rig_await_log(struct rig *rig, uint64_t resource, const char *text)
{
    uint64_t until_ms = aq_clock_boot_ms() + RIG_PATIENCE_MS;
    while (strstr(rig_log(rig, resource, 65536), text) == NULL) {
        if (aq_clock_boot_ms() > until_ms)
            fail_msg("no %s in the log: %s", text, rig_log(rig, resource, 65536));
        rig_turn(rig, 5);
    }
}

bool rig_is_alive(pid_t pid)
{
    char path[32];
    char text[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    const char *at = length > 0 ? strrchr(text, ')') : NULL;
    return at != NULL && at[2] != 'Z' && at[2] != 'X';
}

bool rig_has_group(const struct rig *rig, uint64_t resource)
{
    struct cgroup_host host;
    struct cgroup group;
    cgroup_host_read(&host);
    cgroup_name(&group, &host, rig->node, resource);
    return cgroup_exists(&group);
}

void rig_adopt(struct rig *rig, uint64_t resource)
{
    struct aq_error error;
    rig->now = aq_clocks_read();
    if (rig->type->adopt(rig->driver, resource, rig_directory(rig, resource), &error) != 0)
        fail_msg("%s", error.message);
}

pid_t rig_await_pid(struct rig *rig, uint64_t resource, const char *name)
{
    char path[128], line[32];
    snprintf(path, sizeof path, "%s/%s", rig_directory(rig, resource), name);
    for (int i = 0; i < 5000 && access(path, F_OK) != 0; i++)
        rig_turn(rig, 1);
    assert_true(test_read_line(rig_directory(rig, resource), name, line, sizeof line));
    return atoi(line);
}

int rig_teardown(void **state)
{
    struct rig *rig = *state;
    struct cgroup_host host;
    struct cgroup group;
    rig->on_report = NULL;
    cgroup_host_read(&host);
    for (uint64_t resource = 1; resource <= rig->used; resource++) {
        if (rig->seen[resource].failed + rig->seen[resource].ended > 0)
            continue;
        if (rig->driver != NULL)
            rig->type->stop(rig->driver, resource);
        cgroup_name(&group, &host, rig->node, resource);
        for (int i = 0; i < 500 && cgroup_exists(&group); i++) {
            cgroup_kill(&group);
            usleep(2000);
            if (cgroup_remove(&group) == 0)
                break;
        }
    }
    rig->type->close(rig->driver);
    /* A keeper may still be writing its last file. */
    for (int i = 0; i < 500 && access(rig->base, F_OK) == 0; i++) {
        test_remove_tree(rig->base);
        if (access(rig->base, F_OK) == 0)
            usleep(10000);
    }
    free(rig->program);
    free(rig);
    return 0;
}
