/* Sessions: HELLO, two agents of one name, and an enrolled agent that lies. */
#include "tests/lib/agent_stub.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- sessions ------------------------------------------------------------------------------------------ */

static void the_name_of_a_living_agent_is_refused_to_another(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct test_asker other;
    struct aq_hello hello = test_hello("one", 2, 21);
    stub_open(&stub, hub, "one", 1, 11);
    asker_open_agent(&other, hub, "one");
    asker_expect_refusal(&other, AQ_MSG_HELLO, &hello, "exists");
    stub_beat(&stub); /* the first one goes on */
    asker_close(&other);
    stub_close(&stub);
}

/* HELLO of the agent "one" with an instance, as from an agent of the current version. */
static struct aq_hello hello_of(uint64_t session, const char *address, uint64_t process, uint64_t home)
{
    struct aq_hello hello = test_hello("one", 1, session);
    hello.address = address;
    hello.form = AQ_WIRE_FORM;
    hello.process = process;
    hello.home = home;
    return hello;
}

static const struct aq_refused *refused(const struct test_asker *asker)
{
    assert_int_equal(asker->type, AQ_MSG_REFUSED);
    return asker->message;
}

/* On the same host, as far as anyone can tell: what tells is that the first gives a sign of life. */
static void a_copy_is_refused_while_the_first_is_heard(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct test_asker other;
    struct aq_hello first = hello_of(11, "10.0.0.1", 5, 70), copy = hello_of(12, "10.0.0.1", 6, 70);
    stub_open_as(&stub, hub, &first);
    uint64_t seq = writer_seq(hub->cluster.writer);
    asker_open_agent(&other, hub, "one");
    for (int i = 0; i < 3; i++) {
        uint64_t number = 0;
        asker_send(&other, AQ_MSG_HELLO, &copy);
        while (!asker_receive_within(&other, 10)) {
            struct aq_beat beat = {.name = "one", .session = 11, .number = ++number};
            asker_expect(&stub.talk, AQ_MSG_BEAT, &beat, AQ_MSG_NOTED);
        }
        assert_string_equal(asker_refusal(&other), "exists");
        assert_non_null(strstr(refused(&other)->message, "node one is alive at 10.0.0.1, heard from 0."));
        assert_non_null(strstr(refused(&other)->message, "the agent at 10.0.0.1 has a copy of its directory"));
        assert_in_range(refused(&other)->wait_ms, 1, TEST_LOST_LATE * 1000);
    }
    assert_int_equal(writer_seq(hub->cluster.writer), seq); /* and the first has its session */
    asker_close(&other);
    stub_close(&stub);
}

static const struct aq_work *receive_work(struct test_asker *asker)
{
    assert_true(asker_receive_within(asker, TEST_ANSWER_MS));
    assert_int_equal(asker->type, AQ_MSG_WORK);
    return asker->message;
}

/* It need not wait for a heartbeat: the hub answers its POLL, and it sends the next on the same connection. */
static void an_open_poll_tells_that_the_first_is_alive(void **context)
{
    struct test_hub *hub = *context;
    struct test_asker agent, other;
    struct aq_hello first = hello_of(11, "10.0.0.1", 5, 70), copy = hello_of(12, "10.0.0.1", 6, 70);
    asker_open_agent(&agent, hub, "one");
    asker_open_agent(&other, hub, "one");
    asker_expect(&agent, AQ_MSG_HELLO, &first, AQ_MSG_WELCOME);
    struct aq_poll poll = {"one", first.session, 0};
    asker_send(&agent, AQ_MSG_POLL, &poll);
    poll.seen = receive_work(&agent)->delivery;
    asker_send(&agent, AQ_MSG_POLL, &poll);
    asker_send(&other, AQ_MSG_HELLO, &copy);
    assert_int_equal(receive_work(&agent)->assignments.count, 0); /* asked whether it is alive */
    asker_send(&agent, AQ_MSG_POLL, &poll);
    assert_true(asker_receive_within(&other, TEST_ANSWER_MS));
    assert_string_equal(asker_refusal(&other), "exists");
    asker_close(&other);
    asker_close(&agent);
}

