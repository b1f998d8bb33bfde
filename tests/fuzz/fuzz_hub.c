/* A real hub with a real log, under agents and a file view that send anything. Input: pieces, each of a byte for its
 * kind, a byte for the type of the message, two bytes of length, and so many bytes.
 *
 *   'a'   a message of the agent of a node: a packed record of this type, sealed
 *   'l'   the same of the file view, not sealed
 *   's'   begins a sealed session of that agent, and says HELLO; the bytes are ignored
 *   'f'   a frame for the hub
 *   'r'   sends the agents' last message again
 *   else  bytes for the agents' port, unchanged, after those sent before
 *
 * All agents of an input share one connection, which sends nanomsg's greeting unless the first piece is raw. Every
 * answer is of a kind that a hub sends; the hub keeps running. */
#include "schema/wire/body.h"
#include "tests/lib/enrol.h"
#include "tests/lib/fuzz.h"
#include "tests/lib/fuzz_cluster.h"
#include "tests/lib/raw_peer.h"

#include <arpa/inet.h>
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    PIECES_MAX = 12,
    PATIENCE_MS = 4,
    FRAME_SIZE = 12 /* the length and the number of a question */
};

static struct fuzz_cluster place;
static struct aq_identity identity; /* of the agent */
static struct sockaddr_in address;
static int view; /* a raw socket of nanomsg: a cooked one aborts when an answer is late */

/* One input's connection to the agents' port. */
struct agent {
    int fd;
    struct aq_buffer heard;
    struct aq_buffer said; /* the last frame */
    struct test_end end;
};

/* Called by LeakSanitizer: nanomsg leaks messages in flight when a socket is closed. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:nn_chunk_alloc\n";
}

/* ---- the hub ------------------------------------------------------------------------------------------------ */

static void begin(void)
{
    char url[128];
    const int wait = PATIENCE_MS, size = AQ_WIRE_MESSAGE_MAX;
    fuzz_cluster_start(&place, false);
    test_make_user(&place.cluster, "admin", AQ_ROLE_ADMIN);
    test_make_user(&place.cluster, "ann", AQ_ROLE_USER);
    test_enrol(&place.cluster, "one");
    test_node_identity(&identity, "one", place.cluster.directory);
    address =
        (struct sockaddr_in){.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)test_read_number(place.cluster.directory, AQ_FILE_HUB_PORT)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    view = nn_socket(AF_SP_RAW, NN_REQ);
    snprintf(url, sizeof url, "ipc://%s/" AQ_FILE_LOCAL_SOCKET, place.cluster.directory);
    fuzz_must(view >= 0 && nn_connect(view, url) >= 0);
    nn_setsockopt(view, NN_SOL_SOCKET, NN_RCVTIMEO, &wait, sizeof wait);
    nn_setsockopt(view, NN_SOL_SOCKET, NN_SNDTIMEO, &wait, sizeof wait);
    nn_setsockopt(view, NN_SOL_SOCKET, NN_RCVMAXSIZE, &size, sizeof size);
}

static void end(void)
{
    nn_close(view);
    fuzz_cluster_stop(&place);
}

/* ---- messages ------------------------------------------------------------------------------------------- */

static void put_body(unsigned type, const void *bytes, size_t length, struct aq_buffer *out)
{
    aq_buffer_char(out, AQ_WIRE_FORMAT);
    aq_buffer_char(out, (char)type);
    aq_buffer_add(out, bytes, length);
}

static void seal(struct agent *agent, unsigned type, const void *bytes, size_t length)
{
    struct aq_buffer plain = {0};
    put_body(type, bytes, length, &plain);
    aq_sealed_seal(&agent->end.session, NULL, plain.data, plain.length, &agent->said);
    aq_buffer_free(&plain);
}

static void check_frame(const void *bytes, size_t length)
{
    struct aq_frame frame;
    fuzz_must(aq_frame_read(&frame, bytes, length));
    fuzz_must(frame.kind == AQ_FRAME_BEGUN || frame.kind == AQ_FRAME_SEALED || frame.kind == AQ_FRAME_UNKNOWN ||
              frame.kind == AQ_FRAME_DENIED || frame.kind == AQ_FRAME_OLD || frame.kind == AQ_FRAME_PROOF);
}

static void check_answer(const void *bytes, size_t length)
{
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    enum aq_message_type type = AQ_MSG_NONE;
    void *message;
    if (aq_body_unpack(bytes, length, &type, &message, &arena, &error) != 0)
        fprintf(stderr, "the answer does not open: %s\n", error.message);
    fuzz_must(type == AQ_MSG_REFUSED || type == AQ_MSG_OUTCOME || type == AQ_MSG_NOW || type == AQ_MSG_FETCHED);
    aq_arena_free(&arena);
}

/* With a raw socket the caller supplies the header: a number, which the answer carries, too. There may be no answer,
 * because a WATCH waits, and a message that does not open is dropped. */
