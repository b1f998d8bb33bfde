/* What the hub makes of those who hold no key of a node: messages that do not open, keys that are not known or revoked,
 * refused enrolments, and recorded messages. */
#include "tests/lib/agent_stub.h"
#include "tests/lib/journal.h"
#include "tests/lib/raw_peer.h"

#include <arpa/inet.h>
#include <nanomsg/nn.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- messages that do not open ------------------------------------------------------------------------- */

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

/* Sends bytes that no agent has sealed. */
static void send_unopened(struct test_hub *hub, const void *bytes, size_t length)
{
    struct test_asker other;
    uint64_t before = count_unopened(hub);
    asker_open(&other, hub->agents_url);
    asker_send_bytes(&other, bytes, length);
    await_unopened(hub, before + 1);
    asker_close(&other);
}

/* A message of the agent's session that somebody else has sealed. */
static void forge(const struct agent_stub *stub, struct aq_buffer *out)
{
    struct aq_sealed session = stub->talk.end.session;
    session.keys.send[0] ^= 1;
    aq_sealed_seal(&session, NULL, "\1\7", 2, out);
}

static void messages_that_do_not_open_are_counted_and_dropped(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct hub_figures figures;
    struct test_asker local;
    AQ_CLEANUP_BUFFER struct aq_buffer forged = {0};
    stub_open(&stub, hub, "two", 1, 11);
    forge(&stub, &forged);
    send_unopened(hub, forged.data, forged.length);
    send_unopened(hub, "\4\1\2\3\4\5\6\7\x08", 9); /* what only a hub says */
    asker_open(&local, hub->local_url);
    asker_expect(&local, AQ_MSG_WATCH, &(struct aq_watch){0}, AQ_MSG_NOW);
    send_unopened(hub, local.said.data, local.said.length);
    asker_close(&local);
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

/* ---- keys ---------------------------------------------------------------------------------------------- */

/* The first byte of what the hub answers to these bytes from somebody; AQ_FRAME_NONE: it does not, within that time. */
static enum aq_frame_kind answer_within(struct test_hub *hub, const struct aq_buffer *frame, int wait_ms)
{
    struct test_asker other;
    enum aq_frame_kind kind = AQ_FRAME_NONE;
    void *answer;
    asker_open(&other, hub->agents_url);
    asker_send_bytes(&other, frame->data, frame->length);
    int length = asker_receive_bytes(&other, wait_ms, &answer);
    if (length > 0) {
        kind = *(const unsigned char *)answer;
        nn_freemsg(answer);
    }
    asker_close(&other);
    return kind;
}

static enum aq_frame_kind answer_to(struct test_hub *hub, const struct aq_buffer *frame)
{
    return answer_within(hub, frame, TEST_ANSWER_MS);
}

static void a_key_that_no_node_has_is_denied(void **context)
{
    struct test_hub *hub = *context;
    struct aq_identity identity;
    struct test_asker asker;
    test_node_identity(&identity, "stranger", hub->cluster.directory);
    assert_false(asker_open_as(&asker, hub->agents_url, &identity));
    assert_int_equal(answer_to(hub, &asker.said), AQ_FRAME_DENIED);
    asker_close(&asker);
    test_enrol(&hub->cluster, "stranger");
    asker_open_agent(&asker, hub, "stranger");
    asker_close(&asker);
    identity.hub[3] ^= 1; /* another hub's key */
    assert_false(asker_open_as(&asker, hub->agents_url, &identity));
    asker_close(&asker);
}

static void a_key_that_was_revoked_is_out_at_once(void **context)
{
    struct test_hub *hub = *context;
    struct aq_error error = {0};
    struct aq_node_revoke revoke = {.name = "one"};
    struct agent_stub stub;
    struct aq_buffer beat = {0};
    stub_open(&stub, hub, "one", 1, 11);
    stub_beat(&stub);
    stub_poll(&stub);
    stub_send_poll(&stub);
    assert_true(test_ask(&hub->cluster, &aq_command_node_revoke, &revoke, "admin", NULL, &error) > 0);
    struct aq_beat message = {.name = "one", .session = 11, .number = 99};
    test_end_seal(&stub.talk.end, AQ_MSG_BEAT, &message, &beat);
    assert_int_equal(answer_to(hub, &beat), AQ_FRAME_UNKNOWN);
    make_application(hub);
    stub.poll.sealing = false;
    void *work;
    const int length = asker_receive_bytes(&stub.poll, 200, &work); /* its POLL has no answer, if it came before */
    if (length > 0) {
        assert_int_equal(*(const unsigned char *)work, AQ_FRAME_UNKNOWN);
        nn_freemsg(work);
    }
    aq_buffer_free(&beat);
    stub_close(&stub);
}

/* Whoever reaches the port can ask, with any name: that must not fill the journal. */
static void refused_enrolments_are_told_in_the_journal_now_and_then(void **context)
{
    enum { TRIES = 60 };
    struct test_hub *hub = *context;
    const unsigned port = (unsigned)strtoul(strrchr(hub->agents_url, ':') + 1, NULL, 10);
    static const char secret[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    struct test_journal journal;
    char name[24];
    test_journal_catch(&journal, AQ_WARN);
    for (int i = 0; i < TRIES; i++) {
        struct raw_peer peer;
        snprintf(name, sizeof name, "other-%d", i);
        bool enrolled = !raw_peer_open(&peer, port) || raw_peer_enrol(&peer, name, secret);
        raw_peer_close(&peer);
        assert_false(enrolled);
    }
    assert_in_range(test_journal_release(&journal, "did not enrol"), 1, TRIES / 4);
}

static void the_agent_of_a_deleted_node_must_enrol(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct aq_error error;
    struct aq_node_delete record = {.name = "one"};
    struct aq_beat beat = {.name = "one", .session = 11};
    stub_open(&stub, hub, "one", 1, 11);
    assert_true(node_becomes(hub, "one", AQ_NODE_LOST));
    assert_true(test_ask(&hub->cluster, &aq_command_node_delete, &record, "admin", NULL, &error) > 0);
    struct aq_buffer frame = {0};
    test_end_seal(&stub.talk.end, AQ_MSG_BEAT, &beat, &frame);
    assert_int_equal(answer_to(hub, &frame), AQ_FRAME_UNKNOWN); /* at once: the hub knows what is committed */
    aq_buffer_free(&frame);
    stub_close(&stub);
    asker_open_agent(&stub.talk, hub, "one");
    asker_expect_refusal(&stub.talk, AQ_MSG_BEAT, &beat, "unauthenticated");
    asker_close(&stub.talk);
}

/* ---- recordings ---------------------------------------------------------------------------------------- */

/* What an agent has sent: the frames of a session, from its first. */
enum { RECORDED = 4 };

static void record(struct test_hub *hub, struct agent_stub *stub, struct aq_buffer recorded[RECORDED])
{
    struct aq_hello hello = test_hello("one", 1, 11);
    struct aq_beat beat = {.name = "one", .session = 11, .number = 1};
    struct aq_report report = {.name = "one", .session = 11, .number = 1};
    *stub = (struct agent_stub){.name = "one", .session = 11, .reports = 1};
    asker_open_agent(&stub->poll, hub, "one");
    asker_open_agent(&stub->talk, hub, "one");
    const struct aq_buffer *said = &stub->talk.said;
    aq_buffer_add(&recorded[0], said->data, said->length);
    asker_expect(&stub->talk, AQ_MSG_HELLO, &hello, AQ_MSG_WELCOME);
    aq_buffer_add(&recorded[1], said->data, said->length);
    asker_expect(&stub->talk, AQ_MSG_BEAT, &beat, AQ_MSG_NOTED);
    aq_buffer_add(&recorded[2], said->data, said->length);
    asker_expect(&stub->talk, AQ_MSG_REPORT, &report, AQ_MSG_NOTED);
    aq_buffer_add(&recorded[3], said->data, said->length);
    stub_poll(stub); /* a session that waits for its first message may give way to another one */
}

static void free_recorded(struct aq_buffer recorded[RECORDED])
{
    for (int i = 0; i < RECORDED; i++)
        aq_buffer_free(&recorded[i]);
}

/* Somebody who holds no key sends everything again: the handshake is not done twice, and messages do not open twice. */
static void a_recorded_session_begins_nothing(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct aq_buffer recorded[RECORDED] = {0};
    record(hub, &stub, recorded);
    uint64_t seq = writer_seq(hub->cluster.writer), before = count_unopened(hub);
    for (int round = 0; round < 5; round++) {
        assert_int_equal(answer_to(hub, &recorded[0]), AQ_FRAME_OLD);
        for (int i = 1; i < RECORDED; i++)
            assert_int_equal(answer_within(hub, &recorded[i], 100), AQ_FRAME_NONE);
    }
    assert_int_equal(count_unopened(hub), before + 5 * (RECORDED - 1));
    stub_beat(&stub); /* nothing has changed for the agent */
    stub_poll(&stub);
    assert_int_equal(writer_seq(hub->cluster.writer), seq);
    free_recorded(recorded);
    stub_close(&stub);
}

/* Nor after a restart of the hub, which remembers no counters: it has no such sessions either. */
static void recordings_are_worth_nothing_after_a_restart(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct aq_buffer recorded[RECORDED] = {0};
    record(hub, &stub, recorded);
    stub_close(&stub);
    test_services_stop(&hub->services);
    test_cluster_close(&hub->cluster);
    test_cluster_open(&hub->cluster, false);
    test_hub_open(hub);
    uint64_t seq = writer_seq(hub->cluster.writer);
    assert_int_equal(answer_to(hub, &recorded[0]), AQ_FRAME_BEGUN);
    for (int i = 1; i < RECORDED; i++)
        assert_int_equal(answer_to(hub, &recorded[i]), AQ_FRAME_UNKNOWN);
    assert_int_equal(writer_seq(hub->cluster.writer), seq);
    free_recorded(recorded);
}

static void recorded_messages_keep_no_node_alive(void **context)
{
    struct test_hub *hub = *context;
    struct agent_stub stub;
    struct aq_buffer recorded[RECORDED] = {0};
    record(hub, &stub, recorded);
    for (int i = 0; i < 500 && node_status(hub, "one") != AQ_NODE_LOST; i++)
        (void)answer_within(hub, &recorded[i % RECORDED], 100);
    assert_int_equal(node_status(hub, "one"), AQ_NODE_LOST);
    stub_beat(&stub);
    assert_true(node_becomes(hub, "one", AQ_NODE_ACTIVE));
    free_recorded(recorded);
    stub_close(&stub);
}

/* What one agent was told is nothing for another, nor for another question of the same agent. */
static void an_answer_opens_only_where_it_belongs(void **context)
{
    struct test_hub *hub = *context;
    struct test_asker one, two;
    struct aq_hello first = test_hello("one", 1, 11), second = test_hello("two", 1, 12);
    enum aq_message_type type;
    void *message, *answer;
    asker_open_agent(&one, hub, "one");
    asker_open_agent(&two, hub, "two");
    asker_expect(&two, AQ_MSG_HELLO, &second, AQ_MSG_WELCOME);
    asker_send(&one, AQ_MSG_HELLO, &first);
    int length = asker_receive_bytes(&one, TEST_ANSWER_MS, &answer);
    assert_true(length > 0);
    assert_false(test_end_open(&two.end, two.end.asked, answer, (size_t)length, &type, &message, &two.arena));
    assert_false(test_end_open(&one.end, one.end.asked + 1, answer, (size_t)length, &type, &message, &one.arena));
    assert_true(test_end_open(&one.end, one.end.asked, answer, (size_t)length, &type, &message, &one.arena));
    assert_false(test_end_open(&one.end, one.end.asked, answer, (size_t)length, &type, &message, &one.arena));
    nn_freemsg(answer);
    asker_close(&one);
    asker_close(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(messages_that_do_not_open_are_counted_and_dropped, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(a_key_that_no_node_has_is_denied, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(a_key_that_was_revoked_is_out_at_once, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(a_recorded_session_begins_nothing, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(recordings_are_worth_nothing_after_a_restart, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(an_answer_opens_only_where_it_belongs, stub_setup, stub_teardown),
        cmocka_unit_test_setup_teardown(recorded_messages_keep_no_node_alive, stub_setup_lost_soon, stub_teardown),
        cmocka_unit_test_setup_teardown(refused_enrolments_are_told_in_the_journal_now_and_then, stub_setup,
                                        stub_teardown),
        cmocka_unit_test_setup_teardown(the_agent_of_a_deleted_node_must_enrol, stub_setup_lost_soon, stub_teardown),
    };
    return cmocka_run_group_tests_name("hub: keys", tests, NULL, NULL);
}