static void a_copy_elsewhere_waits_until_the_first_is_lost(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct test_asker other;
    struct aq_hello first = hello_of(11, "10.0.0.1", 5, 70), copy = hello_of(12, "10.0.0.2", 6, 70);
    stub_open_as(&stub, hub, &first);
    asker_open_agent(&other, hub, "one");
    /* Answered at once: it cannot be the first, restarted. */
    asker_expect_refusal(&other, AQ_MSG_HELLO, &copy, "exists");
    assert_non_null(strstr(refused(&other)->message, "10.0.0.1"));
    assert_non_null(strstr(refused(&other)->message, "10.0.0.2"));
    stub_beat(&stub);
    stub_close(&stub); /* while the first restarts, the copy does not get the node either */
    asker_expect_refusal(&other, AQ_MSG_HELLO, &copy, "exists");
    copy = hello_of(12, "10.0.0.1", 6, 71); /* nor does a copy on the same host */
    asker_expect_refusal(&other, AQ_MSG_HELLO, &copy, "exists");
    lose_node(hub, "one");
    asker_expect(&other, AQ_MSG_HELLO, &copy, AQ_MSG_WELCOME);
    asker_open_agent(&stub.talk, hub, "one");
    asker_expect_refusal(&stub.talk, AQ_MSG_HELLO, &first, "exists"); /* now it is the first that waits */
    asker_close(&stub.talk);
    asker_close(&other);
}

static void a_restarted_agent_is_admitted_at_once(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    for (uint64_t process = 1; process < 20; process++) {
        struct aq_hello hello = hello_of(10 + process, "10.0.0.1", process, 70);
        stub_open_as(&stub, hub, &hello);
        stub_beat(&stub);
        stub_close(&stub);
    }
}

/* HELLO of the next one may come before the end of the connection of the one before. */
static void an_agent_that_closes_makes_room_for_the_next(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct test_asker other;
    struct aq_hello first = hello_of(11, "10.0.0.1", 5, 70), next = hello_of(12, "10.0.0.1", 6, 70);
    stub_open_as(&stub, hub, &first);
    asker_open_agent(&other, hub, "one");
    asker_send(&other, AQ_MSG_HELLO, &next);
    stub_close(&stub);
    assert_true(asker_receive_within(&other, TEST_ANSWER_MS));
    assert_int_equal(other.type, AQ_MSG_WELCOME);
    asker_close(&other);
}

static void a_process_may_say_hello_on_a_new_connection(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct test_asker other;
    struct aq_hello first = hello_of(11, "10.0.0.1", 5, 70), again = hello_of(12, "10.0.0.9", 5, 70);
    stub_open_as(&stub, hub, &first);
    asker_open_agent(&other, hub, "one");
    asker_expect(&other, AQ_MSG_HELLO, &again, AQ_MSG_WELCOME); /* its host has a new address */
    asker_close(&other);
    stub_close(&stub);
}

/* The network may hold a HELLO back until its agent has said a later one. */
static void a_hello_that_was_overtaken_is_not_taken(void **context)
{
    struct test_hub *hub = *context;
    struct test_asker agent;
    struct aq_hello early = hello_of(11, "10.0.0.1", 5, 70), late = early;
    early.number = 1;
    early.capacity.slots = 3;
    late.number = 2;
    late.capacity.slots = 4;
    asker_open_agent(&agent, hub, "one");
    asker_expect(&agent, AQ_MSG_HELLO, &late, AQ_MSG_WELCOME);
    uint64_t seq = writer_seq(hub->cluster.writer);
    asker_expect(&agent, AQ_MSG_HELLO, &early, AQ_MSG_REFUSED);
    assert_string_equal(refused(&agent)->error, "state");
    assert_int_equal(writer_seq(hub->cluster.writer), seq);
    asker_expect(&agent, AQ_MSG_HELLO, &late, AQ_MSG_WELCOME); /* as after a lost answer */
    asker_close(&agent);
    early.process = 6; /* it is restarted, and counts anew */
    early.session = 12;
    asker_open_agent(&agent, hub, "one");
    asker_expect(&agent, AQ_MSG_HELLO, &early, AQ_MSG_WELCOME);
    assert_true(writer_seq(hub->cluster.writer) > seq);
    asker_close(&agent);
}

/* As somebody on the way can arrange it. */
static void a_copy_on_the_connection_of_the_first_is_refused(void **context)
{
    struct test_hub *hub = *context;
    struct test_asker asker;
    struct aq_hello first = hello_of(11, "10.0.0.1", 5, 70), copy = hello_of(12, "10.0.0.2", 6, 70);
    asker_open_agent(&asker, hub, "one");
    asker_expect(&asker, AQ_MSG_HELLO, &first, AQ_MSG_WELCOME);
    asker_expect_refusal(&asker, AQ_MSG_HELLO, &copy, "exists");
    first.session = 13;
    asker_expect(&asker, AQ_MSG_HELLO, &first, AQ_MSG_WELCOME);
    asker_close(&asker);
}

