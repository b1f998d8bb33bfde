/* The hub as agents see it: deliveries, reports, and deliveries that are lost on the way. */
#include "tests/lib/agent_stub.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

/* ---- work ---------------------------------------------------------------------------------------------- */

static void start_and_end(struct test_hub *hub)
{
    struct agent_stub stub;
    stub_open(&stub, hub, "one", 1, 11);
    const struct aq_work *work = stub_poll(&stub);
    assert_true(work->full && work->first == 0 && work->last == UINT64_MAX);
    assert_int_equal(work->assignments.count, 0);

    stub_send_poll(&stub); /* stays open until there is something */
    uint64_t id = make_application(hub);
    work = stub_take_work(&stub);
    assert_false(work->full);
    assert_int_equal(work->assignments.count, 1);
    const struct aq_assignment *assignment = AQ_ITEM(work->assignments, struct aq_assignment, 0);
    assert_int_equal(assignment->want, AQ_WANT_RUNNING);
    assert_string_equal(assignment->driver, "test");
    assert_string_equal(assignment->metadata, "{\"a\":1,\"from\":\"label\"}");
    assert_int_equal(assignment->amounts.cpu, 1000);
    uint64_t resource = assignment->resource;

    struct aq_happening started = {
        .resource = resource, .what = AQ_HAPPENED_STARTED, .identifier = "pid 1", .ip_addr = "", .hw_addr = ""};
    stub_report(&stub, started);
    assert_int_equal(application_status(hub, id), AQ_ALLOCATED);

    stub_send_poll(&stub);
    deallocate_application(hub, id);
    work = stub_take_work(&stub);
    assert_int_equal(work->assignments.count, 1);
    assert_int_equal(AQ_ITEM(work->assignments, struct aq_assignment, 0)->want, AQ_WANT_GONE);
    struct aq_happening ended = {.resource = resource, .what = AQ_HAPPENED_ENDED, .reason = "stopped"};
    stub_report(&stub, ended);
    assert_int_equal(application_status(hub, id), AQ_DEALLOCATED);
    stub_report(&stub, ended); /* a second time: the command is refused, and the report noted */
    stub_close(&stub);
}

static void a_resource_starts_and_ends(void **context)
{
    start_and_end(*context);
}

struct crowd {
    struct test_hub *hub;
    atomic_bool enough;
    atomic_uint beats;
};

static void *beat_and_beat(void *context)
{
    struct crowd *crowd = context;
    struct agent_stub stub;
    struct aq_hello hello = test_hello("two", 2, 22);
    hello.capacity = (struct aq_amounts){0};
    stub_open_as(&stub, crowd->hub, &hello);
    while (!atomic_load(&crowd->enough)) {
        stub_beat(&stub);
        atomic_fetch_add(&crowd->beats, 1);
    }
    stub_close(&stub);
    return NULL;
}

/* So many heartbeats that the hub lets them gather. All are answered, and other messages are not lost among them. */
static void many_heartbeats_do_not_delay_other_messages(void **context)
{
    struct crowd crowd = {.hub = *context};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, beat_and_beat, &crowd), 0);
    while (atomic_load(&crowd.beats) < 5000)
        usleep(1000);
    start_and_end(*context);
    atomic_store(&crowd.enough, true);
    pthread_join(thread, NULL);
}

static void a_failed_start_is_tried_on_another_node(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stubs[2];
    stub_open(&stubs[0], hub, "one", 1, 11);
    stub_open(&stubs[1], hub, "two", 2, 22);
    stub_poll(&stubs[0]);
    stub_poll(&stubs[1]);
    uint64_t id = make_application(hub);
    char node[65];
    application_node(hub, id, node);
    struct agent_stub *first = strcmp(node, "one") == 0 ? &stubs[0] : &stubs[1];
    struct agent_stub *second = first == &stubs[0] ? &stubs[1] : &stubs[0];
    uint64_t resource = AQ_ITEM(stub_poll(first)->assignments, struct aq_assignment, 0)->resource;
    struct aq_happening failed = {.resource = resource, .what = AQ_HAPPENED_FAILED, .reason = "no\nsuch disk"};
    stub_send_poll(second);
    stub_report(first, failed);
    const struct aq_work *work = stub_take_work(second);
    assert_int_equal(work->assignments.count, 1);
    assert_true(AQ_ITEM(work->assignments, struct aq_assignment, 0)->resource > resource);
    assert_int_equal(application_status(hub, id), AQ_ELECTED);
    stub_close(&stubs[0]);
    stub_close(&stubs[1]);
}

static void a_delivery_is_repeated_until_it_is_seen(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    stub_open(&stub, hub, "one", 1, 11);
    stub_poll(&stub);
    make_application(hub);
    uint64_t seen = stub.seen;
    const struct aq_work *work = stub_poll(&stub);
    assert_int_equal(work->assignments.count, 1);
    stub.seen = seen; /* as if it had been lost */
    make_application(hub);
    work = stub_poll(&stub);
    assert_false(work->full);
    assert_int_equal(work->assignments.count, 2);
    stub.seen = 0; /* as if even the first one, which was full, had been lost */
    work = stub_poll(&stub);
    assert_int_equal(work->assignments.count, 2);
    stub_close(&stub);
}

