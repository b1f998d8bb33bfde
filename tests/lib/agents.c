#include "tests/lib/agents.h"
#include "controller/settings/settings.h"
#include "schema/wire/messages.h"

#include "schema/wire/join.h"
#include "schema/wire/key_file.h"

#include <fcntl.h>
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <poll.h>

/* The header that nanomsg wants before a question, with the question's number as its last route. */
struct agents_header {
    struct nn_cmsghdr head;
    size_t length;
    unsigned char number[4];
};

static void connect_sockets(struct agents_fleet *fleet, const struct controller *cluster)
{
    char url[64];
    const int size = AQ_WIRE_MESSAGE_MAX, buffer = 4 << 20, send_ms = 20000;
    snprintf(url, sizeof url, "tcp://127.0.0.1:%u", cluster->hub_port);
    for (int i = 0; i < AGENTS_SOCKETS; i++) {
        size_t length = sizeof fleet->fds[i];
        fleet->sockets[i] = nn_socket(AF_SP_RAW, NN_REQ);
        BENCH_MUST(fleet->sockets[i] >= 0);
        nn_setsockopt(fleet->sockets[i], NN_SOL_SOCKET, NN_RCVMAXSIZE, &size, sizeof size);
        nn_setsockopt(fleet->sockets[i], NN_SOL_SOCKET, NN_RCVBUF, &buffer, sizeof buffer);
        nn_setsockopt(fleet->sockets[i], NN_SOL_SOCKET, NN_SNDBUF, &buffer, sizeof buffer);
        nn_setsockopt(fleet->sockets[i], NN_SOL_SOCKET, NN_SNDTIMEO, &send_ms, sizeof send_ms);
        BENCH_MUST(nn_connect(fleet->sockets[i], url) >= 0);
        BENCH_MUST(nn_getsockopt(fleet->sockets[i], NN_SOL_SOCKET, NN_RCVFD, &fleet->fds[i], &length) == 0);
    }
}

void agents_open(struct agents_fleet *fleet, const struct controller *cluster, unsigned count,
                 const struct aq_amounts *capacity)
{
    struct aq_error error;
    struct aq_noise_pair hub;
    char path[BENCH_PATH_SIZE + 16];
    *fleet = (struct agents_fleet){.count = count, .capacity = *capacity, .beat_s = 1};
    snprintf(path, sizeof path, "%s/" AQ_FILE_HUB_KEY, cluster->directory);
    BENCH_MUST(aq_key_file_load(&hub, AT_FDCWD, path, &error) == 0);
    memcpy(fleet->hub, hub.public, sizeof fleet->hub);
    cluster_join_secret(cluster, fleet->secret);
    connect_sockets(fleet, cluster);
    fleet->agents = aq_calloc(count, sizeof *fleet->agents);
    for (unsigned i = 0; i < count; i++) {
        struct bench_agent *agent = &fleet->agents[i];
        snprintf(agent->name, AGENTS_NAME_SIZE, "bench-%05u", i + 1);
        agent->session = i + 1;
        agent->end.identity.knows_hub = true;
        memcpy(agent->end.identity.hub, fleet->hub, sizeof fleet->hub);
        test_node_pair(&agent->end.identity.own, agent->name);
    }
}

static void close_sockets(struct agents_fleet *fleet)
{
    for (int i = 0; i < AGENTS_SOCKETS; i++)
        nn_close(fleet->sockets[i]);
}

void agents_reconnect(struct agents_fleet *fleet, const struct controller *cluster)
{
    close_sockets(fleet);
    connect_sockets(fleet, cluster);
}

void agents_close(struct agents_fleet *fleet)
{
    close_sockets(fleet);
    for (unsigned i = 0; i < fleet->count; i++) {
        test_end_free(&fleet->agents[i].end);
        free(fleet->agents[i].joining);
    }
    free(fleet->agents);
    aq_arena_free(&fleet->arena);
    aq_buffer_free(&fleet->sealed);
}

/* ---- asking -------------------------------------------------------------------------------------------- */

/* The number of a question: its agent, and whether it is a POLL, which may wait while others are answered. */
enum { POLL_BIT = 1 << 20, WHICH_MASK = POLL_BIT - 1, BEATS_A_SAMPLE = 5 };