static void without_hello_all_messages_are_refused(void **context)
{
    struct test_hub *hub = *context;
    struct test_asker asker;
    struct aq_poll poll = {"one", 5, 0};
    struct aq_beat beat = {.name = "one", .session = 5};
    struct aq_report report = {.name = "one", .session = 5, .number = 1};
    struct aq_watch watch = {0};
    asker_open_agent(&asker, hub, "one");
    asker_expect_refusal(&asker, AQ_MSG_POLL, &poll, "unauthenticated");
    asker_expect_refusal(&asker, AQ_MSG_BEAT, &beat, "unauthenticated");
    asker_expect_refusal(&asker, AQ_MSG_REPORT, &report, "unauthenticated");
    asker_expect_refusal(&asker, AQ_MSG_WATCH, &watch, "invalid"); /* only for the file view */
    asker_close(&asker);
}

static void only_root_may_enter_the_directory(void **context)
{
    struct test_hub *hub = *context;
    struct stat status;
    char path[128];
    snprintf(path, sizeof path, "%s/run", hub->cluster.directory);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
}

/* ---- an enrolled agent that lies ----------------------------------------------------------------------- */

static void an_agent_speaks_for_its_own_node_only(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub victim;
    struct test_asker liar;
    struct aq_hello own = test_hello("liar", 9, 9), hello = test_hello("one", 1, 12);
    struct aq_poll poll = {"one", 11, 0};
    struct aq_beat beat = {.name = "one", .session = 11, .number = 99};
    struct aq_happening lie = {.resource = 1, .what = AQ_HAPPENED_ENDED, .identifier = "", .reason = "a lie"};
    struct aq_report report = {.name = "one", .session = 11, .number = 99, .happenings = {&lie, 1}};
    stub_open(&victim, hub, "one", 1, 11);
    uint64_t application = make_application(hub);
    assert_int_equal(stub_poll(&victim)->assignments.count, 1);
    asker_open_agent(&liar, hub, "liar");
    asker_expect(&liar, AQ_MSG_HELLO, &own, AQ_MSG_WELCOME);
    asker_expect_refusal(&liar, AQ_MSG_HELLO, &hello, "forbidden"); /* takes over its node */
    asker_expect_refusal(&liar, AQ_MSG_POLL, &poll, "forbidden");   /* asks for its work, metadata included */
    asker_expect_refusal(&liar, AQ_MSG_BEAT, &beat, "forbidden");   /* keeps it alive */
    asker_expect_refusal(&liar, AQ_MSG_REPORT, &report, "forbidden");
    report.name = "liar"; /* reports about its workload in its own name: that is noted, and changes nothing */
    report.session = 9;
    report.number = 1;
    asker_expect(&liar, AQ_MSG_REPORT, &report, AQ_MSG_NOTED);
    assert_int_equal(application_status(hub, application), AQ_ELECTED);
    stub_report(&victim, (struct aq_happening){.resource = 1,
                                               .what = AQ_HAPPENED_STARTED,
                                               .identifier = "pid 1",
                                               .ip_addr = "",
                                               .hw_addr = "",
                                               .reason = ""});
    assert_int_equal(application_status(hub, application), AQ_ALLOCATED);
    asker_close(&liar);
    stub_close(&victim);
}

/* An agent is LOST: its node is taken over by nobody who has another key. */
static void a_lost_node_is_its_agents_only(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct test_asker liar;
    struct aq_hello hello = test_hello("one", 1, 12);
    stub_open(&stub, hub, "one", 1, 11);
    stub_close(&stub);
    lose_node(hub, "one");
    asker_open_agent(&liar, hub, "liar");
    asker_expect_refusal(&liar, AQ_MSG_HELLO, &hello, "forbidden");
    assert_int_equal(node_status(hub, "one"), AQ_NODE_LOST);
    asker_close(&liar);
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_name_of_a_living_agent_is_refused_to_another, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(a_copy_is_refused_while_the_first_is_heard, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(an_open_poll_tells_that_the_first_is_alive, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(a_copy_elsewhere_waits_until_the_first_is_lost, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(a_restarted_agent_is_admitted_at_once, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(an_agent_that_closes_makes_room_for_the_next, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(a_process_may_say_hello_on_a_new_connection, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(a_hello_that_was_overtaken_is_not_taken, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(a_copy_on_the_connection_of_the_first_is_refused, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(without_hello_all_messages_are_refused, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(only_root_may_enter_the_directory, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(an_agent_speaks_for_its_own_node_only, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(a_lost_node_is_its_agents_only, stub_setup, stub_teardown),
    };
    return cmocka_run_group_tests_name("hub: sessions", tests, NULL, NULL);
}
