/* Snapshots and images of machines: on libvirt's test connection, or, with a directory as its argument, with real ones
 * (tests/e2e/machine.sh). */
#include "drivers/libvirt/libvirt.h"
#include "schema/base/clock.h"
#include "tests/lib/driver_rig.h"

#include <stdio.h>
#include <string.h>

static const char *directory; /* NULL: the test connection */

static struct {
    int ended;
    char reason[256], result[256];
} tasks[8];

static void take_report(struct rig *rig, const struct driver_report *report)
{
    (void)rig;
    if (report->kind != DRIVER_TASK_ENDED)
        return;
    assert_in_range(report->task, 1, 7);
    tasks[report->task].ended++;
    snprintf(tasks[report->task].reason, sizeof tasks[0].reason, "%s", report->reason);
    snprintf(tasks[report->task].result, sizeof tasks[0].result, "%s", report->result != NULL ? report->result : "");
}

static int setup(void **state)
{
    char images[256], seeds[256];
    memset(tasks, 0, sizeof tasks);
    if (rig_setup_type(state, "libvirt", &libvirt_driver_type) != 0)
        return -1;
    struct rig *rig = *state;
    rig->on_report = take_report;
    snprintf(images, sizeof images, "libvirt.images=%s", directory != NULL ? directory : rig->base);
    snprintf(seeds, sizeof seeds, "libvirt.seeds=%s/seeds", directory != NULL ? directory : rig->base);
    rig_configure(
        rig, (const char *const[]){directory != NULL ? "libvirt.uri=qemu:///system" : "libvirt.uri=test:///default",
                                   images, seeds, NULL});
    return 0;
}

static int begin(struct rig *rig, uint64_t number, enum driver_task_kind kind, uint64_t resource, const char *name,
                 struct aq_error *error)
{
    const struct driver_task task = {.number = number, .resource = resource, .kind = kind, .name = name};
    rig->now = aq_clocks_read();
    return rig->type->task(rig->driver, &task, error);
}

static const char *finish(struct rig *rig, uint64_t number, enum driver_task_kind kind, uint64_t resource,
                          const char *name)
{
    struct aq_error error;
    tasks[number].ended = 0;
    if (begin(rig, number, kind, resource, name, &error) != 0)
        fail_msg("%s", error.message);
    rig_await(rig, &tasks[number].ended);
    return tasks[number].reason;
}

static const char *machine(void)
{
    return directory != NULL ? "{'image':'waits.raw','networks':[],'memory':'16MiB','stop_grace':0}" : "{}";
}

static void snapshots_are_made_once(void **state)
{
    struct rig *rig = *state;
    uint64_t resource;
    struct aq_error error;
    rig_start_running(rig, machine(), &resource);
    assert_string_equal(finish(rig, 1, DRIVER_TASK_SNAPSHOT, resource, "before"), "");
    assert_string_equal(tasks[1].result, "{\"snapshot\":\"before\"}");
    assert_string_equal(finish(rig, 1, DRIVER_TASK_SNAPSHOT, resource, "before"), ""); /* the same task, again */
    assert_non_null(strstr(finish(rig, 2, DRIVER_TASK_SNAPSHOT, resource, "before"), "already"));
    assert_string_equal(finish(rig, 3, DRIVER_TASK_SNAPSHOT, resource, ""), "");
    assert_string_equal(tasks[3].result, "{\"snapshot\":\"task-3\"}");
    assert_int_equal(begin(rig, 4, DRIVER_TASK_SNAPSHOT, resource, "../x", &error), -1);
    assert_int_equal(begin(rig, 4, DRIVER_TASK_SNAPSHOT, resource + 1, "x", &error), -1);
    assert_int_equal(error.code, AQ_E_STATE);
}

static void an_image_of_a_machine_can_be_booted(void **state)
{
    struct rig *rig = *state;
    uint64_t resource, other;
    rig_start_running(rig, machine(), &resource);
    if (directory == NULL) {
        assert_non_null(strstr(finish(rig, 1, DRIVER_TASK_IMAGE, resource, "golden"), "has no disk"));
        return;
    }
    rig_await_log(rig, resource, "ready");
    assert_string_equal(finish(rig, 1, DRIVER_TASK_IMAGE, resource, "golden"), "");
    assert_string_equal(tasks[1].result, "{\"image\":\"golden.qcow2\"}");
    assert_string_equal(finish(rig, 1, DRIVER_TASK_IMAGE, resource, "golden"), ""); /* the same task, again */
    assert_non_null(strstr(finish(rig, 2, DRIVER_TASK_IMAGE, resource, "golden"), "already"));
    rig_start_running(rig, "{'image':'golden.qcow2','networks':[],'memory':'16MiB','stop_grace':0}", &other);
    rig_await_log(rig, other, "ready");
    assert_int_equal(rig->seen[resource].ended, 0); /* the machine has gone on */
}

int main(int argc, char **argv)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        T(snapshots_are_made_once),
        T(an_image_of_a_machine_can_be_booted),
    };
#undef T
    directory = argc > 1 ? argv[1] : NULL;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
