/* The part of the conformance suite about agents that come after others. */
#include "tests/lib/conformance_tests.h"

#include "schema/base/clock.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void adopt(struct rig *rig, uint64_t resource)
{
    conformance_adopted[resource] = true;
    rig->seen[resource].started = rig->seen[resource].failed = rig->seen[resource].ended = 0;
    rig_adopt(rig, resource);
}

/* An agent in a process of its own, which starts what the test names, and is killed when that runs, or at once. What it
 * has seen of the workloads is written to `out`. Nothing here may fail as a test: the process would go on with others.
 */
static _Noreturn void be_the_first_agent(struct rig *rig, const char *const *options, bool awaited, int out)
{
    struct aq_error error;
    rig->on_report = NULL;
    conformance_open_again(rig);
    for (; *options != NULL; options++)
        if (rig_try_start(rig, *options, (struct driver_spec){.metadata_json = "{}"}, &error) == 0)
            _exit(1);
    uint64_t until_ms = aq_clock_boot_ms() + 4 * RIG_PATIENCE_MS;
    for (uint64_t i = 1; awaited && i <= rig->used; i++)
        while (rig->seen[i].started == 0 && aq_clock_boot_ms() < until_ms)
            rig_turn(rig, 100);
    ssize_t written = write(out, &rig->seen[1], rig->used * sizeof rig->seen[1]);
    (void)written;
    kill(getpid(), SIGKILL);
    _exit(1);
}

static void let_an_agent_start(struct rig *rig, const char *const *options, bool awaited)
{
    int ends[2], status;
    size_t size = 0, count = 0;
    while (options[count] != NULL)
        count++;
    rig_close(rig);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    fflush(NULL);
    pid_t agent = fork();
    assert_true(agent >= 0);
    if (agent == 0)
        be_the_first_agent(rig, options, awaited, ends[1]);
    close(ends[1]);
    rig->used += count;
    for (ssize_t length = 1; length > 0; size += (size_t)length)
        length = read(ends[0], (char *)&rig->seen[1] + size, count * sizeof rig->seen[1] - size);
    close(ends[0]);
    assert_int_equal(waitpid(agent, &status, 0), agent);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(size, count * sizeof rig->seen[1]);
    conformance_open_again(rig);
}

void conformance_test_another_process_adopts(void **state)
{
    struct rig *rig = *state;
    char identifier[sizeof rig->seen[1].identifier];
    if (conformance_subject->forgets)
        skip();
    let_an_agent_start(rig, (const char *const[]){conformance_subject->runs, conformance_subject->exits, NULL}, true);
    assert_int_equal(rig->seen[1].started, 1);
    memcpy(identifier, rig->seen[1].identifier, sizeof identifier);
    adopt(rig, 2);
    adopt(rig, 1);
    rig_await(rig, &rig->seen[1].started);
    assert_string_equal(rig->seen[1].identifier, identifier); /* it is the same, not another one */
    rig_await(rig, &rig->seen[2].ended);
    assert_int_equal(rig->seen[2].exit_status,
                     conformance_subject->exit_end != NULL ? conformance_subject->exit_end->status : 3);
    assert_int_equal(rig->seen[1].ended, 0);
    conformance_stop(rig, 1);
}

/* The agent is killed before it has seen any start: each has run or not, and that is told. */
void conformance_test_an_agent_is_killed_while_it_starts(void **state)
{
    struct rig *rig = *state;
    const char *options[11] = {NULL};
    for (int i = 0; i < 10; i++)
        options[i] = conformance_subject->runs;
    if (conformance_subject->forgets)
        skip();
    let_an_agent_start(rig, options, false);
    for (uint64_t i = 1; i <= 10; i++)
        adopt(rig, i);
    for (uint64_t i = 1; i <= 10; i++)
        conformance_stop(rig, i);
}

void conformance_test_files_of_an_earlier_version_while_it_runs(void **state)
{
    struct rig *rig = *state;
    uint64_t resource;
    if (conformance_subject->make_old == NULL)
        skip();
    rig_start_running(rig, conformance_subject->runs, &resource);
    rig_close(rig);
    conformance_subject->make_old(rig, resource);
    conformance_open_again(rig);
    adopt(rig, resource);
    rig_await(rig, &rig->seen[resource].started);
    conformance_stop(rig, resource);
}

static void copy_sample(const char *name, const char *to)
{
    char command[512];
    snprintf(command, sizeof command, "cp -r tests/data/drivers/%s/%s %s", conformance_subject->driver, name, to);
    assert_int_equal(system(command), 0);
}

void conformance_test_files_of_earlier_versions(void **state)
{
    struct rig *rig = *state;
    for (const struct conformance_sample *sample = conformance_subject->samples; sample->name != NULL; sample++) {
        uint64_t resource = ++rig->used;
        const struct rig_workload *seen = &rig->seen[resource];
        copy_sample(sample->name, rig_directory(rig, resource));
        adopt(rig, resource);
        rig_await(rig, sample->kind == DRIVER_STARTED  ? &seen->started
                       : sample->kind == DRIVER_FAILED ? &seen->failed
                                                       : &seen->ended);
        if (sample->kind == DRIVER_STARTED) {
            conformance_stop(rig, resource);
            continue;
        }
        assert_non_null(strstr(seen->reason, sample->reason));
        assert_int_equal(seen->exit_status, sample->exit_status);
        conformance_expect_nothing_left(rig, resource);
    }
}

void conformance_test_the_host_restarts(void **state)
{
    struct rig *rig = *state;
    uint64_t resource;
    if (conformance_subject->reboot == NULL)
        skip();
    rig_start_running(rig, conformance_subject->runs, &resource);
    rig_close(rig);
    conformance_subject->reboot(rig, resource);
    conformance_open_again(rig);
    adopt(rig, resource);
    struct rig_workload *seen = conformance_await_end(rig, resource);
    assert_int_equal(seen->ended, 1);
    assert_int_equal(seen->started, 0);
    assert_non_null(strstr(seen->reason, "host restarted"));
}

/* The agent's directory is lost, and with it all that is known of the workload. */
void conformance_test_leftovers_are_found_and_ended(void **state)
{
    struct rig *rig = *state;
    char away[128];
    uint64_t resource;
    if (conformance_subject->finds_leftovers == NULL || !conformance_subject->finds_leftovers())
        skip();
    rig_start_running(rig, conformance_subject->runs, &resource);
    rig_close(rig);
    snprintf(away, sizeof away, "%s.away", rig_directory(rig, resource));
    assert_int_equal(rename(rig_directory(rig, resource), away), 0);
    conformance_open_again(rig);
    assert_false(rig->type->end_leftover(rig->driver, resource + 1));
    conformance_adopted[resource] = true;
    rig->seen[resource].started = 0;
    assert_true(rig->type->end_leftover(rig->driver, resource));
    rig_await(rig, &rig->seen[resource].ended);
    conformance_expect_nothing_left(rig, resource);
}
