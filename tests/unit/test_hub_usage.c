/* What the hub believes of what agents tell of the use of nodes and workloads. */
#include "schema/base/clock.h"
#include "tests/lib/agent_stub.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void say_samples(struct agent_stub *stub, struct aq_sample *samples, uint32_t count)
{
    struct aq_beat beat = {.name = stub->name, .session = stub->session, .samples = {samples, count}};
    asker_expect(&stub->talk, AQ_MSG_BEAT, &beat, AQ_MSG_NOTED);
}

static struct aq_sample used(uint64_t resource, uint64_t at_ms, uint64_t cpu_us)
{
    return (struct aq_sample){
        .resource = resource, .at_ms = at_ms, .cpu_us = aq_some(cpu_us), .memory = aq_some(5 << 20)};
}

/* Waits until live/ has a row of the resource, or none. */
static bool live_becomes(struct test_hub *hub, uint64_t resource, bool there, struct aq_usage *now)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    char key[24];
    snprintf(key, sizeof key, "%d", (int)resource);
    for (int i = 0; i < TEST_ANSWER_MS / 10; i++) {
        if (live_find(hub->services.live, &aq_entity_resource, key, now, &arena) == there)
            return true;
        usleep(10000);
    }
    return false;
}

static bool is_known(struct test_hub *hub, uint64_t resource)
{
    struct aq_usage now;
    return usage_now(hub->services.usage, &(struct usage_key){USAGE_OF_RESOURCE, resource, ""}, &now);
}

/* Applications get resources by numbers from 1. */
static void run_one(struct test_hub *hub, struct agent_stub *stub, uint64_t resource)
{
    make_application(hub);
    const struct aq_work *work = stub_poll(stub);
    assert_int_equal(work->assignments.count, 1);
    assert_int_equal(AQ_ITEM(work->assignments, struct aq_assignment, 0)->resource, resource);
    stub_report(stub, (struct aq_happening){.resource = resource, .what = AQ_HAPPENED_STARTED, .identifier = "x"});
}

static void an_agent_tells_of_its_node_and_its_resources(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct aq_usage now;
    struct aq_node_live live = {0};
    stub_open(&stub, hub, "one", 1, 11);
    stub_poll(&stub);
    run_one(hub, &stub, 1);
    struct aq_sample samples[] = {used(0, 1000, 1000000), used(1, 1000, 500000)};
    say_samples(&stub, samples, 2);
    assert_true(live_becomes(hub, 1, true, &now));
    assert_int_equal(now.cpu, 0); /* one sample makes no rate */
    assert_int_equal(now.memory_bytes, aq_some(5 << 20));
    usleep(600000);
    struct aq_sample later[] = {used(0, 3000, 3000000), used(1, 3000, 1000000)};
    later[0].memory_all = aq_some(UINT64_C(8) << 30);
    say_samples(&stub, later, 2);
    for (int i = 0; i < TEST_ANSWER_MS / 10 && now.cpu == 0; i++, usleep(10000))
        assert_true(live_becomes(hub, 1, true, &now));
    assert_int_equal(now.cpu, aq_some(250));
    for (int i = 0; i < TEST_ANSWER_MS / 10 && live.cpu == 0; i++, usleep(10000))
        (void)live_node(hub->services.live, "one", &live);
    assert_int_equal(live.cpu, aq_some(1000));
    assert_int_equal(live.read_rate, 0);
    assert_int_equal(live.memory_all, aq_some(UINT64_C(8) << 30));
    stub_report(&stub, (struct aq_happening){.resource = 1, .what = AQ_HAPPENED_ENDED, .reason = "over"});
    assert_true(live_becomes(hub, 1, false, &now));
    assert_false(is_known(hub, 1));
    say_samples(&stub, later, 2); /* of one that is gone */
    assert_false(is_known(hub, 1));
    stub_close(&stub);
}

static void an_agent_that_lies_harms_only_its_own(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub one, two;
    struct aq_usage now;
    stub_open(&one, hub, "one", 1, 11);
    stub_poll(&one);
    run_one(hub, &one, 1);
    struct aq_sample honest = used(1, 1000, 0);
    say_samples(&one, &honest, 1);
    assert_true(live_becomes(hub, 1, true, &now));
    stub_open(&two, hub, "two", 2, 22);
    usleep(600000);
    struct aq_sample lies[] = {used(1, 2000, INT64_MAX), used(2, 1, 1), used(UINT64_MAX, 1, 1), used(0, 1, INT64_MAX)};
    say_samples(&two, lies, 4);
    const struct usage_key last = {USAGE_OF_NODE, 0, "two"}; /* of the four: the hub answers before it takes them */
    for (int i = 0; i < TEST_ANSWER_MS / 10 && !usage_now(hub->services.usage, &last, &now); i++)
        usleep(10000);
    assert_true(usage_now(hub->services.usage, &last, &now));
    assert_false(is_known(hub, 2)); /* what is not in the tables takes no memory */
    assert_false(is_known(hub, UINT64_MAX));
    assert_true(usage_now(hub->services.usage, &(struct usage_key){USAGE_OF_RESOURCE, 1, ""}, &now));
    assert_int_equal(now.cpu_ms, aq_some(0)); /* as its own node has said */
    stub_close(&one);
    stub_close(&two);
}

static void nor_does_it_tell_how_much_of_others_logs_is_kept(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub one, two;
    struct aq_kept log, made_up = {.resource = 1, .first = 0, .end = UINT64_MAX}, kept = {1, 10, 300};
    stub_open(&one, hub, "one", 1, 11);
    stub_poll(&one);
    run_one(hub, &one, 1);
    stub_open(&two, hub, "two", 2, 22);
    const struct aq_beat lie = {.name = "two", .session = 22, .logs = {&made_up, 1}};
    asker_expect(&two.talk, AQ_MSG_BEAT, &lie, AQ_MSG_NOTED);
    const struct aq_beat truth = {.name = "one", .session = 11, .logs = {&kept, 1}};
    asker_expect(&one.talk, AQ_MSG_BEAT, &truth, AQ_MSG_NOTED);
    asker_expect(&two.talk, AQ_MSG_BEAT, &lie, AQ_MSG_NOTED);
    for (int i = 0; i < TEST_ANSWER_MS / 10 && !live_log(hub->services.live, 1, &log); i++)
        usleep(10000);
    usleep(500000); /* all is stored by then */
    assert_true(live_log(hub->services.live, 1, &log));
    assert_int_equal(log.end, 300);
    stub_close(&one);
    stub_close(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_agent_tells_of_its_node_and_its_resources, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(an_agent_that_lies_harms_only_its_own, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(nor_does_it_tell_how_much_of_others_logs_is_kept, stub_setup, stub_teardown),
    };
    return cmocka_run_group_tests_name("hub: usage", tests, NULL, NULL);
}