static void agents_send(struct agents_fleet *fleet, unsigned which, bool poll)
{
    uint32_t number = 0x80000000U | which | (poll ? POLL_BIT : 0);
    struct agents_header header = {
        .head = {.cmsg_len = NN_CMSG_LEN(sizeof(size_t) + 4), .cmsg_level = PROTO_SP, .cmsg_type = SP_HDR},
        .length = 4};
    for (int i = 0; i < 4; i++)
        header.number[i] = (unsigned char)(number >> (24 - 8 * i));
    struct nn_iovec vector = {fleet->sealed.data, fleet->sealed.length};
    struct nn_msghdr head = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &header, .msg_controllen = sizeof header};
    int sent = nn_sendmsg(fleet->sockets[which % AGENTS_SOCKETS], &head, 0);
    if (sent < 0)
        BENCH_DIE("nanomsg: %s", nn_strerror(nn_errno()));
}

static void agents_ask(struct agents_fleet *fleet, unsigned which, enum aq_message_type type, const void *message)
{
    struct bench_agent *agent = &fleet->agents[which];
    test_end_seal(&agent->end, type, message, &fleet->sealed);
    *(type == AQ_MSG_POLL ? &agent->polled : &agent->talked) = agent->end.asked;
    agents_send(fleet, which, type == AQ_MSG_POLL);
}

static void agents_enrol(struct agents_fleet *fleet, unsigned which)
{
    struct bench_agent *agent = &fleet->agents[which];
    free(agent->joining);
    agent->joining = aq_malloc(sizeof *agent->joining);
    aq_buffer_reset(&fleet->sealed);
    aq_join_begin(agent->joining, &agent->end.identity.own, &fleet->sealed);
    agents_send(fleet, which, false);
}

static void agents_begin(struct agents_fleet *fleet, unsigned which)
{
    test_end_begin(&fleet->agents[which].end, &fleet->sealed);
    agents_send(fleet, which, false);
}

static void agents_hello(struct agents_fleet *fleet, unsigned which)
{
    static const char *drivers[] = {"test"};
    static const char *identifiers[] = {"os:linux", "arch:x86_64", "site:bench"};
    const struct bench_agent *agent = &fleet->agents[which];
    struct aq_hello hello = {.name = agent->name,
                             .instance = which + 1,
                             .session = agent->session,
                             .address = "127.0.0.1",
                             .agent_version = "bench",
                             .drivers = {drivers, AQ_LENGTH(drivers)},
                             .identifiers = {identifiers, AQ_LENGTH(identifiers)},
                             .capacity = fleet->capacity,
                             .process = agent->session,
                             .home = which + 1};
    agents_ask(fleet, which, AQ_MSG_HELLO, &hello);
}

static void agents_poll(struct agents_fleet *fleet, unsigned which)
{
    const struct bench_agent *agent = &fleet->agents[which];
    if (agent->silent)
        return;
    struct aq_poll poll = {.name = agent->name, .session = agent->session, .seen = agent->seen};
    agents_ask(fleet, which, AQ_MSG_POLL, &poll);
}

static void agents_beat(struct agents_fleet *fleet, unsigned which)
{
    struct bench_agent *agent = &fleet->agents[which];
    struct aq_beat beat = {.name = agent->name,
                           .session = agent->session,
                           .load_milli = 250,
                           .memory_available = 4096,
                           .workloads = 1,
                           .number = ++agent->last_beat};
    struct aq_sample sample = {.at_ms = (uint64_t)(agent->beat_at * 1e3),
                               .cpu_us = aq_some(agent->last_beat * 100000),
                               .memory = aq_some(UINT64_C(1) << 33),
                               .read = aq_some(agent->last_beat * 4096),
                               .written = aq_some(agent->last_beat * 4096),
                               .received = aq_some(agent->last_beat * 1000),
                               .sent = aq_some(agent->last_beat * 1000)};
    if (fleet->samples && agent->last_beat % BEATS_A_SAMPLE == 0)
        beat.samples = (struct aq_list){&sample, 1};
    agents_ask(fleet, which, AQ_MSG_BEAT, &beat);
    fleet->beats++;
}

/* ---- answers ------------------------------------------------------------------------------------------- */

