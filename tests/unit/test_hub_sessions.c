/* Who is whom to the hub: hello, strangers, recorded messages; and what becomes of the silent. */
#include "schema/base/clock.h"
#include "schema/wire/seal.h"
#include "tests/lib/agent_stub.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- who is who ---------------------------------------------------------------------------------------- */

static void a_living_name_is_refused_to_another(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct test_asker other;
    struct aq_hello hello = test_hello("one", 2, 21);
    stub_open(&stub, hub, "one", 1, 11);
    asker_open(&other, hub->agents_url, &hub->agent_key);
    asker_ask(&other, AQ_MSG_HELLO, &hello);
    assert_string_equal(asker_refusal(&other), "exists");
    stub_beat(&stub); /* the first one is none the worse */
    asker_close(&other);
    stub_close(&stub);
}

static void nothing_goes_without_hello(void **context)
{
    struct test_hub *hub = *context;
    struct test_asker asker;
    struct aq_poll poll = {"nobody", 5, 0};
    struct aq_beat beat = {.name = "nobody", .session = 5};
    struct aq_report report = {.name = "nobody", .session = 5, .number = 1};
    struct aq_watch watch = {0};
    asker_open(&asker, hub->agents_url, &hub->agent_key);
    asker_ask(&asker, AQ_MSG_POLL, &poll);
    assert_string_equal(asker_refusal(&asker), "unauthenticated");
    asker_ask(&asker, AQ_MSG_BEAT, &beat);
    assert_string_equal(asker_refusal(&asker), "unauthenticated");
    asker_ask(&asker, AQ_MSG_REPORT, &report);
    assert_string_equal(asker_refusal(&asker), "unauthenticated");
    asker_ask(&asker, AQ_MSG_WATCH, &watch); /* that is for the file view */
    assert_string_equal(asker_refusal(&asker), "invalid");
    asker_close(&asker);
}

static int connect_raw(const struct test_hub *hub)
{
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    place.sin_port = htons((uint16_t)strtoul(strrchr(hub->agents_url, ':') + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&place, sizeof place), 0);
    return fd;
}

/* Frames as nanomsg has them, with nothing good inside. */
static void send_frames(int fd)
{
    unsigned char frame[8 + 64] = {[7] = 64}, endless[8] = {1}, empty[8] = {0},
                            chain[8 + 4000] = {[6] = 4000 >> 8, 4000 & 255};
    frame[12] = 0x80;
    chain[8 + 3996] = 0x80;
    assert_true(send(fd, "\0SP\0\0\x30\0\0", 8, MSG_NOSIGNAL) == 8);
    (void)!send(fd, frame, sizeof frame, MSG_NOSIGNAL); /* from here on the hub may close at any time */
    (void)!send(fd, empty, sizeof empty, MSG_NOSIGNAL);
    (void)!send(fd, chain, sizeof chain, MSG_NOSIGNAL);
    (void)!send(fd, endless, sizeof endless, MSG_NOSIGNAL);
}

static uint64_t strangers(const struct test_hub *hub)
{
    struct hub_figures figures;
    hub_figures(hub->services.hub, &figures);
    return figures.unopened;
}

static void await_strangers(const struct test_hub *hub, uint64_t count)
{
    for (int i = 0; i < TEST_ANSWER_MS / 10 && strangers(hub) < count; i++)
        usleep(10000);
    assert_true(strangers(hub) >= count);
}

/* Says hello with a key that opens nothing here. */
static void come_as_stranger(struct test_hub *hub, const struct aq_wire_key *key)
{
    struct test_asker other;
    uint64_t before = strangers(hub);
    struct aq_hello hello = test_hello("one", 2, 21);
    asker_open(&other, hub->agents_url, key);
    asker_send(&other, AQ_MSG_HELLO, &hello);
    await_strangers(hub, before + 1);
    assert_false(asker_receive_within(&other, 100)); /* it was heard, and is not answered */
    asker_close(&other);
}

static void strangers_are_counted_and_dropped(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct aq_wire_key other_key = {{1, 2, 3}};
    struct hub_figures figures;
    stub_open(&stub, hub, "two", 1, 11);
    come_as_stranger(hub, &other_key);
    come_as_stranger(hub, &hub->local_key); /* the file view's key opens nothing here either */
    uint64_t before = strangers(hub);
    int noise = connect_raw(hub), frames = connect_raw(hub), silent = connect_raw(hub);
    assert_true(write(noise, "GET / HTTP/1.0\r\n\r\n", 18) == 18);
    send_frames(frames);
    await_strangers(hub, before + 2);
    stub_beat(&stub);
    hub_figures(hub->services.hub, &figures);
    assert_true(figures.messages >= 2);
    close(noise);
    close(frames);
    close(silent);
    stub_close(&stub);
}

static void the_directory_is_closed_to_others(void **context)
{
    struct test_hub *hub = *context;
    struct stat status;
    char path[128];
    snprintf(path, sizeof path, "%s/run", hub->cluster.directory);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
}

/* ---- recordings ---------------------------------------------------------------------------------------- */

