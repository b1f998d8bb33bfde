/* A bench to try drivers on: it plays the agent. It keeps what the driver reports, gives each workload a directory
 * of its own, and in the end leaves no process, directory or control group behind, however the test went. */
#ifndef AQ_TESTS_LIB_DRIVER_BENCH_H
#define AQ_TESTS_LIB_DRIVER_BENCH_H

/* What cmocka.h wants to be there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers/cgroup/cgroup.h"
#include "drivers/options.h"
#include "schema/base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BENCH_MOST = 1100, BENCH_PATIENCE_MS = 15000 };

struct bench_workload {
    int started;
    int failed;
    int ended;
    int exit_status;
    pid_t pid; /* of the main process, out of the identifier */
    char identifier[32];
    char ip_addr[64];
    char reason[512];
};

struct bench {
    const struct driver_type *type;
    struct driver *driver;
    char base[64];
    char node[32];
    uint64_t used; /* resources are numbered from 1 */
    struct bench_workload seen[BENCH_MOST + 1];
    void (*on_report)(struct bench *bench, const struct driver_report *report); /* or NULL */
};

static inline void bench_report(void *context, const struct driver_report *report)
{
    struct bench *bench = context;
    assert_in_range(report->resource, 1, BENCH_MOST);
    struct bench_workload *seen = &bench->seen[report->resource];
    if (report->kind == DRIVER_STARTED) {
        assert_non_null(report->identifier);
        seen->started++;
        snprintf(seen->identifier, sizeof seen->identifier, "%s", report->identifier);
        snprintf(seen->ip_addr, sizeof seen->ip_addr, "%s", report->ip_addr);
        if (strncmp(report->identifier, "pid ", 4) == 0)
            seen->pid = atoi(report->identifier + 4);
    } else {
        seen->failed += report->kind == DRIVER_FAILED;
        seen->ended += report->kind == DRIVER_ENDED;
        seen->exit_status = report->exit_status;
        snprintf(seen->reason, sizeof seen->reason, "%s", report->reason);
    }
    if (bench->on_report != NULL)
        bench->on_report(bench, report);
}

static inline void bench_open(struct bench *bench)
{
    bench->driver = bench->type->open(bench->node, bench_report, bench);
    assert_non_null(bench->driver);
}

static inline void bench_close(struct bench *bench)
{
    bench->type->close(bench->driver);
    bench->driver = NULL;
}

static inline int bench_setup(void **state, const char *driver)
{
    static unsigned count;
    struct bench *bench = calloc(1, sizeof *bench);
    bench->type = driver_find(driver);
    snprintf(bench->node, sizeof bench->node, "bench-%d-%u", getpid(), count++);
    snprintf(bench->base, sizeof bench->base, "/tmp/aq-bench-XXXXXX");
    if (bench->type == NULL || mkdtemp(bench->base) == NULL || chmod(bench->base, 0755) != 0)
        return -1;
    *state = bench;
    bench_open(bench);
    return 0;
}

static inline const char *bench_directory(const struct bench *bench, uint64_t resource)
{
    static char path[96];
    snprintf(path, sizeof path, "%s/r%u", bench->base, (unsigned)resource);
    return path;
}

/* Lets the driver work once, after at most `most_ms`. */
static inline void bench_turn(struct bench *bench, int most_ms)
{
    int timeout_ms = bench->type->timeout_ms(bench->driver);
    struct pollfd fd = {.fd = bench->type->wake_fd(bench->driver), .events = POLLIN};
    poll(&fd, 1, timeout_ms < 0 || timeout_ms > most_ms ? most_ms : timeout_ms);
    bench->type->work(bench->driver);
}

/* Works until `*counter` is not 0; fails the test when patience ends. */
static inline void bench_await(struct bench *bench, const int *counter)
{
    uint64_t until_ms = aq_clock_boot_ms() + BENCH_PATIENCE_MS;
    while (*counter == 0) {
        assert_true(aq_clock_boot_ms() < until_ms);
        bench_turn(bench, 100);
    }
}

