#include "drivers/test/plan.h"

#include "schema/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_SIZE = 1024 };

static const char plan_format[] = "aquarium-test 1\n"
                                  "starts_at_ms %" PRIu64 "\n"
                                  "ends_at_ms %" PRIu64 "\n"
                                  "stop_delay_ms %" PRIu64 "\n"
                                  "fails %d\n"
                                  "exit_status %d\n"
                                  "ip_addr %s\n"
                                  "fail_reason %s\n"
                                  "start_delay_ms %" PRIu64 "\n"
                                  "run_ms %" PRIu64 "\n"
                                  "over %d\n"
                                  "task_ms %" PRIu64 "\n"
                                  "task_fail %s\n";

int test_plan_write(const struct test_plan *plan, const char *directory, struct aq_error *error)
{
    char bytes[FILE_SIZE];
    int length = snprintf(bytes, sizeof bytes, plan_format, plan->starts_at_ms, plan->ends_at_ms, plan->stop_delay_ms,
                          plan->fails, plan->exit_status, plan->ip_addr, plan->fail_reason, plan->start_delay_ms,
                          plan->run_ms, plan->over, plan->task_ms, plan->task_fail);
    aq_assert(length > 0 && (size_t)length < sizeof bytes);
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s/test", directory) >= sizeof path)
        return aq_fail(error, AQ_E_INVALID, "the directory's path is too long");
    return aq_file_replace_unsynced(AT_FDCWD, path, 0600, bytes, (size_t)length, error);
}

/* The rest of the line after `name` and a space. */
static bool line_text(const char *bytes, const char *name, char text[TEST_TEXT_MAX + 1])
{
    char start[32];
    snprintf(start, sizeof start, "\n%s ", name);
    const char *from = strstr(bytes, start);
    if (from == NULL)
        return false;
    from += strlen(start);
    size_t length = strcspn(from, "\n");
    if (length > TEST_TEXT_MAX || from[length] != '\n')
        return false;
    memcpy(text, from, length);
    text[length] = '\0';
    return true;
}

/* Plans of earlier versions have no such line: `preset`. */
static uint64_t line_number(const char *bytes, const char *name, uint64_t preset)
{
    char text[TEST_TEXT_MAX + 1], *end;
    if (!line_text(bytes, name, text) || text[0] < '0' || text[0] > '9')
        return preset;
    uint64_t number = strtoull(text, &end, 10);
    return *end == '\0' ? number : preset;
}

int test_plan_read(struct test_plan *plan, const char *directory, struct aq_error *error)
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s/test", directory) >= sizeof path)
        return aq_fail(error, AQ_E_INVALID, "the directory's path is too long");
    char bytes[FILE_SIZE];
    ssize_t length = aq_file_read_text(AT_FDCWD, path, bytes, sizeof bytes);
    if (length < 0 && errno == ENOENT) { /* never started */
        *plan = (struct test_plan){.fails = true, .fail_reason = "the agent ended before it started the workload"};
        return 0;
    }
    if (length < 0)
        return aq_fail_errno(error, errno, "its plan cannot be read");
    int fails;
    int found = sscanf(bytes,
                       "aquarium-test 1\nstarts_at_ms %" SCNu64 "\nends_at_ms %" SCNu64 "\nstop_delay_ms %" SCNu64
                       "\nfails %d\nexit_status %d\n",
                       &plan->starts_at_ms, &plan->ends_at_ms, &plan->stop_delay_ms, &fails, &plan->exit_status);
    if (found != 5 || plan->exit_status < 0 || plan->exit_status > 255 || plan->stop_delay_ms > TEST_DELAY_MAX_MS ||
        !line_text(bytes, "ip_addr", plan->ip_addr) || !line_text(bytes, "fail_reason", plan->fail_reason))
        return aq_fail(error, AQ_E_CORRUPT, "its file \"test\" is not a plan of the test driver");
    plan->fails = fails != 0;
    plan->start_delay_ms = line_number(bytes, "start_delay_ms", UINT64_MAX);
    plan->run_ms = line_number(bytes, "run_ms", UINT64_MAX);
    plan->over = line_number(bytes, "over", 0) != 0;
    plan->task_ms = line_number(bytes, "task_ms", 0);
    if (!line_text(bytes, "task_fail", plan->task_fail)) /* a plan of an earlier version */
        plan->task_fail[0] = '\0';
    return 0;
}
