/* The agents' port under floods of unknown peers, and an agent that lies. Other agents must be served as fast as
 * before, and messages without authority must have no effect. */
#include "controller/settings/settings.h"
#include "tests/lib/abuse.h"
#include "tests/lib/chance.h"
#include "tests/lib/enrol.h"
#include "tests/lib/raw_peer.h"

#include <endian.h>
#include <math.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

enum {
    FLOOD = 4000,
    FLOODERS = 4,
    HANDSHAKE_FLOOD = 4000, /* connections, */
    HANDSHAKES = 30,        /* and handshakes on each */
    SILENT = 12000,
    CLAIMS = 1500,
    SEALED = 2000,
    SEALED_AGENTS = 16, /* that send them: one may not begin so many sessions in that time */
    BEATS = 1500,
    STRANGERS_MAX = 1024,
    SPARE_FDS = 4,
    MEMORY_MIB_MAX = 32
};

static char secret[AQ_JOIN_SECRET_SIZE]; /* of a join token */

/* ---- a well-behaved agent ---------------------------------------------------------------------------------------- */

struct decent {
    struct raw_peer peer;
    struct bench_rounds times[2]; /* [0] undisturbed, [1] under attack; median of a heartbeat in µs */
};

/* Connects, and begins a session as the agent of this node, which enrols if it has not. */
static bool connect_as(struct raw_peer *peer, const char *name)
{
    struct aq_identity identity;
    test_node_identity(&identity, name, abuse_cluster.directory);
    if (raw_peer_open(peer, abuse_cluster.hub_port) && raw_peer_begin(peer, &identity))
        return true;
    raw_peer_close(peer);
    if (raw_peer_open(peer, abuse_cluster.hub_port) && raw_peer_enrol(peer, name, secret) &&
        raw_peer_begin(peer, &identity))
        return true;
    raw_peer_close(peer);
    return false;
}

static void decent_open(struct decent *decent)
{
    struct aq_hello hello = raw_peer_hello("decent", 1, 11);
    *decent = (struct decent){0};
    BENCH_MUST(connect_as(&decent->peer, "decent"));
    abuse_check(raw_peer_expect(&decent->peer, AQ_MSG_HELLO, &hello, AQ_MSG_WELCOME), "an agent is accepted");
}

static bool decent_beat(struct decent *decent)
{
    struct aq_beat beat = {.name = "decent", .session = 11, .load_milli = 1};
    return raw_peer_expect(&decent->peer, AQ_MSG_BEAT, &beat, AQ_MSG_NOTED);
}

static void decent_round(struct decent *decent, bool disturbed, const char *what)
{
    static double times[BEATS];
    int answered = 0;
    for (int i = 0; i < BEATS; i++) {
        double begun = bench_now();
        answered += decent_beat(decent);
        times[i] = (bench_now() - begun) * 1e6;
    }
    abuse_check(answered == BEATS, "%s: each heartbeat is answered", what);
    bench_round(&decent->times[disturbed], bench_quantile(times, BEATS, 0.5));
}

static double decent_slower(const struct decent *decent)
{
    return bench_median(&decent->times[1]) / bench_median(&decent->times[0]);
}

/* `idle`: the attack uses no processor time. A flood does, and slows everything on the machine. */
static void decent_judge(struct decent *decent, const char *what, bool idle)
{
    double alone = bench_median(&decent->times[0]), disturbed = bench_median(&decent->times[1]);
    bench_say("%s: a heartbeat takes %.0f instead of %.0f us (%+.1f %%)", what, disturbed, alone,
              (disturbed / alone - 1) * 100);
    if (idle)
        abuse_check(decent_slower(decent) <= abuse_slower_most, "%s: other agents are hardly slower", what);
    decent->times[0].count = decent->times[1].count = 0;
}

/* ---- unknown peers --------------------------------------------------------------------------------------------- */

static void put(struct aq_buffer *words, const void *bytes, size_t length)
{
    aq_buffer_add(words, bytes, length);
}

static void put_noise(struct aq_buffer *words, size_t length)
{
    for (size_t i = 0; i < length; i++)
        aq_buffer_char(words, (char)draw(256));
}

