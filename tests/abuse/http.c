/* REST under misbehaving clients: idle connections, incomplete requests, bodies that are too large or too deep, unread
 * streams. Checks each time that the answer is clear, that other clients are as fast as before, and that the controller
 * releases all it used. */
#include "controller/settings/settings.h"
#include "tests/lib/abuse.h"
#include "tests/lib/directory.h"

#include <sys/socket.h>

enum {
    SILENT = 10000,
    HALF = 3000,
    HALF_BODIES = 200,
    HALF_BODY = 500 << 10,
    ARRIVE_US = 300000, /* until everything sent has arrived */
    BODY_MAX = 1 << 20, /* api.body_max */
    DOCUMENT_MAX = 64 << 10,
    DEPTH = 10000,
    STREAMS = 96,
    STREAM_EVENTS = 30000,
    SPARE_FDS = 8,
    MEMORY_MIB_MAX = 48
};

static const char row[] = "/api/v1/application/1";
static const char hello[] = "\x16\x03\x01\x02\x01"; /* the head of a ClientHello */

/* ---- idle_crowd ---------------------------------------------------------------------------------------------- */

/* Measures a client alone and beside many connections, in turns. */
static void client_beside_crowd(unsigned port, const char *what, size_t count, const char *words, bool rudely)
{
    struct gentle gentle;
    int before = abuse_fds(), most = 0;
    gentle_open(&gentle, row, 32);
    for (int i = 0; i == 0 || abuse_needs_round(i, gentle_slower(&gentle)); i++) {
        struct crowd crowd;
        gentle_round(&gentle, false);
        crowd_connect(&crowd, port, count, words, words != NULL ? strlen(words) : 0);
        abuse_check(crowd.count > count / 2, "%s: %zu connections, in round %d", what, crowd.count, i + 1);
        abuse_check_new_client(what);
        gentle_round(&gentle, true);
        int now = abuse_fds();
        most = now > most ? now : most;
        crowd_leave(&crowd, rudely);
    }
    gentle_close(&gentle, what);
    bench_say("%s: the controller had at most %d descriptors", what, most);
    abuse_check(most < before + 4096, "%s: the number of connections is bounded", what);
    abuse_check(abuse_fds_within(before + SPARE_FDS, 10), "%s: descriptors are released", what);
}

/* Users may begin a body and never finish it; each costs only as much memory as it has sent. */
static void half_bodies(void)
{
    struct crowd crowd;
    struct gentle gentle;
    struct aq_buffer words = {0};
    int before = abuse_fds();
    gentle_open(&gentle, row, 32);
    aq_buffer_text(&words, "POST /api/v1/application/ HTTP/1.1\r\nHost: localhost\r\n");
    aq_buffer_text(&words, gentle.load.authorization);
    aq_buffer_format(&words, "Content-Length: %d\r\n\r\n", BODY_MAX);
    for (int i = 0; i < HALF_BODY; i++)
        aq_buffer_char(&words, ' ');
    for (int i = 0; i == 0 || abuse_needs_round(i, gentle_slower(&gentle)); i++) {
        gentle_round(&gentle, false);
        crowd_connect(&crowd, abuse_cluster.api_port, HALF_BODIES, words.data, words.length);
        usleep(ARRIVE_US);
        abuse_check_new_client("half-sent bodies");
        gentle_round(&gentle, true);
        crowd_leave(&crowd, i % 2 == 1);
    }
    gentle_close(&gentle, "half-sent bodies");
    abuse_check(abuse_fds_within(before + SPARE_FDS, 10), "half-sent bodies: descriptors are released");
    aq_buffer_free(&words);
}

/* ---- persistent connections --------------------------------------------------------------------------- */

/* The HTTP library's own thread would stall with exactly 128 connections, or a multiple of that. */
static void full_speed(unsigned connections, double reference)
{
    struct load load;
    struct aq_buffer request = {0};
    load_open(&load, abuse_cluster.api_port, abuse_cluster.login, connections);
    load_get(&load, row, &request);
    load_run(&load, abuse_round_s * 2, 0, load_fill_same, &request);
    double slowest = bench_quantile(load.times, load.time_count, 1.0) * 1e3, rate = load_rate(&load);
    bench_say("%u connections at full speed: %.0f requests/s, the slowest took %.1f ms", connections, rate, slowest);
    abuse_check(load.refused == 0 && slowest < 3000 && rate > reference / 10,
                "%u connections at full speed do not stall", connections);
    load_close(&load);
    aq_buffer_free(&request);
}

static void kept_connections(void)
{
    static const unsigned counts[] = {127, 128, 129, 256, 384, 512};
    struct gentle gentle;
    gentle_open(&gentle, row, 64);
    gentle_round(&gentle, false);
    double reference = bench_median(&gentle.rate[0]);
    load_close(&gentle.load);
    aq_buffer_free(&gentle.request);
    for (size_t i = 0; i < AQ_LENGTH(counts); i++)
        full_speed(counts[i], reference);
}

