/* The gate's port: messages in any pieces, unadmitted peers and their bounds, answers that are not read. The local
 * socket is tested in test_hub_gate_local.c. */
#include "schema/base/memory.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/gate_scene.h"
#include "tests/lib/raw_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { QUIET_MS = 50, UNREAD_ANSWERS = 2000, UNREAD_SIZE = 60000, SLOW_SIZE = 256 << 10, SLOW_BEHIND = 14 };

static int setup(void **context)
{
    struct gate_scene *scene = aq_calloc(1, sizeof *scene);
    struct aq_error error = {0};
    *context = scene;
    return gate_open(&scene->gate, "127.0.0.1", &scene->port, &error);
}

static int connect_peer(const struct gate_scene *scene)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)scene->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 2};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 64 << 10;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void admit(const struct gate_scene *scene, uint64_t peer)
{
    scene->gate->kind->admit(scene->gate, peer);
}

/* Appends a message with a stack of `numbers` numbers. */
static void frame(struct aq_buffer *out, unsigned numbers, const char *body)
{
    raw_peer_frame(out, numbers - 1, numbers, body, strlen(body));
}

static void expect_and_admit(const struct gate_scene *scene, struct hub_frame *message, const char *body)
{
    gate_scene_expect(scene, message, body);
    admit(scene, message->peer);
}

/* Connects a peer that asks something and is admitted. */
static int connect_and_ask(const struct gate_scene *scene, struct hub_frame *message)
{
    struct aq_buffer words = {0};
    int fd = connect_peer(scene);
    aq_buffer_add(&words, raw_peer_greeting, RAW_PEER_GREETING);
    frame(&words, 1, "asks");
    gate_scene_say(fd, words.data, words.length);
    expect_and_admit(scene, message, "asks");
    aq_buffer_free(&words);
    return fd;
}

static void messages_arrive_in_any_pieces(void **context)
{
    struct gate_scene *scene = *context;
    struct aq_buffer words = {0};
    struct hub_frame message;
    int fd = connect_peer(scene);
    aq_buffer_add(&words, raw_peer_greeting, RAW_PEER_GREETING);
    frame(&words, 1, "first");
    frame(&words, 3, "second");
    frame(&words, 1, "");
    for (size_t i = 0; i < words.length; i++) { /* byte by byte */
        gate_scene_say(fd, words.data + i, 1);
        if (i + 1 == RAW_PEER_GREETING + 8 + 4 + 5)
            gate_scene_expect(scene, &message, "first");
        else if (i + 1 == RAW_PEER_GREETING + 8 + 4 + 5 + 8 + 12 + 6)
            gate_scene_expect(scene, &message, "second");
        else if (i + 1 < words.length)
            assert_int_equal(gate_scene_take(scene, &message), 0);
    }
    gate_scene_expect(scene, &message, "");
    aq_buffer_reset(&words);
    admit(scene, message.peer);
    for (int i = 0; i < 1000; i++)
        frame(&words, 1, "one of many");
    gate_scene_say(fd, words.data, words.length);
    for (int i = 0; i < 1000; i++)
        gate_scene_expect(scene, &message, "one of many");
    assert_int_equal(gate_scene_receive(scene, &message, QUIET_MS), 0);
    close(fd);
    aq_buffer_free(&words);
}

static void an_answer_carries_the_stack_back(void **context)
{
    struct gate_scene *scene = *context;
    struct aq_buffer words = {0};
    struct hub_frame message;
    char stack[GATE_STACK_MAX], got[8 + 8 + 12 + 4];
    int fd = connect_peer(scene);
    aq_buffer_add(&words, raw_peer_greeting, RAW_PEER_GREETING);
    frame(&words, 3, "asked");
    gate_scene_say(fd, words.data, words.length);
    assert_int_equal(gate_scene_receive(scene, &message, GATE_SCENE_WAIT_MS), 1);
    assert_int_equal(message.header_length, 12);
    memcpy(stack, message.header, message.header_length);
    gate_scene_judge(scene, true);
    gate_scene_answer(scene, message.peer, stack, message.header_length, "said", 4);
    assert_int_equal(recv(fd, got, sizeof got, MSG_WAITALL), sizeof got);
    assert_memory_equal(got, "\0SP\0\0\x31\0\0", 8);
    assert_memory_equal(got + 8, "\0\0\0\0\0\0\0\x10\0\0\0\1\0\0\0\2\x80\0\0\3said", 24);
    gate_scene_answer(scene, message.peer + (1 << 16), stack, message.header_length, "lost",
                      4); /* there is no such peer */
    close(fd);
    aq_buffer_free(&words);
}