/* An agent of today: the hub says which session it is to be. */
static void stub_open_offered(struct agent_stub *stub, struct test_hub *hub, uint64_t slots)
{
    struct aq_hello hello = test_hello("one", 1, 5);
    hello.asks_session = true;
    hello.capacity.slots = slots;
    *stub = (struct agent_stub){.name = "one"};
    asker_open(&stub->poll, hub->agents_url, &hub->agent_key);
    asker_open(&stub->talk, hub->agents_url, &hub->agent_key);
    asker_expect(&stub->talk, AQ_MSG_HELLO, &hello, AQ_MSG_SESSION);
    stub->session = hello.session = ((const struct aq_session *)stub->talk.message)->session;
    asker_expect(&stub->talk, AQ_MSG_HELLO, &hello, AQ_MSG_WELCOME);
}

static void beat_in(struct test_asker *asker, uint64_t session, uint64_t number)
{
    struct aq_beat beat = {.name = "one", .session = session, .number = number};
    asker_expect(asker, AQ_MSG_BEAT, &beat, AQ_MSG_NOTED);
}

/* Everything is said word for word as it was, by someone who has no key. */
static void a_recorded_session_begins_no_other(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub first, stub;
    struct test_asker other;
    asker_open(&other, hub->agents_url, &hub->agent_key);
    stub_open_offered(&first, hub, 3);
    beat_in(&first.talk, first.session, 1);
    stub_open_offered(&stub, hub, 8);
    assert_true(stub.session != first.session);
    beat_in(&stub.talk, stub.session, 1);
    uint64_t seq = writer_seq(hub->cluster.writer);

    struct aq_hello hello = test_hello("one", 1, 5);
    hello.asks_session = true;
    hello.capacity.slots = 3;
    uint64_t said[] = {5, first.session, stub.session};
    for (size_t i = 0; i < AQ_LENGTH(said); i++) {
        hello.session = said[i];
        asker_expect(&other, AQ_MSG_HELLO, &hello, AQ_MSG_SESSION);
    }
    struct aq_beat beat = {.name = "one", .session = first.session, .number = 1};
    struct aq_poll poll = {"one", first.session, 0};
    struct aq_report report = {.name = "one", .session = first.session, .number = 1};
    asker_ask(&other, AQ_MSG_BEAT, &beat);
    assert_string_equal(asker_refusal(&other), "unauthenticated");
    asker_ask(&other, AQ_MSG_POLL, &poll);
    assert_string_equal(asker_refusal(&other), "unauthenticated");
    asker_ask(&other, AQ_MSG_REPORT, &report);
    assert_string_equal(asker_refusal(&other), "unauthenticated");
    beat_in(&stub.talk, stub.session, 2); /* and nothing has changed for the agent */
    assert_int_equal(writer_seq(hub->cluster.writer), seq);
    asker_close(&other);
    stub_close(&first);
    stub_close(&stub);
}

static void a_recorded_poll_takes_no_work_away(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct test_asker other;
    asker_open(&other, hub->agents_url, &hub->agent_key);
    stub_open_offered(&stub, hub, 8);
    stub_poll(&stub);
    stub_send_poll(&stub);
    struct aq_poll poll = {"one", stub.session, 0};
    asker_send(&other, AQ_MSG_POLL, &poll);
    uint64_t seen = stub.seen;
    const struct aq_work *work = stub_take_work(&stub); /* the agent is answered, and asks again */
    assert_int_equal(work->delivery, seen);
    assert_int_equal(work->assignments.count, 0);
    make_application(hub);
    assert_int_equal(stub_poll(&stub)->assignments.count, 1);
    asker_close(&other);
    stub_close(&stub);
}

static void recorded_messages_keep_no_node_alive(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    stub_open_offered(&stub, hub, 8);
    beat_in(&stub.talk, stub.session, 7);
    struct test_asker other, *polls[] = {&stub.poll, &other};
    asker_open(&other, hub->agents_url, &hub->agent_key);
    stub_poll(&stub);
    stub_send_poll(&stub);
    for (int i = 0; i < 500 && node_status(hub, "one") != AQ_NODE_LOST; i++) {
        struct aq_poll poll = {"one", stub.session, stub.seen};
        beat_in(&stub.talk, stub.session, 7);
        asker_send(polls[(i + 1) % 2], AQ_MSG_POLL, &poll);
        assert_true(asker_receive_within(polls[i % 2], TEST_ANSWER_MS));
        usleep(10000);
    }
    asker_close(&other);
    assert_int_equal(node_status(hub, "one"), AQ_NODE_LOST);
    beat_in(&stub.talk, stub.session, 8);
    assert_true(node_becomes(hub, "one", AQ_NODE_ACTIVE));
    stub_close(&stub);
}

/* ---- lost and found ------------------------------------------------------------------------------------ */

static void the_silent_are_lost_and_found(void **context)
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
    stub_beat(&stub); /* its session is still known */
    assert_true(node_becomes(hub, "one", AQ_NODE_ACTIVE));
    const struct aq_work *work = stub_poll(&stub);
    assert_true(work->full);
    stub_close(&stub);
}