/* Writes what one of them sends. */
static void misbehave(struct aq_buffer *words)
{
    uint64_t size = htobe64(1ULL << (10 + draw(53)));
    const char other[] = {0, 'S', 'P', 0, 0, (char)draw(256), 0, 0};
    aq_buffer_reset(words);
    switch (draw(8)) {
    case 0:
        put_noise(words, 1 + draw(5000));
        break;
    case 1: /* part of the greeting */
        put(words, raw_peer_greeting, 1 + draw(7));
        break;
    case 2: /* noise instead of a message */
        put(words, raw_peer_greeting, RAW_PEER_GREETING);
        put_noise(words, 1 + draw(200));
        break;
    case 3:
        aq_buffer_text(words, "GET http://x/ HTTP/1.0\r\nUser-Agent: none\r\n\r\n");
        break;
    case 4: /* a length that is not allowed, or that is not sent */
        put(words, raw_peer_greeting, RAW_PEER_GREETING);
        put(words, &size, sizeof size);
        put_noise(words, draw(1000));
        break;
    case 5: /* another protocol */
        put(words, other, sizeof other);
        break;
    case 6: { /* an endless stack of numbers */
        const uint64_t long_stack = htobe64(4000);
        put(words, raw_peer_greeting, RAW_PEER_GREETING);
        put(words, &long_stack, sizeof long_stack);
        for (int i = 0; i < 4000; i++)
            aq_buffer_char(words, 1);
        break;
    }
    default: /* sends nothing */
        break;
    }
}

/* Connects, sends, perhaps receives, and closes or resets the connection, again and again. */
static void flood(uint64_t seed, int count)
{
    struct aq_buffer words = {0};
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};
    char answer[64];
    draw_from(seed);
    for (int i = 0; i < count; i++) {
        int fd = abuse_connect(abuse_cluster.hub_port, 2 + (unsigned)draw(8));
        if (fd < 0)
            continue;
        misbehave(&words);
        if (words.length > 0 && send(fd, words.data, words.length, MSG_NOSIGNAL) > 0 && draw(4) == 0)
            (void)!recv(fd, answer, sizeof answer, MSG_DONTWAIT);
        if (draw(2) == 0)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
        close(fd);
    }
    aq_buffer_free(&words);
}

static void flood_port(struct decent *decent)
{
    pid_t pids[FLOODERS];
    int before = abuse_fds(), left = FLOODERS;
    uint32_t seed = (uint32_t)time(NULL);
    bench_say("flood with seed %u", seed);
    decent_round(decent, false, "before the flood");
    for (int i = 0; i < FLOODERS; i++) {
        pids[i] = fork();
        BENCH_MUST(pids[i] >= 0);
        if (pids[i] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            flood(seed + (uint32_t)i, FLOOD / FLOODERS);
            _exit(0);
        }
    }
    decent_round(decent, true, "noise, half greetings and false lengths");
    for (int i = 0; i < FLOODERS; i++)
        left -= waitpid(pids[i], NULL, 0) == pids[i];
    abuse_check(left == 0 && decent_beat(decent), "the agent is served after a flood of %d peers", FLOOD);
    decent_judge(decent, "noise, half greetings and false lengths", false);
    abuse_check(abuse_fds_within(before + SPARE_FDS, 10), "the descriptors of the flood are released");
}

/* Sends a recorded handshake of the agent, as often as it is read, on one connection after the other. */
static void send_recordings(const struct aq_buffer *recorded)
{
    for (int i = 0; i < HANDSHAKE_FLOOD / FLOODERS; i++) {
        struct raw_peer peer;
        bool open = raw_peer_open(&peer, abuse_cluster.hub_port);
        for (int k = 0; open && k < HANDSHAKES; k++)
            open = raw_peer_send(&peer, recorded->data, recorded->length);
        raw_peer_close(&peer);
    }
}