static void a_peer_with_another_protocol_is_dropped(void **context)
{
    static const struct {
        const char *words;
        size_t length;
    } wrong[] = {
        {"GET / HTTP/1.0\r\n\r\n", 18},
        {"\0SP\0\0\x10\0\0", 8},                                    /* another protocol */
        {"\0SP\0\0\x30\0\0\0\0\0\0\x40\0\0\0", 16},                 /* a gigabyte */
        {"\0SP\0\0\x30\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 16},   /* 2^64 - 1 bytes */
        {"\0SP\0\0\x30\0\0\0\0\0\0\0\0\0\0", 16},                   /* no stack */
        {"\0SP\0\0\x30\0\0\0\0\0\0\0\0\0\x08\0\0\0\1\0\0\0\2", 24}, /* a stack without an end */
    };
    struct gate_scene *scene = *context;
    struct hub_frame message;
    for (size_t i = 0; i < AQ_LENGTH(wrong); i++) {
        int fd = connect_peer(scene);
        gate_scene_say(fd, wrong[i].words, wrong[i].length);
        assert_int_equal(gate_scene_receive(scene, &message, GATE_SCENE_WAIT_MS), -1);
        assert_true(gate_scene_is_closed(fd));
        close(fd);
    }
}

static void nothing_is_read_after_a_message_that_does_not_open(void **context)
{
    struct gate_scene *scene = *context;
    struct aq_buffer words = {0};
    struct hub_frame message;
    int fd = connect_peer(scene);
    aq_buffer_add(&words, raw_peer_greeting, RAW_PEER_GREETING);
    frame(&words, 1, "wrong key");
    frame(&words, 1, "and more");
    gate_scene_say(fd, words.data, words.length);
    assert_int_equal(gate_scene_receive(scene, &message, GATE_SCENE_WAIT_MS), 1);
    gate_scene_judge(scene, false);
    gate_scene_say(fd, "even more", 9);
    assert_int_equal(gate_scene_receive(scene, &message, QUIET_MS), 0);
    close(fd);
    aq_buffer_free(&words);
}

static void few_messages_are_read_before_one_is_an_agents(void **context)
{
    struct gate_scene *scene = *context;
    struct aq_buffer words = {0};
    struct hub_frame message;
    int fd = connect_peer(scene);
    aq_buffer_add(&words, raw_peer_greeting, RAW_PEER_GREETING);
    for (int i = 0; i < 2 * GATE_UNADMITTED_FRAMES; i++)
        frame(&words, 1, "handshake");
    gate_scene_say(fd, words.data, words.length);
    for (int i = 0; i < GATE_UNADMITTED_FRAMES; i++)
        gate_scene_expect(scene, &message, "handshake");
    assert_int_equal(gate_scene_receive(scene, &message, QUIET_MS), 0);
    close(fd);
    aq_buffer_free(&words);
}

static void the_oldest_unadmitted_peer_makes_room(void **context)
{
    struct gate_scene *scene = *context;
    struct aq_buffer words = {0};
    struct hub_frame message;
    static int fds[GATE_STRANGERS_MAX];
    aq_buffer_add(&words, raw_peer_greeting, RAW_PEER_GREETING);
    frame(&words, 1, "known");
    int known = connect_peer(scene), repeats = connect_peer(scene), begins = connect_peer(scene);
    gate_scene_say(known, words.data, words.length);
    expect_and_admit(scene, &message, "known");
    gate_scene_say(begins, words.data, words.length);
    assert_int_equal(gate_scene_receive(scene, &message, GATE_SCENE_WAIT_MS), 1);
    scene->gate->kind->vouch(scene->gate, message.peer);
    gate_scene_judge(scene, true);
    gate_scene_say(repeats, words.data, words.length);
    gate_scene_expect(scene, &message, "known"); /* it is a frame, but has shown nothing: the peer is not admitted */
    for (int i = 0; i < GATE_STRANGERS_MAX; i++) {
        fds[i] = connect_peer(scene);
        (void)!gate_scene_take(scene, &message);
    }
    assert_int_equal(gate_scene_receive(scene, &message, QUIET_MS), 0);
    int late = connect_peer(scene);
    gate_scene_say(late, words.data, words.length);
    gate_scene_expect(scene, &message, "known");
    assert_true(gate_scene_is_closed(repeats) && gate_scene_is_closed(fds[0]));
    gate_scene_say(known, words.data + RAW_PEER_GREETING, words.length - RAW_PEER_GREETING);
    gate_scene_expect(scene, &message, "known"); /* an admitted peer stays, */
    gate_scene_say(begins, words.data + RAW_PEER_GREETING, words.length - RAW_PEER_GREETING);
    gate_scene_expect(scene, &message, "known"); /* and so does one that has begun a session, */
    scene->gate->kind->tick(scene->gate, GATE_ADMIT_MS);
    assert_false(gate_scene_is_closed_now(begins));
    scene->gate->kind->tick(scene->gate, 2 * GATE_ADMIT_MS);
    assert_true(gate_scene_is_closed(begins)); /* for its time */
    close(begins);
    for (int i = 0; i < GATE_STRANGERS_MAX; i++)
        close(fds[i]);
    close(known);
    close(repeats);
    close(late);
    aq_buffer_free(&words);
}

/* The time of a peer begins with the tick after it came, however long ago the tick before was. */
static void an_unadmitted_peer_has_its_time(void **context)
{
    enum { BEGIN_MS = 3600000 };
    struct gate_scene *scene = *context;
    struct hub_frame message;
    int known = connect_and_ask(scene, &message), silent = connect_peer(scene);
    uint64_t from = message.peer;
    assert_int_equal(gate_scene_receive(scene, &message, QUIET_MS), 0);
    scene->gate->kind->tick(scene->gate, BEGIN_MS);
    scene->gate->kind->tick(scene->gate, BEGIN_MS + GATE_ADMIT_MS - 1);
    assert_false(gate_scene_is_closed_now(silent));
    int late = connect_peer(scene);
    assert_int_equal(gate_scene_receive(scene, &message, QUIET_MS), 0);
    scene->gate->kind->tick(scene->gate, BEGIN_MS + GATE_ADMIT_MS * 10);
    assert_true(gate_scene_is_closed(silent));
    assert_false(gate_scene_is_closed_now(late));
    assert_true(scene->gate->kind->has(scene->gate, from));
    scene->gate->kind->tick(scene->gate, BEGIN_MS + GATE_ADMIT_MS * 11);
    assert_true(gate_scene_is_closed(late));
    assert_true(scene->gate->kind->has(scene->gate, from)); /* it was admitted */
    close(known);
    close(silent);
    close(late);
}

static void unread_answers_are_bounded_and_whole(void **context)
{
    struct gate_scene *scene = *context;
    struct hub_frame message;
    char *big = aq_calloc(1, UNREAD_SIZE), *chunk = aq_malloc(UNREAD_SIZE), ours[8];
    int fd = connect_and_ask(scene, &message), answers = 0;
    uint64_t from = message.peer, size;
    for (int i = 0; i < UNREAD_ANSWERS; i++)
        gate_scene_answer(scene, from, "\x80\0\0\1", 4, big, UNREAD_SIZE);
    assert_int_equal(recv(fd, ours, sizeof ours, MSG_WAITALL), sizeof ours);
    struct timeval patience = {.tv_usec = 200000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    for (;; answers++) {
        assert_int_equal(gate_scene_receive(scene, &message, 1), 0); /* also sends what waits */
        if (recv(fd, &size, sizeof size, MSG_WAITALL) != sizeof size)
            break;
        assert_int_equal(be64toh(size), UNREAD_SIZE + 4);
        assert_int_equal(recv(fd, chunk, 4, MSG_WAITALL), 4);
        for (size_t got = 0; got < UNREAD_SIZE;) {
            ssize_t more = recv(fd, chunk, UNREAD_SIZE - got, MSG_DONTWAIT);
            assert_true(more != 0);
            got += more > 0 ? (size_t)more : 0;
            assert_int_equal(gate_scene_take(scene, &message), 0);
        }
    }
    assert_in_range(answers, GATE_UNREAD_MAX / UNREAD_SIZE, UNREAD_ANSWERS - 1);
    close(fd);
    free(big);
    free(chunk);
}

/* A peer that sends recordings is answered, but the answers that it does not read are bounded. */
static void unadmitted_peers_have_few_unread_answers(void **context)
{
    enum { PEERS = 12 };
    struct gate_scene *scene = *context;
    struct aq_buffer words = {0};
    struct hub_frame message;
    char *big = aq_calloc(1, UNREAD_SIZE);
    int fds[PEERS];
    aq_buffer_add(&words, raw_peer_greeting, RAW_PEER_GREETING);
    frame(&words, 1, "asks");
    struct mallinfo2 before = mallinfo2();
    for (int i = 0; i < PEERS; i++) {
        fds[i] = connect_peer(scene);
        gate_scene_say(fds[i], words.data, words.length);
        gate_scene_expect(scene, &message, "asks");
        for (int k = 0; k < UNREAD_ANSWERS / 10; k++)
            gate_scene_answer(scene, message.peer, "\x80\0\0\1", 4, big, UNREAD_SIZE);
    }
    struct mallinfo2 after = mallinfo2();
    assert_true(after.uordblks + after.hblkhd <
                before.uordblks + before.hblkhd + GATE_UNADMITTED_BYTES + 2 * (size_t)GATE_UNREAD_MAX);
    for (int i = 0; i < PEERS; i++)
        close(fds[i]);
    free(big);
    aq_buffer_free(&words);
}

/* Reads `length` bytes while the gate sends. */
static void read_all(const struct gate_scene *scene, int fd, char *out, size_t length)
{
    struct hub_frame message;
    for (size_t got = 0; got < length;) {
        ssize_t more = recv(fd, out + got, length - got, MSG_DONTWAIT);
        assert_true(more > 0 || (more < 0 && errno == EAGAIN));
        got += more > 0 ? (size_t)more : 0;
        assert_int_equal(gate_scene_take(scene, &message), 0);
    }
}

/* The gate's descriptor of a connection; it is in this process too. */
static int other_end(int fd)
{
    struct sockaddr_in ours, peer;
    socklen_t size = sizeof ours;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&ours, &size), 0);
    for (int other = 0; other < 1024; other++) {
        size = sizeof peer;
        if (getpeername(other, (struct sockaddr *)&peer, &size) == 0 && peer.sin_family == AF_INET &&
            peer.sin_port == ours.sin_port)
            return other;
    }
    fail_msg("the gate has no such connection");
    return -1;
}

