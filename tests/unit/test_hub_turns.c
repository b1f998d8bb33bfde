/* The hub on virtual time, with a real writer: its turns come when they are due, when something came, for nothing, or
 * late. What carries its messages is a carrier of this test. */
#include "tests/lib/cmocka.h"

#include "controller/hub/hub.h"
#include "schema/model/application.h"
#include "schema/model/node.h"
#include "tests/lib/cluster.h"
#include "tests/lib/hub.h"
#include "tests/lib/hub_post.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BEAT_MS = 1000,
    LOST_AFTER_MS = 10000,
    PATIENCE_MS = 10 * BEAT_MS,
    SOON_MS = 10, /* for a commit and what follows from it */
    TICK_MS = 200,
};

/* ---- the scene ----------------------------------------------------------------------------------------- */

static struct hub_post post;
static struct test_cluster cluster;
static struct live *live;
static struct hub *hub;
static struct hub_identity own; /* the hub's */
static struct aq_arena arena;   /* of what agents heard */
static unsigned turns;

static uint64_t take_turn(void *part, const struct aq_clocks *now)
{
    (void)part;
    turns++;
    return hub_turn(hub, now);
}

static int setup(void **context)
{
    struct aq_error error = {0};
    (void)context;
    test_cluster_new_virtual(&cluster);
    cluster.config.hub.beat = BEAT_MS / 1000;
    cluster.config.hub.lost_after = LOST_AFTER_MS / 1000;
    test_must(live_open(&live, cluster.directory, STATE_WRITE, &error), &error);
    post_open(&post);
    aq_noise_pair_make(&own.key);
    struct hub_options options = {.config = &cluster.config,
                                  .writer = cluster.writer,
                                  .state = cluster.state,
                                  .live = live,
                                  .identity = own,
                                  .agents = &post.carrier,
                                  .wake = test_cluster_wake,
                                  .context = &cluster};
    hub = hub_open(&options, &cluster.now);
    cluster.turn = take_turn;
    test_cluster_wake(&cluster);
    test_cluster_start(&cluster);
    test_make_user(&cluster, "admin", AQ_ROLE_ADMIN);
    test_make_label(&cluster, "mac");
    return 0;
}

static int teardown(void **context)
{
    (void)context;
    if (hub != NULL) {
        hub_stop(hub);
        test_cluster_wake(&cluster);
        test_cluster_pass(&cluster, SOON_MS);
        assert_true(hub_is_idle(hub));
    }
    hub_close(hub);
    cluster.turn = NULL;
    test_cluster_free(&cluster);
    live_close(live);
    aq_arena_free(&arena);
    return 0;
}

/* The process is killed: what is under way gets no answer. */
static void die(void)
{
    unsigned answered = post.answered;
    test_cluster_close(&cluster);
    hub_close(hub);
    assert_int_equal(post.answered, answered);
    hub = NULL;
    cluster.turn = NULL;
    test_cluster_open(&cluster, false);
}

/* Sends a question of an agent; returns its number. */
static uint32_t send_question(enum aq_message_type type, const void *message)
{
    uint32_t number = post_put(&post, type, message);
    test_cluster_wake(&cluster);
    return number;
}

/* The answer to the question; NULL: there is none. */
static const void *answer_to(uint32_t number, enum aq_message_type type)
{
    return post_find(&post, number, type, &arena);
}

static const void *ask(enum aq_message_type type, const void *message, enum aq_message_type answer)
{
    uint32_t number = send_question(type, message);
    test_cluster_pass(&cluster, SOON_MS);
    const void *got = answer_to(number, answer);
    assert_non_null(got);
    return got;
}

static void begin_sealed(void)
{
    struct aq_identity identity = {.knows_hub = true};
    test_node_pair(&identity.own, "one");
    memcpy(identity.hub, own.key.public, sizeof identity.hub);
    uint32_t number = post_begin(&post, &identity);
    test_cluster_wake(&cluster);
    test_cluster_pass(&cluster, SOON_MS);
    assert_true(post_take_session(&post, number));
}

/* An agent named "one" begins a session; returns its number. */
static uint64_t join(void)
{
    static uint64_t last = 4;
    struct aq_hello hello = test_hello("one", 1, ++last);
    hello.form = AQ_WIRE_FORM;
    test_enrol(&cluster, "one");
    begin_sealed();
    assert_int_equal(post.admitted, 0); /* the handshake may be a recording */
    const struct aq_welcome *welcome = ask(AQ_MSG_HELLO, &hello, AQ_MSG_WELCOME);
    assert_int_equal(post.admitted, POST_PEER);
    assert_int_equal(welcome->beat_ms, BEAT_MS);
    assert_int_equal(welcome->patience_ms, PATIENCE_MS);
    return hello.session;
}