/* Does all work at once, and reports it. */
static void agents_do(struct agents_fleet *fleet, unsigned which, const struct aq_work *work)
{
    struct bench_agent *agent = &fleet->agents[which];
    struct aq_happening happenings[AGENTS_REPORTED_MAX];
    struct aq_report report = {.name = agent->name, .session = agent->session, .happenings = {.items = happenings}};
    for (uint32_t i = 0; i < work->assignments.count && i < AGENTS_REPORTED_MAX; i++) {
        const struct aq_assignment *assignment = AQ_ITEM(work->assignments, struct aq_assignment, i);
        bool start = assignment->want == AQ_WANT_RUNNING;
        happenings[report.happenings.count++] = (struct aq_happening){
            .resource = assignment->resource,
            .what = start ? AQ_HAPPENED_STARTED : AQ_HAPPENED_ENDED,
            .identifier = start ? "bench" : "",
            .ip_addr = "",
            .hw_addr = "",
            .reason = "",
        };
        *(start ? &fleet->started : &fleet->ended) += 1;
    }
    agent->seen = work->delivery;
    if (report.happenings.count > 0) {
        report.number = ++agent->last_report;
        agents_ask(fleet, which, AQ_MSG_REPORT, &report);
    }
    agents_poll(fleet, which);
}

static void agents_take(struct agents_fleet *fleet, unsigned which, enum aq_message_type type, const void *message)
{
    struct bench_agent *agent = &fleet->agents[which];
    const struct aq_refused *refused = message;
    if (type == AQ_MSG_WELCOME && !agent->welcome) {
        agent->welcome = true;
        fleet->welcome++;
        if (fleet->works)
            agents_poll(fleet, which);
    } else if (type == AQ_MSG_WORK && !agent->silent) {
        agents_do(fleet, which, message);
    } else if (type == AQ_MSG_REFUSED && fleet->refused++ == 0) {
        bench_say("an agent was refused: %s", refused->message);
    }
}

/* The secret is said, and the answer is left to come: the agent's key is known when it does. */
static void agents_say_secret(struct agents_fleet *fleet, unsigned which, const struct aq_frame *frame)
{
    struct bench_agent *agent = &fleet->agents[which];
    AQ_CLEANUP_BUFFER struct aq_buffer proof = {0};
    const struct aq_enrol enrol = {.name = agent->name, .instance = which + 1, .secret = fleet->secret};
    BENCH_MUST(aq_noise_read(agent->joining, frame->data, frame->length, &proof));
    aq_buffer_reset(&fleet->sealed);
    BENCH_MUST(aq_join_enrol(agent->joining, frame->session, &enrol, &agent->end.session, &fleet->sealed));
    agents_send(fleet, which, false);
}

static void agents_take_sealed(struct agents_fleet *fleet, unsigned which, bool poll, const void *body, size_t length)
{
    struct bench_agent *agent = &fleet->agents[which];
    enum aq_message_type type;
    void *message;
    const uint64_t asked = !agent->enrolled ? 0 : poll ? agent->polled : agent->talked;
    aq_arena_reset(&fleet->arena);
    if (!test_end_open(&agent->end, asked, body, length, &type, &message, &fleet->arena))
        return; /* of a question that was asked again */
    if (agent->enrolled) {
        agents_take(fleet, which, type, message);
        return;
    }
    if (type == AQ_MSG_REFUSED)
        BENCH_DIE("an agent did not enrol: %s", ((const struct aq_refused *)message)->message);
    free(agent->joining);
    agent->joining = NULL;
    agent->enrolled = true;
    fleet->enrolled++;
}

static void agents_take_frame(struct agents_fleet *fleet, unsigned number, const void *body, size_t length)
{
    const unsigned which = number & WHICH_MASK;
    struct aq_frame frame;
    BENCH_MUST(which < fleet->count && aq_frame_read(&frame, body, length));
    if (frame.kind == AQ_FRAME_PROOF) {
        agents_say_secret(fleet, which, &frame);
    } else if (frame.kind == AQ_FRAME_BEGUN) {
        if (test_end_take(&fleet->agents[which].end, body, length)) /* else it has begun again meanwhile */
            agents_hello(fleet, which);
    } else if (frame.kind == AQ_FRAME_UNKNOWN && !fleet->agents[which].enrolled) {
        agents_enrol(fleet, which); /* too many joined at the same time */
    } else if (frame.kind == AQ_FRAME_SEALED) {
        agents_take_sealed(fleet, which, (number & POLL_BIT) != 0, body, length);
    } else if (frame.kind == AQ_FRAME_DENIED) {
        BENCH_DIE("an agent was denied: %d", (int)frame.denial);
    }
}