/* ---- bodies ---------------------------------------------------------------------------------------------- */

static void send_body(const char *what, const struct aq_buffer *body, int expected, const char *word)
{
    struct load load;
    struct aq_buffer words = {0}, answer = {0};
    load_open(&load, abuse_cluster.api_port, abuse_cluster.login, 1);
    aq_buffer_text(&words, "POST /api/v1/application/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    aq_buffer_text(&words, load.authorization);
    aq_buffer_format(&words, "Content-Length: %zu\r\n\r\n", body->length);
    aq_buffer_add(&words, body->data, body->length);
    int status = abuse_say(abuse_cluster.api_port, words.data, words.length, &answer);
    const char *message = strstr(aq_buffer_string(&answer), "\"message\"");
    bench_say("%s: %d %.160s", what, status, message != NULL ? message : "");
    abuse_check(status == expected && message != NULL && strstr(message, word) != NULL,
                "%s: refused with %d and a reason", what, expected);
    load_close(&load);
    aq_buffer_free(&words);
    aq_buffer_free(&answer);
}

static void repeat(struct aq_buffer *body, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++)
        aq_buffer_text(body, text);
}

static void bodies(void)
{
    struct aq_buffer body = {0};
    repeat(&body, " ", BODY_MAX + 1);
    send_body("a body of api.body_max + 1", &body, 413, "1048576");
    aq_buffer_reset(&body);
    repeat(&body, "{\"a\":", DEPTH);
    repeat(&body, "}", DEPTH);
    send_body("10,000 objects in each other", &body, 400, "depth");
    aq_buffer_reset(&body);
    repeat(&body, "[", DEPTH);
    send_body("10,000 lists that do not end", &body, 400, "depth");
    aq_buffer_reset(&body);
    aq_buffer_text(&body, "{\"label\":\"bench\",\"metadata\":{\"a\":\"");
    repeat(&body, "x", DOCUMENT_MAX + 1 - strlen("{\"a\":\"\"}"));
    aq_buffer_text(&body, "\"}}");
    send_body("a document of 64 KiB + 1", &body, 400, "65536");
    aq_buffer_reset(&body);
    aq_buffer_text(&body, "{\"label\":\"bench\",\"metadata\":");
    repeat(&body, "{\"a\":", DEPTH);
    repeat(&body, "}", DEPTH + 1);
    send_body("a document of 10,000 levels", &body, 400, "depth");
    aq_buffer_free(&body);
}