static uint32_t send_beat(uint64_t session)
{
    static uint64_t number;
    return send_question(AQ_MSG_BEAT, &(struct aq_beat){.name = "one", .session = session, .number = ++number});
}

static uint32_t send_poll(uint64_t session, uint64_t seen)
{
    return send_question(AQ_MSG_POLL, &(struct aq_poll){.name = "one", .session = session, .seen = seen});
}

static enum aq_node_status node_status(void)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    struct aq_node node = {0};
    test_must(state_read(cluster.state, &txn, &error), &error);
    bool found = state_node(txn, "one", &node, &arena);
    state_end(txn);
    assert_true(found);
    return node.status;
}

/* ---- tests --------------------------------------------------------------------------------------------- */

static void an_agent_joins_and_works(void **context)
{
    (void)context;
    char id[65];
    struct aq_error error = {0};
    uint64_t session = join();
    const struct aq_work *work = answer_to(send_poll(session, 0), AQ_MSG_WORK);
    assert_null(work); /* nothing happens without a turn */
    test_cluster_pass(&cluster, SOON_MS);
    work = answer_to(post.came, AQ_MSG_WORK);
    assert_true(work != NULL && work->full && work->assignments.count == 0);

    uint32_t poll = send_poll(session, work->delivery);
    test_cluster_pass(&cluster, SOON_MS);
    assert_null(answer_to(poll, AQ_MSG_WORK));
    struct aq_application_create record = {.project = "", .label = "mac", .metadata = "{}"};
    test_must(test_ask(&cluster, &aq_command_application_create, &record, "admin", id, &error) == 0, &error);
    test_cluster_pass(&cluster, SOON_MS); /* the commit made a turn due */
    work = answer_to(poll, AQ_MSG_WORK);
    assert_true(work != NULL && work->assignments.count == 1);

    struct aq_happening started = {.resource = AQ_ITEM(work->assignments, struct aq_assignment, 0)->resource,
                                   .what = AQ_HAPPENED_STARTED,
                                   .identifier = "",
                                   .ip_addr = "",
                                   .hw_addr = "",
                                   .reason = ""};
    struct aq_report report = {.name = "one", .session = session, .number = 1, .happenings = {&started, 1}};
    const struct aq_noted *noted = ask(AQ_MSG_REPORT, &report, AQ_MSG_NOTED);
    assert_int_equal(noted->number, 1);
}

static void a_poll_stays_open_for_its_time(void **context)
{
    (void)context;
    uint64_t session = join();
    uint32_t poll = send_poll(session, 0);
    test_cluster_pass(&cluster, SOON_MS);
    const struct aq_work *work = answer_to(poll, AQ_MSG_WORK);
    assert_non_null(work);
    poll = send_poll(session, work->delivery);
    test_cluster_pass(&cluster, PATIENCE_MS - 1);
    assert_null(answer_to(poll, AQ_MSG_WORK));
    test_cluster_pass(&cluster, BEAT_MS + SOON_MS); /* until the next scan */
    const struct aq_work *nothing = answer_to(poll, AQ_MSG_WORK);
    assert_true(nothing != NULL && nothing->delivery == work->delivery && nothing->assignments.count == 0);
}

/* The agent has its WELCOME already and knows nothing of a second one. */
static void a_hello_that_comes_late_hides_no_work(void **context)
{
    (void)context;
    uint64_t session = join();
    struct aq_hello hello = test_hello("one", 1, session);
    hello.form = AQ_WIRE_FORM;
    uint32_t poll = send_poll(session, 0);
    test_cluster_pass(&cluster, SOON_MS);
    const struct aq_work *work = answer_to(poll, AQ_MSG_WORK);
    assert_non_null(work);
    const uint64_t seen = work->delivery;
    poll = send_poll(session, seen);
    test_cluster_pass(&cluster, SOON_MS);
    assert_null(answer_to(poll, AQ_MSG_WORK));
    assert_non_null(ask(AQ_MSG_HELLO, &hello, AQ_MSG_WELCOME));
    test_cluster_pass(&cluster, SOON_MS);
    work = answer_to(poll, AQ_MSG_WORK);
    assert_true(work != NULL && work->full && work->delivery > seen);
}