static void ask_view(struct aq_buffer *sealed)
{
    struct {
        struct nn_cmsghdr head;
        size_t length;
        unsigned char number[4];
    } header = {{NN_CMSG_SPACE(sizeof(size_t) + 4), PROTO_SP, SP_HDR}, 4, {0x80, 0, 0, 1}};
    struct nn_iovec vector = {sealed->data, sealed->length};
    struct nn_msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &header, .msg_controllen = sizeof header};
    void *body = NULL;
    (void)nn_sendmsg(view, &message, 0); /* fails when the hub is busy */
    int length = nn_recv(view, &body, NN_MSG, 0);
    if (length < 0)
        return;
    check_answer(body, (size_t)length);
    nn_freemsg(body);
}

static void open_agent(struct agent *agent, bool greet)
{
    struct timeval patience = {.tv_usec = PATIENCE_MS * 1000};
    struct linger hard = {.l_onoff = 1}; /* closes with a reset: no port stays in TIME_WAIT */
    *agent = (struct agent){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    fuzz_must(agent->fd >= 0 && connect(agent->fd, (const struct sockaddr *)&address, sizeof address) == 0);
    setsockopt(agent->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(agent->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    if (greet)
        (void)send(agent->fd, raw_peer_greeting, RAW_PEER_GREETING, MSG_NOSIGNAL);
}

/* Reads one answer, if there is one. */
static void hear(struct agent *agent)
{
    struct aq_buffer *heard = &agent->heard;
    char chunk[4096];
    for (;;) {
        uint64_t length = 0;
        struct fuzz_input head = {(const uint8_t *)aq_buffer_string(heard) + RAW_PEER_GREETING, sizeof length};
        if (heard->length >= RAW_PEER_GREETING + FRAME_SIZE) {
            length = fuzz_take(&head, sizeof length);
            fuzz_must(length > 4 && length <= AQ_WIRE_MESSAGE_MAX + 4);
        }
        if (length > 0 && heard->length >= RAW_PEER_GREETING + sizeof length + length) {
            size_t used = RAW_PEER_GREETING + sizeof length + (size_t)length;
            const char *frame = heard->data + RAW_PEER_GREETING + FRAME_SIZE;
            check_frame(frame, (size_t)length - 4);
            (void)test_end_take(&agent->end, frame, (size_t)length - 4);
            memmove(heard->data + RAW_PEER_GREETING, heard->data + used, heard->length - used);
            heard->length -= used - RAW_PEER_GREETING;
            return;
        }
        ssize_t got = recv(agent->fd, chunk, sizeof chunk, 0);
        if (got <= 0)
            return;
        aq_buffer_add(heard, chunk, (size_t)got);
    }
}

static void ask_agent(struct agent *agent, const struct aq_buffer *sealed)
{
    unsigned char frame[FRAME_SIZE] = {0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 1};
    uint64_t length = sealed->length + 4;
    for (int i = 0; i < 8; i++)
        frame[i] = (unsigned char)(length >> (56 - 8 * i));
    if (send(agent->fd, frame, sizeof frame, MSG_NOSIGNAL | MSG_MORE) >= 0 &&
        send(agent->fd, sealed->data, sealed->length, MSG_NOSIGNAL) >= 0)
        hear(agent);
}

static void begin_session(struct agent *agent)
{
    static const char *drivers[] = {"test"};
    struct aq_hello hello = {.name = "one",
                             .instance = 1,
                             .session = 1,
                             .address = "",
                             .agent_version = "",
                             .drivers = {drivers, 1},
                             .capacity = {.cpu = 1000, .slots = 8},
                             .process = 1,
                             .home = 1};
    agent->end.identity = identity;
    test_end_begin(&agent->end, &agent->said);
    ask_agent(agent, &agent->said);
    test_end_seal(&agent->end, AQ_MSG_HELLO, &hello, &agent->said);
    ask_agent(agent, &agent->said);
}

static void send_piece(struct agent *agent, struct fuzz_input *in)
{
    struct aq_buffer sealed = {0};
    char what = (char)fuzz_take(in, 1);
    unsigned type = (unsigned)fuzz_take(in, 1);
    size_t length = (size_t)fuzz_take(in, 2);
    length = length < in->size ? length : in->size;
    if (what == 'l') {
        put_body(type, in->data, length, &sealed);
        ask_view(&sealed);
    } else if (what == 'a') {
        seal(agent, type, in->data, length);
        ask_agent(agent, &agent->said);
    } else if (what == 'f') {
        aq_buffer_reset(&agent->said);
        aq_buffer_add(&agent->said, in->data, length);
        ask_agent(agent, &agent->said);
    } else if (what == 's') {
        begin_session(agent);
    } else if (what == 'r') {
        ask_agent(agent, &agent->said);
    } else {
        (void)send(agent->fd, in->data, length, MSG_NOSIGNAL);
    }
    in->data += length;
    in->size -= length;
    aq_buffer_free(&sealed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct agent agent;
    fuzz_cluster_next(begin, end);
    open_agent(&agent, size > 0 && strchr("alsrf", data[0]) != NULL && data[0] != 0);
    for (int i = 0; i < PIECES_MAX && in.size > 0; i++)
        send_piece(&agent, &in);
    close(agent.fd);
    aq_buffer_free(&agent.heard);
    aq_buffer_free(&agent.said);
    test_end_free(&agent.end);
    return 0;
}