/* By default, the system takes twelve minutes to notice that a peer has vanished. Until then, its slot is taken. */
static void a_peer_that_vanished_is_noticed_in_time(void **context)
{
    struct gate_scene *scene = *context;
    struct hub_frame message;
    int fd = connect_peer(scene), on = 0, idle_s = 0, probe_s = 0, dead_ms = 0;
    socklen_t size = sizeof on;
    assert_int_equal(gate_scene_receive(scene, &message, QUIET_MS), 0);
    int other = other_end(fd);
    assert_int_equal(getsockopt(other, SOL_SOCKET, SO_KEEPALIVE, &on, &size), 0);
    assert_int_equal(getsockopt(other, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, &size), 0);
    assert_int_equal(getsockopt(other, IPPROTO_TCP, TCP_KEEPINTVL, &probe_s, &size), 0);
    assert_int_equal(getsockopt(other, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, &size), 0);
    assert_true(on);
    assert_in_range(dead_ms, 1, 60000);
    assert_in_range(idle_s + probe_s, 1, 90);
    close(fd);
}

/* Some answers always wait, but the peer reads all of them: more in total than the gate may hold. */
static void a_slow_reader_loses_nothing(void **context)
{
    struct gate_scene *scene = *context;
    struct hub_frame message;
    const size_t whole = 8 + 4 + SLOW_SIZE;
    const int small = 32 << 10; /* so that the gate must hold the answers */
    char *big = aq_calloc(1, SLOW_SIZE), *got = aq_malloc(whole);
    int fd = connect_and_ask(scene, &message);
    uint64_t from = message.peer;
    assert_int_equal(setsockopt(other_end(fd), SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    read_all(scene, fd, got, RAW_PEER_GREETING);
    for (unsigned sent = 0, seen = 0; seen < GATE_BYTES_MAX / SLOW_SIZE * 2; seen++) {
        for (; sent < seen + SLOW_BEHIND; sent++) {
            memcpy(big, &sent, sizeof sent);
            gate_scene_answer(scene, from, "\x80\0\0\1", 4, big, SLOW_SIZE);
        }
        read_all(scene, fd, got, whole);
        assert_memory_equal(got + 12, &seen, sizeof seen);
    }
    close(fd);
    free(big);
    free(got);
}

/* The peer reads, but never everything that waits. */
static void a_slow_reader_costs_no_more_than_what_waits(void **context)
{
    struct gate_scene *scene = *context;
    struct hub_frame message;
    char *big = aq_calloc(1, UNREAD_SIZE);
    int fd = connect_and_ask(scene, &message);
    uint64_t from = message.peer;
    for (int i = 0; i < UNREAD_ANSWERS; i++) /* until no more are held */
        gate_scene_answer(scene, from, "\x80\0\0\1", 4, big, UNREAD_SIZE);
    struct mallinfo2 before = mallinfo2();
    for (int i = 0; i < UNREAD_ANSWERS; i++) {
        assert_true(recv(fd, big, UNREAD_SIZE, MSG_WAITALL) == UNREAD_SIZE);
        assert_int_equal(gate_scene_receive(scene, &message, 0), 0); /* sends what waits */
        memset(big, 0, UNREAD_SIZE);
        gate_scene_answer(scene, from, "\x80\0\0\1", 4, big, UNREAD_SIZE);
    }
    struct mallinfo2 after = mallinfo2();
    assert_true(after.uordblks + after.hblkhd < before.uordblks + before.hblkhd + 3 * (size_t)GATE_UNREAD_MAX);
    close(fd);
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(messages_arrive_in_any_pieces, setup, gate_scene_tear_down),
        cmocka_unit_test_setup_teardown(an_answer_carries_the_stack_back, setup, gate_scene_tear_down),
        cmocka_unit_test_setup_teardown(a_peer_with_another_protocol_is_dropped, setup, gate_scene_tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_read_after_a_message_that_does_not_open, setup,
                                        gate_scene_tear_down),
        cmocka_unit_test_setup_teardown(few_messages_are_read_before_one_is_an_agents, setup, gate_scene_tear_down),
        cmocka_unit_test_setup_teardown(the_oldest_unadmitted_peer_makes_room, setup, gate_scene_tear_down),
        cmocka_unit_test_setup_teardown(an_unadmitted_peer_has_its_time, setup, gate_scene_tear_down),
        cmocka_unit_test_setup_teardown(unread_answers_are_bounded_and_whole, setup, gate_scene_tear_down),
        cmocka_unit_test_setup_teardown(unadmitted_peers_have_few_unread_answers, setup, gate_scene_tear_down),
        cmocka_unit_test_setup_teardown(a_slow_reader_costs_no_more_than_what_waits, setup, gate_scene_tear_down),
        cmocka_unit_test_setup_teardown(a_peer_that_vanished_is_noticed_in_time, setup, gate_scene_tear_down),
        cmocka_unit_test_setup_teardown(a_slow_reader_loses_nothing, setup, gate_scene_tear_down),
    };
    return cmocka_run_group_tests_name("hub: the gate", tests, NULL, NULL);
}