/* A handshake costs the hub far more than whoever repeats it: so those that come to nothing have a budget. */
static void flood_handshakes(struct decent *decent)
{
    AQ_CLEANUP_BUFFER struct aq_buffer recorded = {0};
    struct test_end end = {0};
    pid_t pids[FLOODERS];
    int left = FLOODERS;
    test_node_identity(&end.identity, "decent", abuse_cluster.directory);
    test_end_begin(&end, &recorded);
    decent_round(decent, false, "before recorded handshakes");
    for (int i = 0; i < FLOODERS; i++) {
        pids[i] = fork();
        BENCH_MUST(pids[i] >= 0);
        if (pids[i] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            send_recordings(&recorded);
            _exit(0);
        }
    }
    decent_round(decent, true, "recorded handshakes");
    for (int i = 0; i < FLOODERS; i++)
        left -= waitpid(pids[i], NULL, 0) == pids[i];
    abuse_check(left == 0 && decent_beat(decent),
                "the agent keeps its session while its handshake is repeated %d times", HANDSHAKE_FLOOD * HANDSHAKES);
    decent_judge(decent, "recorded handshakes", false);
}

static void idle_crowd(struct decent *decent, const char *what, const void *words, size_t length, size_t count)
{
    struct crowd crowd;
    int before = abuse_fds(), most = 0;
    double memory = abuse_memory_mib(), peak = memory;
    for (int i = 0; i == 0 || abuse_needs_round(i, decent_slower(decent)); i++) {
        decent_round(decent, false, what);
        crowd_connect(&crowd, abuse_cluster.hub_port, count, words, length);
        usleep(50000); /* until everything sent has arrived */
        decent_round(decent, true, what);
        int now = abuse_fds();
        most = now > most ? now : most;
        peak = fmax(peak, abuse_memory_mib());
        crowd_leave(&crowd, i % 2 == 1);
    }
    decent_judge(decent, what, true);
    bench_say("%s: at most %d descriptors, %+.1f MiB", what, most, peak - memory);
    abuse_check(most <= before + STRANGERS_MAX + SPARE_FDS, "%s: the number of unknown peers is bounded", what);
    abuse_check(peak < memory + MEMORY_MIB_MAX, "%s: memory is bounded", what);
    abuse_check(abuse_fds_within(before + SPARE_FDS, 10), "%s: descriptors are released", what);
}

/* Idle peers are dropped after five seconds; an agent can join before that. */
static void idle_peers(struct decent *decent)
{
    struct crowd crowd;
    struct raw_peer late;
    int before = abuse_fds();
    crowd_connect(&crowd, abuse_cluster.hub_port, STRANGERS_MAX, raw_peer_greeting, RAW_PEER_GREETING);
    struct aq_hello hello = raw_peer_hello("late", 2, 12);
    abuse_check(connect_as(&late, "late") && raw_peer_expect(&late, AQ_MSG_HELLO, &hello, AQ_MSG_WELCOME),
                "an agent joins while unknown peers hold all slots they can get");
    abuse_check(abuse_fds_within(before + 1 + SPARE_FDS, 12), "idle unknown peers are dropped");
    abuse_check(decent_beat(decent), "agents are not dropped");
    crowd_leave(&crowd, false);
    raw_peer_close(&late);
}

/* ---- the right key, and invalid messages ------------------------------------------------------------------------ */

static void sealed_nonsense(struct decent *decent)
{
    static const unsigned char gigabytes[] = {1, AQ_MSG_HELLO, 0xdd, 0xff, 0xff, 0xff, 0xff},
                               text[] = {1, AQ_MSG_BEAT, 0xdb, 0xff, 0xff, 0xff, 0xff},
                               map[] = {1, AQ_MSG_REPORT, 0xdf, 0xff, 0xff, 0xff, 0xff},
                               list[] = {1, AQ_MSG_REPORT, 0x95, 0xa3, 'o',  'n', 'e', 1,
                                         1, 0xdd,          0x00, 0x00, 0x27, 0x10};
    static const struct {
        const unsigned char *bytes;
        size_t length;
    } claims[] = {{gigabytes, sizeof gigabytes}, {text, sizeof text}, {map, sizeof map}, {list, sizeof list}};
    struct aq_arena arena = {0};
    unsigned char plain[512];
    double memory = abuse_memory_mib(), begun = bench_now();
    int before = abuse_fds(), connected = 0;
    draw_from(7);
    for (int i = 0; i < SEALED; i++) {
        struct raw_peer peer;
        char name[32];
        snprintf(name, sizeof name, "nonsense-%d", i % SEALED_AGENTS);
        if (!connect_as(&peer, name))
            continue;
        connected++;
        size_t claim = draw(AQ_LENGTH(claims) + 1), length = 2 + draw(sizeof plain - 2);
        for (size_t j = 0; j < length; j++)
            plain[j] = (unsigned char)draw(256);
        plain[0] = draw(8) != 0; /* the format: usually right */
        plain[1] = (unsigned char)draw(aq_message_type_count + 2);
        if (claim < AQ_LENGTH(claims))
            raw_peer_send_sealed(&peer, claims[claim].bytes, claims[claim].length);
        else
            raw_peer_send_sealed(&peer, plain, length);
        raw_peer_close(&peer);
    }
    bench_say("%d invalid sealed messages in %.1f s, memory %+.1f MiB", SEALED, bench_now() - begun,
              abuse_memory_mib() - memory);
    abuse_check(connected == SEALED, "all of them are in sessions");
    abuse_check(decent_beat(decent), "invalid sealed messages do no harm");
    abuse_check(abuse_memory_mib() < memory + MEMORY_MIB_MAX,
                "a message of five bytes that announces gigabytes gets no memory");
    abuse_check(abuse_fds_within(before + SPARE_FDS, 10), "invalid sealed messages: descriptors are released");
    aq_arena_free(&arena);
}