static void a_silent_agent_is_lost_in_time(void **context)
{
    (void)context;
    uint64_t session = join();
    for (int i = 0; i < 100; i++) {
        uint32_t beat = send_beat(session);
        test_cluster_pass(&cluster, BEAT_MS);
        assert_non_null(answer_to(beat, AQ_MSG_NOTED));
    }
    send_beat(session);
    test_cluster_pass(&cluster, LOST_AFTER_MS);
    assert_int_equal(node_status(), AQ_NODE_ACTIVE);
    test_cluster_pass(&cluster, 20 + SOON_MS); /* two scans are at least 20 ms apart */
    assert_int_equal(node_status(), AQ_NODE_LOST);
    send_beat(session); /* it is back */
    test_cluster_pass(&cluster, SOON_MS);
    assert_int_equal(node_status(), AQ_NODE_ACTIVE);
}

/* The node was lost, and joins again since its agent is heard, and the agent says HELLO once more meanwhile. */
static void a_hello_is_answered_while_its_node_joins_again(void **context)
{
    (void)context;
    uint64_t session = join();
    test_cluster_pass(&cluster, LOST_AFTER_MS + 20 + SOON_MS);
    assert_int_equal(node_status(), AQ_NODE_LOST);
    struct aq_hello hello = test_hello("one", 1, session);
    hello.form = AQ_WIRE_FORM;
    send_beat(session);
    uint32_t again = send_question(AQ_MSG_HELLO, &hello);
    test_cluster_pass(&cluster, SOON_MS);
    assert_int_equal(node_status(), AQ_NODE_ACTIVE);
    assert_non_null(answer_to(again, AQ_MSG_WELCOME));
}

/* The process or the machine stands still for an hour. What the agent has sent meanwhile was not read, or it could not
 * send: it does not count as silent. */
static void deleted(struct writer_request *request)
{
    *(bool *)request->context = true;
}

/* A lost node is deleted while it joins again since its agent is heard. Its session is over: or reports of the session
 * that were recorded would count once more. */
static void the_session_of_a_node_that_was_deleted_is_over(void **context)
{
    (void)context;
    struct aq_error error = {0};
    bool done = false;
    struct aq_node_delete record = {.name = "one"};
    const void *records[] = {&record};
    struct writer_request request = {.command = &aq_command_node_delete,
                                     .records = records,
                                     .count = 1,
                                     .caller = aq_caller_internal("admin"),
                                     .done = deleted,
                                     .context = &done};
    uint64_t session = join();
    test_cluster_pass(&cluster, LOST_AFTER_MS + 20 + SOON_MS);
    assert_int_equal(node_status(), AQ_NODE_LOST);
    test_must(writer_submit(cluster.writer, &request, &error), &error);
    send_beat(session);
    (void)hub_turn(hub, &cluster.now); /* both get into one batch */
    test_cluster_pass(&cluster, SOON_MS);
    assert_true(done && request.error.code == AQ_OK);
    uint32_t beat = send_beat(session);
    test_cluster_pass(&cluster, SOON_MS);
    assert_int_equal(post_kind(&post, beat), AQ_FRAME_UNKNOWN); /* and so is its key */
    post.admitted = 0;
    (void)join();
    assert_int_equal(node_status(), AQ_NODE_ACTIVE);
}

static void late_turns_lose_nobody(void **context)
{
    (void)context;
    uint64_t session = join();
    for (int i = 0; i < 3; i++) {
        cluster.turn = NULL;
        test_cluster_pass(&cluster, 3600000);
        cluster.turn = take_turn;
        if (i == 1)
            send_beat(session); /* while it stood still */
        test_cluster_wake(&cluster);
        test_cluster_pass(&cluster, LOST_AFTER_MS - 1);
        assert_int_equal(node_status(), AQ_NODE_ACTIVE);
    }
    test_cluster_pass(&cluster, 20 + SOON_MS);
    assert_int_equal(node_status(), AQ_NODE_LOST); /* it was heard again, and is silent */
}