/* Starts a workload with these options, given as JSON with ' for ". Returns its resource, or 0 with `error`. */
static inline uint64_t bench_try_start(struct bench *bench, const char *options, struct driver_spec spec,
                                       struct aq_error *error)
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
    spec.resource = ++bench->used;
    spec.directory = bench_directory(bench, spec.resource);
    mkdir(spec.directory, 0755);
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    int failed = driver_options_read(bench->type, json, &spec.options, &arena, error);
    if (failed == 0)
        failed = bench->type->start(bench->driver, &spec, error);
    json_decref(json);
    return failed == 0 ? spec.resource : 0;
}

static inline uint64_t bench_start_spec(struct bench *bench, const char *options, struct driver_spec spec)
{
    struct aq_error error;
    uint64_t resource = bench_try_start(bench, options, spec, &error);
    if (resource == 0)
        fail_msg("%s: %s", options, error.message);
    return resource;
}

static inline uint64_t bench_start(struct bench *bench, const char *options)
{
    return bench_start_spec(bench, options, (struct driver_spec){.metadata_json = "{}"});
}

/* Starts one, and waits for its end. */
static inline struct bench_workload *bench_run(struct bench *bench, const char *options)
{
    struct bench_workload *seen = &bench->seen[bench_start(bench, options)];
    bench_await(bench, &seen->ended);
    assert_int_equal(seen->started, 1);
    assert_int_equal(seen->failed, 0);
    return seen;
}

static inline struct bench_workload *bench_start_running(struct bench *bench, const char *options, uint64_t *resource)
{
    *resource = bench_start(bench, options);
    struct bench_workload *seen = &bench->seen[*resource];
    bench_await(bench, &seen->started);
    return seen;
}

/* The newest `max` bytes of the log, valid until the next call. */
static inline const char *bench_log(struct bench *bench, uint64_t resource, size_t max)
{
    static struct aq_buffer log;
    struct aq_error error;
    aq_buffer_reset(&log);
    aq_buffer_text(&log, "");
    if (bench->type->logs(bench->driver, resource, bench_directory(bench, resource), max, &log, &error) != 0)
        fail_msg("%s", error.message);
    return aq_buffer_string(&log);
}

/* Works until the log has the text. */
static inline void bench_await_log(struct bench *bench, uint64_t resource, const char *text)
{
    uint64_t until_ms = aq_clock_boot_ms() + BENCH_PATIENCE_MS;
    while (strstr(bench_log(bench, resource, 65536), text) == NULL) {
        if (aq_clock_boot_ms() > until_ms)
            fail_msg("no %s in the log: %s", text, bench_log(bench, resource, 65536));
        bench_turn(bench, 5);
    }
}

/* Alive, and not merely not yet waited for. */
static inline bool bench_is_alive(pid_t pid)
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

static inline bool bench_has_group(const struct bench *bench, uint64_t resource)
{
    struct cgroup_host host;
    struct cgroup group;
    cgroup_host_read(&host);
    cgroup_name(&group, &host, bench->node, resource);
    return cgroup_exists(&group);
}

static inline int bench_remove_entry(const char *path, const struct stat *status, int flag, struct FTW *walk)
{
    (void)status, (void)flag, (void)walk;
    return remove(path);
}

/* What runs on is told to stop, then ended by its group; both are quick when nothing is there. */
static inline int bench_teardown(void **state)
{
    struct bench *bench = *state;
    struct cgroup_host host;
    struct cgroup group;
    bench->on_report = NULL;
    cgroup_host_read(&host);
    for (uint64_t resource = 1; resource <= bench->used; resource++) {
        if (bench->seen[resource].failed + bench->seen[resource].ended > 0)
            continue;
        if (bench->driver != NULL)
            bench->type->stop(bench->driver, resource);
        cgroup_name(&group, &host, bench->node, resource);
        for (int i = 0; i < 500 && cgroup_exists(&group); i++) {
            cgroup_kill(&group);
            usleep(2000);
            if (cgroup_remove(&group) == 0)
                break;
        }
    }
    bench->type->close(bench->driver);
    /* A keeper may be writing its last word just now. */
    for (int i = 0; i < 500 && access(bench->base, F_OK) == 0; i++) {
        nftw(bench->base, bench_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        if (access(bench->base, F_OK) == 0)
            usleep(10000);
    }
    free(bench);
    return 0;
}

#endif