/* A peer that keeps asking and never reads an answer. */
static void unread_answers(struct decent *decent)
{
    struct raw_peer deaf;
    struct aq_beat beat = {.name = "decent", .session = 11};
    struct aq_buffer sealed = {0}, frames = {0};
    double memory = abuse_memory_mib();
    BENCH_MUST(connect_as(&deaf, "decent"));
    for (int i = 0; i < 300; i++) {
        aq_buffer_reset(&frames);
        for (int k = 0; k < 1000; k++) {
            test_end_seal(&deaf.end, AQ_MSG_BEAT, &beat, &sealed);
            raw_peer_frame(&frames, 0, (uint32_t)k, sealed.data, sealed.length);
        }
        if (send(deaf.fd, frames.data, frames.length, MSG_NOSIGNAL) < 0)
            break;
    }
    abuse_check(decent_beat(decent), "300,000 questions of a peer that never reads do no harm");
    bench_say("unread answers: %+.1f MiB", abuse_memory_mib() - memory);
    abuse_check(abuse_memory_mib() < memory + MEMORY_MIB_MAX, "unread answers take a bounded amount of memory");
    raw_peer_close(&deaf);
    aq_buffer_free(&sealed);
    aq_buffer_free(&frames);
}

/* ---- an agent that lies --------------------------------------------------------------------------------------- */

static uint64_t make_application(void)
{
    struct aq_buffer body = {0};
    load_ask(abuse_cluster.api_port, abuse_cluster.login, "/api/v1/application/", "{\"label\":\"bench\"}", &body);
    const char *id = strstr(aq_buffer_string(&body), "\"id\":");
    BENCH_MUST(id != NULL);
    uint64_t number = strtoull(id + 5, NULL, 10);
    aq_buffer_free(&body);
    return number;
}

static bool application_is(uint64_t id, const char *status)
{
    char path[64], word[64];
    struct aq_buffer body = {0};
    snprintf(path, sizeof path, "/api/v1/application/%llu", (unsigned long long)id);
    snprintf(word, sizeof word, "\"status\":\"%s\"", status);
    load_ask(abuse_cluster.api_port, abuse_cluster.login, path, NULL, &body);
    bool is = strstr(aq_buffer_string(&body), word) != NULL;
    aq_buffer_free(&body);
    return is;
}

static bool report(struct raw_peer *peer, const char *name, uint64_t session, uint64_t number, uint64_t resource,
                   enum aq_happened what)
{
    struct aq_happening happening = {.resource = resource,
                                     .what = what,
                                     .identifier = "abuse",
                                     .ip_addr = "",
                                     .hw_addr = "",
                                     .reason = what == AQ_HAPPENED_FAILED ? "a lie" : ""};
    struct aq_report message = {.name = name, .session = session, .number = number, .happenings = {&happening, 1}};
    return raw_peer_ask(peer, AQ_MSG_REPORT, &message) && raw_peer_receive(peer);
}

/* The honest agent starts an application; the liar reports that it failed, that it ended, that it runs on its own node.
 */
