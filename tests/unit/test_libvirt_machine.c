/* What a machine does next when its disk fails, and when its address comes or changes: with a clock of the test's own,
 * and without libvirt. */
#include "drivers/libvirt/machine.h"
#include "tests/lib/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned begun[ACTION_CLEAN + 1];
static char reason[256];
static char address[ACTION_ADDRESS_SIZE];
static unsigned starts;

static bool begin(struct driver *driver, struct machine *machine, enum action_kind kind)
{
    (void)driver, (void)machine;
    begun[kind]++;
    return true;
}

static void take_report(void *context, const struct driver_report *report)
{
    (void)context;
    if (report->kind == DRIVER_STARTED) {
        snprintf(address, sizeof address, "%s", report->ip_addr);
        starts++;
    }
    if (report->kind == DRIVER_ENDED)
        snprintf(reason, sizeof reason, "%s", report->reason);
}

struct scene {
    struct aq_clocks now;
    struct driver driver;
    struct machine *machine;
};

static int setup(void **state)
{
    struct scene *scene = aq_calloc(1, sizeof *scene);
    memset(begun, 0, sizeof begun);
    reason[0] = address[0] = '\0';
    starts = 0;
    scene->now.steady_ms = 1000;
    scene->driver = (struct driver){
        .now = &scene->now, .report = take_report, .node = aq_strdup("n1"), .inotify = -1, .begin = begin};
    scene->driver.terminals = terminals_open(-1);
    scene->machine = machine_add(&scene->driver, 7, NULL, MACHINE_RUNNING);
    scene->machine->told_started = true;
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    if (roster_find(&scene->driver.roster, 7) != NULL)
        machine_free(&scene->driver, scene->machine);
    terminals_close(scene->driver.terminals);
    roster_free(&scene->driver.roster);
    schedule_free(&scene->driver.schedule);
    free(scene->driver.node);
    free(scene);
    return 0;
}

static void advance(struct scene *scene, uint64_t ms)
{
    scene->now.steady_ms += ms;
    machine_go_on(&scene->driver, scene->machine);
}

static void end_action(struct scene *scene, enum action_kind kind, bool failed)
{
    struct action action = {.kind = kind, .failed = failed, .found = true};
    machine_take(&scene->driver, scene->machine, &action);
    machine_go_on(&scene->driver, scene->machine);
}

static void fail_disk(struct scene *scene)
{
    machine_disk_failed(&scene->driver, scene->machine, "enospc");
    machine_go_on(&scene->driver, scene->machine);
}

static void test_a_machine_whose_disk_has_room_again_goes_on(void **state)
{
    struct scene *scene = *state;
    fail_disk(scene);
    assert_int_equal(begun[ACTION_RESUME], 0);
    advance(scene, 2000);
    assert_int_equal(begun[ACTION_RESUME], 1);
    end_action(scene, ACTION_RESUME, true); /* it cannot be let go on now, for another reason */
    advance(scene, 2000);
    assert_int_equal(begun[ACTION_RESUME], 2);
    end_action(scene, ACTION_RESUME, false);
    advance(scene, 2000);
    advance(scene, 100000);
    assert_int_equal(begun[ACTION_RESUME], 2);
    assert_int_equal(begun[ACTION_DESTROY], 0);
    fail_disk(scene); /* which begins anew */
    advance(scene, 2000);
    assert_int_equal(begun[ACTION_RESUME], 3);
}

static void test_a_machine_whose_disk_stays_full_is_ended(void **state)
{
    struct scene *scene = *state;
    fail_disk(scene);
    for (int i = 0; i < 100; i++) {
        advance(scene, 2000);
        if (begun[ACTION_DESTROY] > 0)
            break;
        end_action(scene, ACTION_RESUME, false);
        fail_disk(scene);
    }
    assert_in_range(begun[ACTION_RESUME], 25, 30);
    assert_int_equal(begun[ACTION_DESTROY], 1);
    end_action(scene, ACTION_DESTROY, false);
    assert_string_equal(reason,
                        "ended by force: its disk could not be written for a minute: no space left on the node");
}

static void test_a_disk_may_fail_while_the_address_is_awaited(void **state)
{
    struct scene *scene = *state;
    scene->machine->phase = MACHINE_WAITING;
    scene->machine->address_wait_s = 3600;
    fail_disk(scene);
    advance(scene, 2000);
    assert_int_equal(begun[ACTION_RESUME], 1);
    end_action(scene, ACTION_RESUME, false);
    advance(scene, 2000);
    advance(scene, 0);
    assert_int_equal(begun[ACTION_DESTROY], 0);
    assert_int_not_equal(begun[ACTION_TEND], 0);
}

static void test_a_machine_is_found_again_with_a_disk_that_failed(void **state)
{
    struct scene *scene = *state;
    struct action action = {.kind = ACTION_LOOK,
                            .found = true,
                            .uuid = "5ae5bd1c-05a4-4bd6-8c4b-62c2b1c4e6a7",
                            .state = VIR_DOMAIN_PAUSED,
                            .reason = VIR_DOMAIN_PAUSED_IOERROR};
    scene->machine->phase = MACHINE_LOOKING;
    machine_take(&scene->driver, scene->machine, &action);
    machine_go_on(&scene->driver, scene->machine);
    advance(scene, 2000);
    assert_int_equal(begun[ACTION_RESUME], 1);
}

static void end_tending(struct scene *scene, const char *found)
{
    struct action action = {.kind = ACTION_TEND, .found = true};
    snprintf(action.ip_addr, sizeof action.ip_addr, "%s", found);
    machine_take(&scene->driver, scene->machine, &action);
    machine_go_on(&scene->driver, scene->machine);
}

static void test_an_address_that_comes_later_is_told(void **state)
{
    struct scene *scene = *state;
    snprintf(scene->machine->record.mac, sizeof scene->machine->record.mac, "52:54:00:00:00:01");
    advance(scene, 0);
    assert_int_equal(begun[ACTION_TEND], 1);
    end_tending(scene, "");
    assert_int_equal(starts, 0);
    advance(scene, 1000); /* not all the time */
    assert_int_equal(begun[ACTION_TEND], 1);
    advance(scene, 20000);
    assert_int_equal(begun[ACTION_TEND], 2);
    end_tending(scene, "10.0.0.7");
    assert_int_equal(starts, 1);
    assert_string_equal(address, "10.0.0.7");
    advance(scene, 60000);
    end_tending(scene, "10.0.0.7");
    end_tending(scene, ""); /* nobody knows it for the moment */
    assert_int_equal(starts, 1);
    end_tending(scene, "10.0.0.8");
    assert_int_equal(starts, 2);
    assert_string_equal(address, "10.0.0.8");
}

static void test_a_machine_without_network_and_lease_is_left_alone(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < 10; i++)
        advance(scene, 60000);
    assert_int_equal(begun[ACTION_TEND], 0);
    assert_int_equal(schedule_next_ms(&scene->driver.schedule), UINT64_MAX);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_machine_whose_disk_has_room_again_goes_on),
        T(test_a_machine_whose_disk_stays_full_is_ended),
        T(test_a_disk_may_fail_while_the_address_is_awaited),
        T(test_an_address_that_comes_later_is_told),
        T(test_a_machine_without_network_and_lease_is_left_alone),
        T(test_a_machine_is_found_again_with_a_disk_that_failed),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
