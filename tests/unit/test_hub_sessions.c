/* Sessions and presence: HELLO, messages that do not open, recorded messages, and agents that are silent. */
#include "schema/base/clock.h"
#include "schema/wire/seal.h"
#include "tests/lib/agent_stub.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
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
    asker_open(&other, hub->agents_url, &hub->agent_key);
    asker_ask(&other, AQ_MSG_HELLO, &hello);
    assert_string_equal(asker_refusal(&other), "exists");
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
    asker_open(&other, hub->agents_url, &hub->agent_key);
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
    first.asks_session = true; /* so that a POLL alone is no sign of life: it may be a recording */
    asker_open(&agent, hub->agents_url, &hub->agent_key);
    asker_open(&other, hub->agents_url, &hub->agent_key);
    asker_expect(&agent, AQ_MSG_HELLO, &first, AQ_MSG_SESSION);
    first.session = ((const struct aq_session *)agent.message)->session;
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
    asker_open(&other, hub->agents_url, &hub->agent_key);
    asker_ask(&other, AQ_MSG_HELLO, &copy); /* answered at once: it cannot be the first, restarted */
    assert_string_equal(asker_refusal(&other), "exists");
    assert_non_null(strstr(refused(&other)->message, "10.0.0.1"));
    assert_non_null(strstr(refused(&other)->message, "10.0.0.2"));
    stub_beat(&stub);
    stub_close(&stub); /* while the first restarts, the copy does not get the node either */
    asker_ask(&other, AQ_MSG_HELLO, &copy);
    assert_string_equal(asker_refusal(&other), "exists");
    copy = hello_of(12, "10.0.0.1", 6, 71); /* nor does a copy on the same host */
    asker_ask(&other, AQ_MSG_HELLO, &copy);
    assert_string_equal(asker_refusal(&other), "exists");
    copy.form = 0; /* an older agent does not know wait_ms */
    asker_ask(&other, AQ_MSG_HELLO, &copy);
    assert_int_equal(refused(&other)->wait_ms, 0);
    lose_node(hub, "one");
    asker_expect(&other, AQ_MSG_HELLO, &copy, AQ_MSG_WELCOME);
    asker_open(&stub.talk, hub->agents_url, &hub->agent_key);
    asker_ask(&stub.talk, AQ_MSG_HELLO, &first); /* now it is the first that waits */
    assert_string_equal(asker_refusal(&stub.talk), "exists");
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
    for (uint64_t session = 50; session < 60; session++) { /* and older agents, which do not say as much */
        stub_open(&stub, hub, "two", 1, session);
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
    asker_open(&other, hub->agents_url, &hub->agent_key);
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
    asker_open(&other, hub->agents_url, &hub->agent_key);
    asker_expect(&other, AQ_MSG_HELLO, &again, AQ_MSG_WELCOME); /* its host has a new address */
    asker_close(&other);
    stub_close(&stub);
}

static void without_hello_all_messages_are_refused(void **context)
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
    asker_ask(&asker, AQ_MSG_WATCH, &watch); /* only for the file view */
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

/* Sends frames of nanomsg's protocol with invalid contents. */
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

static uint64_t count_unopened(const struct test_hub *hub)
{
    struct hub_figures figures;
    hub_figures(hub->services.hub, &figures);
    return figures.unopened;
}

static void await_unopened(const struct test_hub *hub, uint64_t count)
{
    for (int i = 0; i < TEST_ANSWER_MS / 10 && count_unopened(hub) < count; i++)
        usleep(10000);
    assert_true(count_unopened(hub) >= count);
}

/* Sends HELLO, sealed with a key that is not the agents'. */
static void send_unopened(struct test_hub *hub, const struct aq_wire_key *key)
{
    struct test_asker other;
    uint64_t before = count_unopened(hub);
    struct aq_hello hello = test_hello("one", 2, 21);
    asker_open(&other, hub->agents_url, key);
    asker_send(&other, AQ_MSG_HELLO, &hello);
    await_unopened(hub, before + 1);
    assert_false(asker_receive_within(&other, 100)); /* it is counted, but not answered */
    asker_close(&other);
}

static void messages_that_do_not_open_are_counted_and_dropped(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct aq_wire_key other_key = {{1, 2, 3}};
    struct hub_figures figures;
    stub_open(&stub, hub, "two", 1, 11);
    send_unopened(hub, &other_key);
    send_unopened(hub, &hub->local_key);
    uint64_t before = count_unopened(hub);
    int noise = connect_raw(hub), frames = connect_raw(hub), silent = connect_raw(hub);
    assert_true(write(noise, "GET / HTTP/1.0\r\n\r\n", 18) == 18);
    send_frames(frames);
    await_unopened(hub, before + 2);
    stub_beat(&stub);
    hub_figures(hub->services.hub, &figures);
    assert_true(figures.messages >= 2);
    close(noise);
    close(frames);
    close(silent);
    stub_close(&stub);
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

/* ---- recordings ---------------------------------------------------------------------------------------- */

/* An agent of the current version: the hub offers the number of its session. */
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

/* A peer without the key sends everything again. */
static void a_recorded_session_cannot_begin_a_session(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub first, stub;
    struct test_asker other;
    asker_open(&other, hub->agents_url, &hub->agent_key);
    stub_open_offered(&first, hub, 3);
    beat_in(&first.talk, first.session, 1);
    stub_close(&first);
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
    beat_in(&stub.talk, stub.session, 2); /* nothing has changed for the agent */
    assert_int_equal(writer_seq(hub->cluster.writer), seq);
    asker_close(&other);
    stub_close(&stub);
}

static void a_recorded_poll_does_not_take_a_delivery(void **context)
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

/* ---- presence ------------------------------------------------------------------------------------------ */

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
        asker_open(&askers[i], hub->agents_url, &hub->agent_key);
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

static void the_agent_of_a_deleted_node_must_send_hello(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct aq_error error;
    struct aq_node_delete record = {.name = "one"};
    struct aq_beat beat = {.name = "one", .session = 11};
    stub_open(&stub, hub, "one", 1, 11);
    assert_true(node_becomes(hub, "one", AQ_NODE_LOST));
    assert_true(test_ask(&hub->cluster, &aq_command_node_delete, &record, "admin", NULL, &error) > 0);
    asker_ask(&stub.talk, AQ_MSG_BEAT, &beat); /* at once: the hub knows what is committed */
    assert_string_equal(asker_refusal(&stub.talk), "unauthenticated");
    stub_close(&stub);
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
        cmocka_unit_test_setup_teardown(without_hello_all_messages_are_refused, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(messages_that_do_not_open_are_counted_and_dropped, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(only_root_may_enter_the_directory, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(a_recorded_session_cannot_begin_a_session, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(a_recorded_poll_does_not_take_a_delivery, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(recorded_messages_keep_no_node_alive, stub_setup_lost_soon, stub_teardown),
        cmocka_unit_test_setup_teardown(a_silent_agent_is_lost_until_it_speaks_again, stub_setup_lost_soon,
                                        stub_teardown),
        cmocka_unit_test_setup_teardown(a_hub_that_was_held_up_loses_no_agent, stub_setup_lost_soon, stub_teardown),
        cmocka_unit_test_setup_teardown(tables_that_cannot_be_read_are_logged_now_and_then, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(a_restarted_hub_waits_for_its_agents, stub_setup_lost_soon, stub_teardown),
        cmocka_unit_test_setup_teardown(the_agent_of_a_deleted_node_must_send_hello, stub_setup_lost_soon,
                                        stub_teardown),
    };
    return cmocka_run_group_tests_name("hub: sessions", tests, NULL, NULL);
}