/* Heads that are too long, endless chunks, noise: each gets an answer or is closed, and soon. */
static void heads(void)
{
    struct aq_buffer words = {0}, answer = {0};
    aq_buffer_text(&words, "GET /api/v1/me/ HTTP/1.1\r\nHost: localhost\r\nX-Long: ");
    repeat(&words, "x", 200000);
    aq_buffer_text(&words, "\r\n\r\n");
    int status = abuse_say(abuse_cluster.api_port, words.data, words.length, &answer);
    abuse_check(status == 0 || status == 431 || status == 413, "a head of 200,000 bytes is refused (%d)", status);
    aq_buffer_reset(&words);
    aq_buffer_text(&words, "GET /");
    repeat(&words, "a/", 60000);
    aq_buffer_text(&words, " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    status = abuse_say(abuse_cluster.api_port, words.data, words.length, &answer);
    abuse_check(status == 0 || status == 414 || status == 400, "a path of 120,000 bytes is refused (%d)", status);
    aq_buffer_reset(&words);
    aq_buffer_text(&words,
                   "POST /api/v1/application/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 400; i++) {
        aq_buffer_text(&words, "4000\r\n");
        repeat(&words, "0123456789abcdef", 0x400);
        aq_buffer_text(&words, "\r\n");
    }
    status = abuse_say(abuse_cluster.api_port, words.data, words.length, &answer);
    abuse_check(status == 0 || status == 413 || status == 401, "6 MiB in chunks are cut off (%d)", status);
    aq_buffer_reset(&words);
    repeat(&words, "\x80\xff\r\n", 5000);
    status = abuse_say(abuse_cluster.api_port, words.data, words.length, &answer);
    abuse_check(status == 0 || status == 400, "noise is refused (%d)", status);
    aq_buffer_free(&words);
    aq_buffer_free(&answer);
}

/* ---- unread streams ---------------------------------------------------------------------------- */

static void open_streams(struct crowd *crowd, const char *authorization, size_t count)
{
    struct aq_buffer words = {0};
    aq_buffer_text(&words, "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n");
    aq_buffer_text(&words, authorization);
    aq_buffer_text(&words, "\r\n");
    crowd_connect(crowd, abuse_cluster.api_port, count, words.data, words.length);
    aq_buffer_free(&words);
}

/* Reads until the event with this seq has come. Returns the number of events. */
static uint64_t read_stream(int fd, uint64_t last)
{
    char chunk[65536];
    uint64_t events = 0, seen = 0, number = 0;
    int word = 0; /* characters of "\nid: " matched so far */
    double until = bench_now() + 20;
    while (seen < last && bench_now() < until) {
        ssize_t got = recv(fd, chunk, sizeof chunk, 0);
        if (got <= 0)
            break;
        for (ssize_t i = 0; i < got; i++) {
            if (word == 5 && chunk[i] >= '0' && chunk[i] <= '9') {
                number = number * 10 + (uint64_t)(chunk[i] - '0');
                continue;
            }
            if (word == 5) {
                seen = number;
                events++;
            }
            number = 0;
            word = chunk[i] == "\nid: "[word % 5] ? word + 1 : chunk[i] == '\n';
        }
    }
    return seen >= last ? events : 0;
}

static void make_events(struct load *load, uint64_t events)
{
    struct aq_buffer request = {0};
    cluster_fill_batch(load, 500, &request);
    load_run(load, 60, events / 1000, load_fill_same, &request); /* two events each: created and waiting */
    BENCH_MUST(load->refused == 0);
    aq_buffer_free(&request);
}

static void unread_streams(void)
{
    struct load load;
    struct crowd stuck, good;
    struct gentle gentle;
    int before = abuse_fds();
    gentle_open(&gentle, row, 32);
    double memory = abuse_memory_mib();
    for (int i = 0; i < abuse_rounds; i++)
        gentle_round(&gentle, false);
    load_open(&load, abuse_cluster.api_port, abuse_cluster.login, 4);
    open_streams(&stuck, load.authorization, STREAMS);
    open_streams(&good, load.authorization, 1);
    usleep(200000);
    uint64_t first = cluster_seq(&abuse_cluster);
    make_events(&load, STREAM_EVENTS);
    uint64_t last = cluster_seq(&abuse_cluster), came = read_stream(good.fds[0], last);
    abuse_check(came > 0 && came <= last - first, "a stream that is read continues beside %zu that are not",
                stuck.count);
    bench_say("%llu events; memory grew by %.1f MiB", (unsigned long long)(last - first), abuse_memory_mib() - memory);
    abuse_check(abuse_memory_mib() - memory < MEMORY_MIB_MAX, "unread streams take a bounded amount of memory");
    abuse_check_new_client("unread streams");
    for (int i = 0; i == 0 || abuse_needs_round(i, gentle_slower(&gentle)); i++)
        gentle_round(&gentle, true);
    gentle_close(&gentle, "unread streams");
    crowd_leave(&stuck, true);
    crowd_leave(&good, false);
    load_close(&load);
    abuse_check(abuse_fds_within(before + SPARE_FDS, 10), "unread streams: descriptors are released");
}

/* An unread stream is closed after api.timeout, which is ABUSE_TIMEOUT_S here. */
static void unread_streams_end(void)
{
    struct load load;
    struct crowd stuck;
    int before = abuse_fds();
    load_open(&load, abuse_cluster.api_port, abuse_cluster.login, 4);
    open_streams(&stuck, load.authorization, 8);
    usleep(200000);
    make_events(&load, STREAM_EVENTS);
    load_close(&load);
    abuse_check(abuse_fds_within(before + SPARE_FDS, 20), "an unread stream is closed");
    crowd_leave(&stuck, false);
}

int main(int argc, char **argv)
{
    char timeout[32];
    const char *const more[] = {"--set", timeout,          "--set", "api.tls.address=127.0.0.1",
                                "--set", "api.tls.port=0", NULL};
    struct load load;
    snprintf(timeout, sizeof timeout, "api.timeout=%d", ABUSE_TIMEOUT_S);
    abuse_begin(argc, argv, more);
    cluster_make_label(&abuse_cluster);
    load_open(&load, abuse_cluster.api_port, abuse_cluster.login, 1);
    make_events(&load, 1000);
    load_close(&load);
    double memory = abuse_memory_mib();
    bodies();
    heads();
    kept_connections();
    client_beside_crowd(abuse_cluster.api_port, "10,000 silent connections", SILENT, NULL, false);
    client_beside_crowd(abuse_cluster.api_port, "half-sent heads", HALF,
                        "GET /api/v1/application/1 HTTP/1.1\r\nHost: loc", true);
    client_beside_crowd(test_read_number(abuse_cluster.directory, AQ_FILE_TLS_PORT), "unfinished handshakes of TLS",
                        HALF, hello, true);
    half_bodies();
    unread_streams();
    unread_streams_end();
    bench_say("memory: %.1f MiB at the beginning, %.1f MiB at the end", memory, abuse_memory_mib());
    abuse_check(abuse_memory_mib() < memory + MEMORY_MIB_MAX, "memory is freed, or reused");
    return abuse_end();
}