static void liar(struct decent *decent)
{
    struct raw_peer liar;
    struct aq_hello hello = raw_peer_hello("liar", 3, 13), stolen = raw_peer_hello("decent", 4, 14);
    struct aq_poll poll = {.name = "decent", .session = 11};
    uint64_t application = make_application();
    abuse_check(raw_peer_expect(&decent->peer, AQ_MSG_POLL, &poll, AQ_MSG_WORK), "the agent gets work");
    const struct aq_work *work = decent->peer.message;
    BENCH_MUST(work->assignments.count == 1);
    uint64_t resource = AQ_ITEM(work->assignments, struct aq_assignment, 0)->resource;
    abuse_check(report(&decent->peer, "decent", 11, 1, resource, AQ_HAPPENED_STARTED) &&
                    decent->peer.type == AQ_MSG_NOTED && application_is(application, "ALLOCATED"),
                "and starts it");

    BENCH_MUST(connect_as(&liar, "liar") && raw_peer_expect(&liar, AQ_MSG_HELLO, &hello, AQ_MSG_WELCOME));
    abuse_check(raw_peer_expect(&liar, AQ_MSG_HELLO, &stolen, AQ_MSG_REFUSED),
                "the name of another agent is refused: %s", raw_peer_refusal(&liar));
    abuse_check(report(&liar, "decent", 99, 2, resource, AQ_HAPPENED_ENDED) && liar.type == AQ_MSG_REFUSED,
                "the name of another agent with a guessed session is refused: %s", raw_peer_refusal(&liar));
    for (int what = 0; what < 3; what++)
        abuse_check(report(&liar, "liar", 13, (uint64_t)what + 1, resource, (enum aq_happened)what),
                    "a report about another agent's resource is answered");
    abuse_check(report(&liar, "liar", 13, 4, 123456789, AQ_HAPPENED_ENDED),
                "so is one about a resource that does not exist");
    abuse_check(application_is(application, "ALLOCATED"), "but they change nothing");
    uint64_t seq = cluster_seq(&abuse_cluster);

    for (int i = 0; i < 50; i++) /* repeated, and out of order */
        if (!report(&liar, "liar", 13, (uint64_t)(1 + i * 7 % 5), resource, AQ_HAPPENED_ENDED))
            break;
    for (int i = 0; i < 50; i++)
        if (!raw_peer_expect(&liar, AQ_MSG_HELLO, &hello, AQ_MSG_WELCOME))
            break;
    abuse_check(report(&decent->peer, "decent", 11, 1, resource, AQ_HAPPENED_STARTED) &&
                    decent->peer.type == AQ_MSG_NOTED,
                "a repeated report is acknowledged again");
    abuse_check(application_is(application, "ALLOCATED") && decent_beat(decent),
                "repeated and reordered reports change nothing");
    bench_say("50 reports and 50 hellos without news led to %llu events",
              (unsigned long long)(cluster_seq(&abuse_cluster) - seq));
    abuse_check(cluster_seq(&abuse_cluster) <= seq + 1, "and do not fill the log");
    raw_peer_close(&liar);
}

int main(int argc, char **argv)
{
    static const char *const more[] = {"--set", "hub.lost_after=3600", NULL};
    const uint64_t large = htobe64(4 << 20);
    struct decent decent;
    struct aq_buffer claim = {0};
    abuse_begin(argc, argv, more);
    cluster_make_label(&abuse_cluster);
    cluster_join_secret(&abuse_cluster, secret);
    decent_open(&decent);
    put(&claim, raw_peer_greeting, RAW_PEER_GREETING);
    put(&claim, &large, sizeof large);
    for (int i = 0; i < 60000; i++)
        aq_buffer_char(&claim, 0);
    flood_port(&decent);
    flood_handshakes(&decent);
    idle_crowd(&decent, "silent connections", NULL, 0, SILENT / (unsigned)abuse_rounds);
    idle_crowd(&decent, "greetings and silence", raw_peer_greeting, RAW_PEER_GREETING, SILENT / (unsigned)abuse_rounds);
    idle_crowd(&decent, "4 MiB announced, 60 kB sent", claim.data, claim.length, CLAIMS);
    idle_peers(&decent);
    sealed_nonsense(&decent);
    unread_answers(&decent);
    liar(&decent);
    raw_peer_close(&decent.peer);
    aq_buffer_free(&claim);
    return abuse_end();
}