static void hold_up(void *context, const struct aq_error *error, const void *data, size_t length)
{
    (void)context, (void)error, (void)data, (void)length;
    sleep(3); /* on the hub's thread; its agents count as lost after two */
}

/* Lets all agents beat until none of them is lost or about to be, as some are while others join on a busy machine. */
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
        test_make_user(&hub->cluster, user, AQ_ROLE_USER); /* after what the hub has asked of the writer until now */
        heard = true;
        for (int i = 0; i < count; i++)
            heard = heard && node_status(hub, beats[i].name) == AQ_NODE_ACTIVE;
        heard = heard && aq_clock_ms() - start_ms < TEST_LOST_SOON * 1000 / 2;
    }
}

/* More agents than it hears in one turn have spoken while the hub was held up: that is no silence of theirs. */
static void a_hub_that_was_held_up_loses_nobody(void **context)
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
        asker_open(&askers[i], hub->agents_url, &hub->agent_key);
        asker_expect(&askers[i], AQ_MSG_HELLO, &hello, AQ_MSG_WELCOME);
    }
    beat_until_all_are_heard(hub, askers, beats, COUNT);
    uint64_t seq = writer_seq(hub->cluster.writer);
    assert_int_equal(hub_fetch(hub->services.hub, 1, 1, hold_up, NULL, &error), 0);
    for (int i = 0; i < COUNT; i++)
        asker_send(&askers[i], AQ_MSG_BEAT, &beats[i]);
    for (int i = 0; i < COUNT; i++)
        assert_true(asker_receive_within(&askers[i], TEST_ANSWER_MS));
    usleep(300000); /* whoever is to be lost is looked for now */
    assert_int_equal(writer_seq(hub->cluster.writer), seq);
    for (int i = 0; i < COUNT; i++)
        asker_close(&askers[i]);
    free(askers);
}

/* All places of readers are taken: what was committed cannot be looked at. That is told, but not for each message. */
static void tables_that_cannot_be_read_are_told_now_and_then(void **context)
{
    enum { READERS = 2000, BEATS = 300 };
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct aq_error error = {0};
    struct state_txn **txns = aq_calloc(READERS, sizeof *txns);
    char line[512];
    int count = 0, told = 0;
    stub_open(&stub, hub, "one", 1, 11);
    stub_beat(&stub);
    while (count < READERS && state_read(hub->cluster.state, &txns[count], &error) == 0)
        count++;
    assert_true(count < READERS);
    FILE *journal = tmpfile();
    assert_non_null(journal);
    int before = dup(STDERR_FILENO);
    dup2(fileno(journal), STDERR_FILENO);
    test_make_user(&hub->cluster, "late", AQ_ROLE_USER);
    for (int i = 0; i < BEATS; i++)
        stub_beat(&stub);
    dup2(before, STDERR_FILENO);
    close(before);
    for (int i = 0; i < count; i++)
        state_end(txns[i]);
    rewind(journal);
    while (fgets(line, sizeof line, journal) != NULL)
        told += strstr(line, "cannot be read") != NULL;
    assert_in_range(told, 1, BEATS / 3);
    fclose(journal);
    free(txns);
    uint64_t id = make_application(hub); /* and all goes on */
    const struct aq_work *work = stub_poll(&stub);
    assert_int_equal(work->assignments.count, 1);
    assert_int_equal(application_status(hub, id), AQ_ELECTED);
    stub_close(&stub);
}

static void a_restarted_hub_gives_time_then_knows_nobody(void **context)
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

static void a_forgotten_node_must_say_hello(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct aq_error error;
    struct aq_node_delete record = {.name = "one"};
    struct aq_beat beat = {.name = "one", .session = 11};
    stub_open(&stub, hub, "one", 1, 11);
    assert_true(node_becomes(hub, "one", AQ_NODE_LOST));
    assert_true(test_ask(&hub->cluster, &aq_command_node_delete, &record, "admin", NULL, &error) > 0);
    asker_ask(&stub.talk, AQ_MSG_BEAT, &beat); /* at once: what was answered, the hub knows */
    assert_string_equal(asker_refusal(&stub.talk), "unauthenticated");
    stub_close(&stub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_living_name_is_refused_to_another, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(nothing_goes_without_hello, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(strangers_are_counted_and_dropped, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(the_directory_is_closed_to_others, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(a_recorded_session_begins_no_other, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(a_recorded_poll_takes_no_work_away, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(recorded_messages_keep_no_node_alive, stub_setup_lost_soon, stub_teardown),
        cmocka_unit_test_setup_teardown(the_silent_are_lost_and_found, stub_setup_lost_soon, stub_teardown),
        cmocka_unit_test_setup_teardown(a_hub_that_was_held_up_loses_nobody, stub_setup_lost_soon, stub_teardown),
        cmocka_unit_test_setup_teardown(tables_that_cannot_be_read_are_told_now_and_then, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(a_restarted_hub_gives_time_then_knows_nobody, stub_setup_lost_soon,
                                        stub_teardown),
        cmocka_unit_test_setup_teardown(a_forgotten_node_must_say_hello, stub_setup_lost_soon, stub_teardown),
    };
    return cmocka_run_group_tests_name("hub: sessions", tests, NULL, NULL);
}