static void turns_for_nothing_do_nothing(void **context)
{
    (void)context;
    uint64_t session = join();
    uint32_t poll = send_poll(session, 0);
    test_cluster_pass(&cluster, SOON_MS);
    const struct aq_work *work = answer_to(poll, AQ_MSG_WORK);
    send_poll(session, work->delivery);
    test_cluster_pass(&cluster, SOON_MS);
    uint64_t seq = writer_seq(cluster.writer);
    unsigned answered = post.answered;
    for (int i = 0; i < 1000; i++)
        assert_true(hub_turn(hub, &cluster.now) > cluster.now.steady_ms);
    assert_int_equal(post.answered, answered);
    turns = 0;
    test_cluster_pass(&cluster, PATIENCE_MS / 2); /* nor does it take more turns than its time-outs need */
    assert_in_range(turns, 1, PATIENCE_MS / 2 / TICK_MS * 2);
    assert_int_equal(post.answered, answered);
    assert_int_equal(writer_seq(cluster.writer), seq);
}

/* Its answer is the only thing that makes a turn due. */
static void what_changes_nothing_is_answered_at_once(void **context)
{
    (void)context;
    uint64_t session = join();
    struct aq_happening ended = {.resource = 99,
                                 .what = AQ_HAPPENED_ENDED,
                                 .identifier = "",
                                 .ip_addr = "",
                                 .hw_addr = "",
                                 .reason = ""}; /* there is no such resource */
    struct aq_report report = {.name = "one", .session = session, .number = 1, .happenings = {&ended, 1}};
    uint64_t seq = writer_seq(cluster.writer);
    (void)ask(AQ_MSG_REPORT, &report, AQ_MSG_NOTED);
    assert_int_equal(writer_seq(cluster.writer), seq);
}

/* An agent that got no answer would be silent until it is late, and might be lost meanwhile. */
static void a_report_that_the_writer_does_not_take_is_refused_for_now(void **context)
{
    (void)context;
    struct aq_happening ended = {
        .resource = 99, .what = AQ_HAPPENED_ENDED, .identifier = "", .ip_addr = "", .hw_addr = "", .reason = ""};
    struct aq_report report = {.name = "one", .session = join(), .number = 1, .happenings = {&ended, 1}};
    struct aq_hello hello = test_hello("one", 1, report.session + 1000);
    cluster.config.log.queue = 1;
    send_question(AQ_MSG_HELLO, &hello); /* this one is taken */
    uint32_t number = send_question(AQ_MSG_REPORT, &report);
    test_cluster_pass(&cluster, SOON_MS);
    const struct aq_refused *refused = answer_to(number, AQ_MSG_REFUSED);
    assert_non_null(refused);
    assert_string_equal(refused->error, "busy");
    report.session = hello.session;
    (void)ask(AQ_MSG_REPORT, &report, AQ_MSG_NOTED);
}

/* A turn takes so many messages, and then asks for the next one at once. */
static void many_messages_take_several_turns(void **context)
{
    (void)context;
    uint64_t session = join();
    unsigned answered = post.answered;
    for (int i = 0; i < POST_FRAMES_MAX; i++)
        send_beat(session);
    turns = 0;
    test_cluster_pass(&cluster, 1);
    assert_int_equal(post.answered - answered, POST_FRAMES_MAX);
    assert_in_range(turns, 2, 20);
}

/* When there are thousands of heartbeats in a second, they are left to gather, for no more than 2 ms. */
static void heartbeats_gather(void **context)
{
    enum { ROUNDS = 500 };
    (void)context;
    unsigned gathered = 0;
    uint64_t session = join();
    for (int i = 0; i < ROUNDS; i++) {
        uint32_t beat = 0;
        for (int n = 0; n < 10; n++)
            beat = send_beat(session);
        test_cluster_pass(&cluster, 1);
        gathered += answer_to(beat, AQ_MSG_NOTED) == NULL && hub_gathers(hub);
        test_cluster_pass(&cluster, 2);
        assert_non_null(answer_to(beat, AQ_MSG_NOTED));
    }
    assert_in_range(gathered, ROUNDS / 4, ROUNDS - 1); /* not from the begin */
    /* Agents answer a commit: what they say is not left to gather then. */
    uint32_t beat;
    do {
        beat = send_beat(session);
        test_cluster_pass(&cluster, 1);
    } while (answer_to(beat, AQ_MSG_NOTED) == NULL); /* just now, so the next ones are left for another millisecond */
    assert_true(hub_gathers(hub));
    test_make_user(&cluster, "ann", AQ_ROLE_USER);
    for (int i = 0; i < 10; i++) {
        beat = send_beat(session);
        test_cluster_pass(&cluster, 1);
        assert_false(hub_gathers(hub));
        assert_non_null(answer_to(beat, AQ_MSG_NOTED));
    }
}