static void a_new_session_is_told_everything(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub, again;
    stub_open(&stub, hub, "one", 1, 11);
    for (int i = 0; i < 5; i++)
        make_application(hub);
    stub_close(&stub);
    stub_open(&again, hub, "one", 1, 12); /* the agent has restarted */
    const struct aq_work *work = stub_poll(&again);
    assert_true(work->full);
    assert_int_equal(work->assignments.count, 5);
    struct aq_poll poll = {"one", 11, 0};
    asker_expect_refusal(&again.poll, AQ_MSG_POLL, &poll, "unauthenticated"); /* its old session is over */
    stub_close(&again);
}

static const struct aq_assignment *only_assignment(const struct aq_work *work)
{
    assert_int_equal(work->assignments.count, 1);
    return AQ_ITEM(work->assignments, struct aq_assignment, 0);
}

/* "Wanted" and "started" are two things: what may have run is not started again without the controller's word. */
static void an_agent_is_told_what_may_have_run(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct aq_hello hello = test_hello("one", 1, 11);
    hello.form = AQ_WIRE_FORM;
    stub_open_as(&stub, hub, &hello);
    uint64_t id = make_application(hub);
    uint64_t resource = only_assignment(stub_poll(&stub))->resource;
    stub_close(&stub);
    hello.session = 12;
    stub_open_as(&stub, hub, &hello); /* restarted, before it has reported anything: it knows itself what it did */
    assert_false(only_assignment(stub_poll(&stub))->started);
    struct aq_happening started = {
        .resource = resource, .what = AQ_HAPPENED_STARTED, .identifier = "pid 1", .ip_addr = "", .hw_addr = ""};
    stub_report(&stub, started);
    stub_close(&stub);
    hello.session = 13;
    stub_open_as(&stub, hub, &hello);
    assert_true(only_assignment(stub_poll(&stub))->started);
    struct aq_happening lost = {
        .resource = resource, .what = AQ_HAPPENED_LOST, .reason = "its node has lost its state"};
    stub_report(&stub, lost);
    assert_int_equal(application_status(hub, id), AQ_ERRORED);
    stub_close(&stub);
}

/* Its directory was lost between the start and the report: another instance must not start it. */
static void another_instance_does_not_start_what_the_first_was_told_to(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct aq_hello hello = test_hello("one", 1, 11);
    hello.form = AQ_WIRE_FORM;
    stub_open_as(&stub, hub, &hello);
    make_application(hub);
    assert_false(only_assignment(stub_poll(&stub))->started);
    stub_close(&stub);
    lose_node(hub, "one");
    hello.instance = 2;
    stub_open_as(&stub, hub, &hello);
    assert_true(only_assignment(stub_poll(&stub))->started);
    make_application(hub); /* what is given to the new one is its own */
    assert_false(only_assignment(stub_poll(&stub))->started);
    stub_close(&stub);
}

static void apply_many(struct test_hub *hub, uint32_t count)
{
    struct aq_application_create record = {.project = "", .label = "mac", .metadata = "{}"};
    const void **records = aq_calloc(count, sizeof *records);
    for (uint32_t i = 0; i < count; i++)
        records[i] = &record;
    struct writer_request request = {.command = &aq_command_application_create,
                                     .records = records,
                                     .count = count,
                                     .caller = aq_caller_internal("admin")};
    test_ask_request(&hub->cluster, &request);
    assert_int_equal(request.error.code, AQ_OK);
    free(records);
}

/* More resources than the hub keeps one by one, and more than fit into one delivery. Some deliveries are lost. */
static void many_resources_take_several_deliveries(void **context)
{
    enum { COUNT = 5000 };
    struct test_hub *hub = *context;
    struct agent_stub stub = {.name = "one", .session = 11};
    struct aq_hello hello = test_hello("one", 1, 11);
    hello.capacity = (struct aq_amounts){.cpu = COUNT * 1000, .slots = COUNT};
    asker_open_agent(&stub.poll, hub, "one");
    asker_open_agent(&stub.talk, hub, "one");
    asker_expect(&stub.talk, AQ_MSG_HELLO, &hello, AQ_MSG_WELCOME);
    stub_poll(&stub);
    apply_many(hub, COUNT / 2);
    apply_many(hub, COUNT / 2);
    uint64_t next = 0, told = 0, deliveries = 0;
    do {
        uint64_t seen = stub.seen;
        const struct aq_work *work = stub_poll(&stub);
        assert_true(work->full);
        assert_true(work->first <= next);
        if (++deliveries % 3 == 0) {
            stub.seen = seen; /* this one is lost */
            continue;
        }
        assert_true(work->first == next);
        for (uint32_t i = 0; i < work->assignments.count; i++)
            assert_int_equal(AQ_ITEM(work->assignments, struct aq_assignment, i)->resource, ++told);
        next = work->last + 1;
    } while (next != 0 && deliveries < 100);
    assert_int_equal(told, COUNT);
    stub_close(&stub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_resource_starts_and_ends, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(many_heartbeats_do_not_delay_other_messages, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(a_failed_start_is_tried_on_another_node, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(a_delivery_is_repeated_until_it_is_seen, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(a_new_session_is_told_everything, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(an_agent_is_told_what_may_have_run, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(another_instance_does_not_start_what_the_first_was_told_to, stub_setup,
                                        stub_teardown),
        cmocka_unit_test_setup_teardown(many_resources_take_several_deliveries, stub_setup, stub_teardown),
    };
    return cmocka_run_group_tests_name("hub: work", tests, NULL, NULL);
}
