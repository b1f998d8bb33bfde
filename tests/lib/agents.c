#include "tests/lib/agents.h"
#include "controller/settings/settings.h"
#include "schema/wire/messages.h"

#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <poll.h>

/* The header that nanomsg wants before a question, with the question's number as its last route. */
struct agents_header {
    struct nn_cmsghdr head;
    size_t length;
    unsigned char number[4];
};

void agents_open(struct agents_fleet *fleet, const struct controller *cluster, unsigned count,
                 const struct aq_amounts *capacity)
{
    char path[BENCH_PATH_SIZE + 16], url[64];
    struct aq_error error;
    const int size = AQ_WIRE_MESSAGE_MAX, buffer = 4 << 20;
    *fleet = (struct agents_fleet){.count = count, .capacity = *capacity, .beat_s = 1};
    snprintf(path, sizeof path, "%s/" AQ_FILE_AGENT_KEY, cluster->directory);
    BENCH_MUST(aq_wire_key_load(&fleet->key, path, &error) == 0);
    snprintf(url, sizeof url, "tcp://127.0.0.1:%u", cluster->hub_port);
    for (int i = 0; i < AGENTS_SOCKETS; i++) {
        size_t length = sizeof fleet->fds[i];
        fleet->sockets[i] = nn_socket(AF_SP_RAW, NN_REQ);
        BENCH_MUST(fleet->sockets[i] >= 0);
        nn_setsockopt(fleet->sockets[i], NN_SOL_SOCKET, NN_RCVMAXSIZE, &size, sizeof size);
        nn_setsockopt(fleet->sockets[i], NN_SOL_SOCKET, NN_RCVBUF, &buffer, sizeof buffer);
        nn_setsockopt(fleet->sockets[i], NN_SOL_SOCKET, NN_SNDBUF, &buffer, sizeof buffer);
        BENCH_MUST(nn_connect(fleet->sockets[i], url) >= 0);
        BENCH_MUST(nn_getsockopt(fleet->sockets[i], NN_SOL_SOCKET, NN_RCVFD, &fleet->fds[i], &length) == 0);
    }
    fleet->agents = aq_calloc(count, sizeof *fleet->agents);
    for (unsigned i = 0; i < count; i++) {
        snprintf(fleet->agents[i].name, AGENTS_NAME_SIZE, "bench-%05u", i + 1);
        fleet->agents[i].session = i + 1;
    }
}

void agents_close(struct agents_fleet *fleet)
{
    for (int i = 0; i < AGENTS_SOCKETS; i++)
        nn_close(fleet->sockets[i]);
    free(fleet->agents);
    aq_arena_free(&fleet->arena);
    aq_buffer_free(&fleet->sealed);
}

/* ---- asking -------------------------------------------------------------------------------------------- */

static void agents_ask(struct agents_fleet *fleet, unsigned which, enum aq_message_type type, const void *message)
{
    uint32_t number = 0x80000000U | which;
    struct agents_header header = {
        .head = {.cmsg_len = NN_CMSG_LEN(sizeof(size_t) + 4), .cmsg_level = PROTO_SP, .cmsg_type = SP_HDR},
        .length = 4};
    for (int i = 0; i < 4; i++)
        header.number[i] = (unsigned char)(number >> (24 - 8 * i));
    aq_wire_seal(&fleet->key, type, message, &fleet->sealed);
    struct nn_iovec vector = {fleet->sealed.data, fleet->sealed.length};
    struct nn_msghdr head = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &header, .msg_controllen = sizeof header};
    int sent = nn_sendmsg(fleet->sockets[which % AGENTS_SOCKETS], &head, 0);
    if (sent < 0)
        BENCH_DIE("nanomsg: %s", nn_strerror(nn_errno()));
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
                             .asks_session = true};
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
    if (type == AQ_MSG_SESSION) {
        agent->session = ((const struct aq_session *)message)->session;
        agents_hello(fleet, which);
    } else if (type == AQ_MSG_WELCOME && !agent->welcome) {
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

/* Handles one answer; false: there is none. */
static bool agents_receive(struct agents_fleet *fleet, int socket)
{
    void *body = NULL, *message;
    struct agents_header header = {.length = 0};
    enum aq_message_type type;
    struct aq_error error;
    struct nn_iovec vector = {&body, NN_MSG};
    struct nn_msghdr head = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &header, .msg_controllen = sizeof header};
    int length = nn_recvmsg(socket, &head, NN_DONTWAIT);
    if (length < 0)
        return false;
    uint32_t which = 0;
    for (int i = 0; i < 4; i++)
        which = which << 8 | header.number[i];
    which &= 0x7FFFFFFFU;
    aq_arena_reset(&fleet->arena);
    BENCH_MUST(which < fleet->count);
    BENCH_MUST(aq_wire_open(&fleet->key, body, (size_t)length, &type, &message, &fleet->arena, &error) == 0);
    nn_freemsg(body);
    agents_take(fleet, which, type, message);
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

void agents_join(struct agents_fleet *fleet)
{
    unsigned asked = 0;
    double until = bench_now() + AGENTS_JOIN_S;
    while (fleet->welcome < fleet->count) {
        for (; asked < fleet->count && asked < fleet->welcome + AGENTS_WINDOW; asked++)
            agents_hello(fleet, asked);
        agents_turn(fleet, 1000);
        if (bench_now() > until || fleet->refused > 0)
            BENCH_DIE("only %u of %u agents joined", fleet->welcome, fleet->count);
    }
    for (unsigned i = 0; i < fleet->count; i++) /* spread evenly over one beat */
        fleet->agents[i].beat_at = bench_now() + fleet->beat_s * i / fleet->count;
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
