/* Presence: agents that are silent are lost, those of a hub that was held up are not, and a restarted hub waits. */
#include "schema/base/clock.h"
#include "tests/lib/agent_stub.h"
#include "tests/lib/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void a_silent_agent_is_lost_until_it_speaks_again(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct aq_node_live live;
    stub_open(&stub, hub, "one", 1, 11);
    stub_poll(&stub);
    stub_beat(&stub);
    for (int i = 0; i < 500 && (!live_node(hub->services.live, "one", &live) || live.load_milli != 42); i++)
        usleep(10000);
    assert_true(live_node(hub->services.live, "one", &live));
    assert_int_equal(live.load_milli, 42);
    assert_true(live.seen_at > 0);
    assert_true(node_becomes(hub, "one", AQ_NODE_LOST));
    stub_beat(&stub); /* in the same session */
    assert_true(node_becomes(hub, "one", AQ_NODE_ACTIVE));
    const struct aq_work *work = stub_poll(&stub);
    assert_true(work->full);
    stub_close(&stub);
}

static void hold_up(void *context, const struct aq_error *error, const struct aq_told *told)
{
    (void)context, (void)error, (void)told;
    sleep(3); /* on the hub's thread; its agents count as lost after two */
}

/* Sends heartbeats of all agents until none is lost or about to be. On a busy machine, some are lost while others join.
 */
static void beat_until_all_are_heard(struct test_hub *hub, struct test_asker *askers, const struct aq_beat *beats,
                                     int count)
{
    bool heard = false;
    for (int round = 0; !heard; round++) {
        char user[32];
        uint64_t start_ms = aq_clock_ms();
        assert_true(round < 100);
        for (int i = 0; i < count; i++)
            asker_expect(&askers[i], AQ_MSG_BEAT, &beats[i], AQ_MSG_NOTED);
        snprintf(user, sizeof user, "user-%d", round);
        test_make_user(&hub->cluster, user, AQ_ROLE_USER); /* committed after what the hub has submitted so far */
        heard = true;
        for (int i = 0; i < count; i++)
            heard = heard && node_status(hub, beats[i].name) == AQ_NODE_ACTIVE;
        heard = heard && aq_clock_ms() - start_ms < TEST_LOST_SOON * 1000 / 2;
    }
}

/* While the hub is held up, more agents send heartbeats than it reads in one turn. They must not count as silent. */
static void a_hub_that_was_held_up_loses_no_agent(void **context)
{
    enum { COUNT = 400 };
    struct test_hub *hub = *context;
    struct test_asker *askers = aq_calloc(COUNT, sizeof *askers);
    struct aq_beat beats[COUNT];
    char names[COUNT][16];
    struct aq_error error;
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "node-%d", i);
        beats[i] = (struct aq_beat){.name = names[i], .session = 11};
        struct aq_hello hello = test_hello(names[i], 1, 11);
        asker_open_agent(&askers[i], hub, names[i]);
        asker_expect(&askers[i], AQ_MSG_HELLO, &hello, AQ_MSG_WELCOME);
    }
    beat_until_all_are_heard(hub, askers, beats, COUNT);
    uint64_t seq = writer_seq(hub->cluster.writer);
    assert_int_equal(hub_fetch(hub->services.hub, &(struct aq_ask){.resource = 1, .size = 1}, hold_up, NULL, &error),
                     0);
    for (int i = 0; i < COUNT; i++)
        asker_send(&askers[i], AQ_MSG_BEAT, &beats[i]);
    for (int i = 0; i < COUNT; i++)
        assert_true(asker_receive_within(&askers[i], TEST_ANSWER_MS));
    usleep(300000); /* long enough for a scan */
    assert_int_equal(writer_seq(hub->cluster.writer), seq);
    for (int i = 0; i < COUNT; i++)
        asker_close(&askers[i]);
    free(askers);
}

/* All reader slots of the tables are taken, so the hub cannot read them. It logs that, but not for each message. */
static void tables_that_cannot_be_read_are_logged_now_and_then(void **context)
{
    enum { READERS = 2000, BEATS = 300 };
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct aq_error error = {0};
    struct state_txn **txns = aq_calloc(READERS, sizeof *txns);
    struct test_journal journal;
    int count = 0;
    stub_open(&stub, hub, "one", 1, 11);
    stub_beat(&stub);
    while (count < READERS && state_read(hub->cluster.state, &txns[count], &error) == 0)
        count++;
    assert_true(count < READERS);
    test_journal_catch(&journal, AQ_ERROR);
    test_make_user(&hub->cluster, "late", AQ_ROLE_USER);
    for (int i = 0; i < BEATS; i++)
        stub_beat(&stub);
    int told = test_journal_release(&journal, "cannot be read");
    for (int i = 0; i < count; i++)
        state_end(txns[i]);
    assert_in_range(told, 1, BEATS / 3);
    free(txns);
    uint64_t id = make_application(hub); /* everything works again */
    const struct aq_work *work = stub_poll(&stub);
    assert_int_equal(work->assignments.count, 1);
    assert_int_equal(application_status(hub, id), AQ_ELECTED);
    stub_close(&stub);
}

static void a_restarted_hub_waits_for_its_agents(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    stub_open(&stub, hub, "one", 1, 11);
    make_application(hub);
    test_services_stop(&hub->services);
    test_cluster_close(&hub->cluster);
    test_cluster_open(&hub->cluster, false);
    test_hub_open(hub);
    assert_int_equal(node_status(hub, "one"), AQ_NODE_ACTIVE);
    stub_close(&stub);
    stub_open(&stub, hub, "one", 1, 11);
    const struct aq_work *work = stub_poll(&stub);
    assert_true(work->full);
    assert_int_equal(work->assignments.count, 1);
    stub_close(&stub);
    assert_true(node_becomes(hub, "one", AQ_NODE_LOST));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_silent_agent_is_lost_until_it_speaks_again, stub_setup_lost_soon,
                                        stub_teardown),
        cmocka_unit_test_setup_teardown(a_hub_that_was_held_up_loses_no_agent, stub_setup_lost_soon, stub_teardown),
        cmocka_unit_test_setup_teardown(tables_that_cannot_be_read_are_logged_now_and_then, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(a_restarted_hub_waits_for_its_agents, stub_setup_lost_soon, stub_teardown),
    };
    return cmocka_run_group_tests_name("hub: presence", tests, NULL, NULL);
}