static void a_forged_frame_is_counted(void **context)
{
    (void)context;
    struct hub_figures figures;
    uint32_t number = send_beat(join());
    post.questions[(post.came - 1) % POST_FRAMES_MAX].sealed.data[40] ^= 1;
    test_cluster_pass(&cluster, SOON_MS);
    assert_int_equal(post_kind(&post, number), AQ_FRAME_NONE);
    assert_true(post.refused);
    hub_figures(hub, &figures);
    assert_int_equal(figures.unopened, 1);
}

static void the_carrier_gets_its_time(void **context)
{
    (void)context;
    for (int i = 0; i < 20; i++) {
        test_cluster_pass(&cluster, 100);
        assert_in_range(post.ticked_ms, cluster.now.steady_ms - TICK_MS, cluster.now.steady_ms);
    }
}

/* The hub ends what is under way: the caller gives turns, and does not wait. */
static void it_stops_when_its_requests_have_their_answers(void **context)
{
    (void)context;
    struct aq_hello hello = test_hello("one", 1, 5);
    test_enrol(&cluster, "one");
    begin_sealed();
    uint32_t number = send_question(AQ_MSG_HELLO, &hello);
    hub_turn(hub, &cluster.now);
    assert_false(hub_is_idle(hub)); /* the writer has it */
    hub_stop(hub);
    hub_turn(hub, &cluster.now);
    assert_false(hub_is_idle(hub));
    uint32_t late = send_beat(5);
    test_cluster_pass(&cluster, SOON_MS);
    assert_true(hub_is_idle(hub));
    assert_non_null(answer_to(number, AQ_MSG_WELCOME));
    assert_null(answer_to(late, AQ_MSG_NONE));
}

static void count_fetch(void *context, const struct aq_error *error, const struct aq_told *told)
{
    assert_null(told);
    assert_int_not_equal(error->code, AQ_OK);
    ++*(unsigned *)context;
}

/* Whatever is under way is freed, which a build with AddressSanitizer sees, and whoever wants a log is told once. */
static void it_may_end_at_any_moment(void **context)
{
    (void)context;
    struct aq_error error = {0};
    unsigned told = 0;
    uint64_t session = join();
    struct aq_happening started = {
        .resource = 1, .what = AQ_HAPPENED_STARTED, .identifier = "", .ip_addr = "", .hw_addr = "", .reason = ""};
    struct aq_report report = {.name = "one", .session = session, .number = 1, .happenings = {&started, 1}};
    struct aq_hello hello = test_hello("two", 1, 5);
    struct aq_ask want = {.resource = 1, .size = 1};
    send_question(AQ_MSG_REPORT, &report);
    send_question(AQ_MSG_HELLO, &hello);
    send_poll(session, 0);
    hub_turn(hub, &cluster.now);
    assert_false(hub_is_idle(hub));
    assert_int_equal(hub_fetch(hub, &want, count_fetch, &told, &error), 0);
    assert_int_equal(told, 0);
    die();
    assert_int_equal(told, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_agent_joins_and_works, setup, teardown),
        cmocka_unit_test_setup_teardown(a_poll_stays_open_for_its_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hello_that_comes_late_hides_no_work, setup, teardown),
        cmocka_unit_test_setup_teardown(a_silent_agent_is_lost_in_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hello_is_answered_while_its_node_joins_again, setup, teardown),
        cmocka_unit_test_setup_teardown(the_session_of_a_node_that_was_deleted_is_over, setup, teardown),
        cmocka_unit_test_setup_teardown(late_turns_lose_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(turns_for_nothing_do_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(what_changes_nothing_is_answered_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_report_that_the_writer_does_not_take_is_refused_for_now, setup, teardown),
        cmocka_unit_test_setup_teardown(many_messages_take_several_turns, setup, teardown),
        cmocka_unit_test_setup_teardown(heartbeats_gather, setup, teardown),
        cmocka_unit_test_setup_teardown(a_forged_frame_is_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(the_carrier_gets_its_time, setup, teardown),
        cmocka_unit_test_setup_teardown(it_stops_when_its_requests_have_their_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(it_may_end_at_any_moment, setup, teardown),
    };
    return cmocka_run_group_tests_name("hub: turns", tests, NULL, NULL);
}