/* Handles one answer; false: there is none. */
static bool agents_receive(struct agents_fleet *fleet, int socket)
{
    void *body = NULL;
    struct agents_header header = {.length = 0};
    struct nn_iovec vector = {&body, NN_MSG};
    struct nn_msghdr head = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &header, .msg_controllen = sizeof header};
    int length = nn_recvmsg(socket, &head, NN_DONTWAIT);
    if (length < 0)
        return false;
    uint32_t number = 0;
    for (int i = 0; i < 4; i++)
        number = number << 8 | header.number[i];
    agents_take_frame(fleet, number & 0x7FFFFFFFU, body, (size_t)length);
    nn_freemsg(body);
    return true;
}

/* Waits up to `wait_ms` for answers, and handles those that came. */
static void agents_turn(struct agents_fleet *fleet, int wait_ms)
{
    struct pollfd fds[AGENTS_SOCKETS];
    for (int i = 0; i < AGENTS_SOCKETS; i++)
        fds[i] = (struct pollfd){.fd = fleet->fds[i], .events = POLLIN};
    if (poll(fds, AGENTS_SOCKETS, wait_ms) <= 0)
        return;
    for (int i = 0; i < AGENTS_SOCKETS; i++)
        for (int taken = 0; taken < AGENTS_WINDOW && agents_receive(fleet, fleet->sockets[i]); taken++)
            ;
}

static void agents_check(const struct agents_fleet *fleet, double until)
{
    if (bench_now() > until || fleet->refused > 0)
        BENCH_DIE("only %u of %u agents enrolled, and %u are welcome", fleet->enrolled, fleet->count, fleet->welcome);
}

static unsigned window_of(unsigned done)
{
    return done < AGENTS_FIRST_WINDOW ? AGENTS_FIRST_WINDOW : AGENTS_WINDOW;
}

/* Nothing came for a while: a connection may be lost, with its questions. */
static void agents_begin_again(struct agents_fleet *fleet, unsigned asked)
{
    for (unsigned i = 0; i < asked; i++)
        if (!fleet->agents[i].welcome)
            agents_begin(fleet, i);
}

void agents_return(struct agents_fleet *fleet)
{
    unsigned asked = 0;
    const double until = bench_now() + AGENTS_JOIN_S;
    fleet->welcome = 0;
    for (unsigned i = 0; i < fleet->count; i++)
        fleet->agents[i].welcome = false;
    double progress = bench_now();
    while (fleet->welcome < fleet->count) {
        const unsigned before = fleet->welcome;
        for (; asked < fleet->count && asked < fleet->welcome + window_of(fleet->welcome); asked++)
            agents_begin(fleet, asked);
        agents_turn(fleet, AGENTS_AGAIN_MS);
        const bool stuck = fleet->welcome == before && bench_now() > progress + AGENTS_AGAIN_MS / 1e3;
        if (stuck)
            agents_begin_again(fleet, asked);
        if (stuck || fleet->welcome > before)
            progress = bench_now();
        agents_check(fleet, until);
    }
    for (unsigned i = 0; i < fleet->count; i++) /* spread evenly over one beat */
        fleet->agents[i].beat_at = bench_now() + fleet->beat_s * i / fleet->count;
}

void agents_join(struct agents_fleet *fleet)
{
    unsigned asked = 0;
    const double until = bench_now() + AGENTS_JOIN_S;
    while (fleet->enrolled < fleet->count) {
        for (; asked < fleet->count && asked < fleet->enrolled + window_of(fleet->enrolled) / 4; asked++)
            agents_enrol(fleet, asked);
        agents_turn(fleet, 1000);
        agents_check(fleet, until);
    }
    agents_return(fleet);
}

void agents_run(struct agents_fleet *fleet, double seconds)
{
    double until = bench_now() + seconds;
    for (double now; (now = bench_now()) < until;) {
        for (unsigned i = 0; i < fleet->count; i++) {
            struct bench_agent *agent = &fleet->agents[i];
            if (agent->silent || now < agent->beat_at)
                continue;
            agents_beat(fleet, i);
            agent->beat_at += fleet->beat_s;
        }
        agents_turn(fleet, 5);
    }
}
