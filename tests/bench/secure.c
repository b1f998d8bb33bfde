/* REST over TLS: reads against the same HTTP library with a constant answer over TLS; single durable requests against
 * the same without TLS; what handshakes cost the controller. */
#include "controller/settings/settings.h"
#include "tests/lib/agents.h"
#include "tests/lib/bench_reads.h"
#include "tests/lib/directory.h"
#include "tests/lib/socket.h"

#include <time.h>

enum { ROUNDS = 9, HANDSHAKES = 300 };

static char pem[BENCH_PATH_SIZE + 32];

/* ---- single requests ------------------------------------------------------------------------------------------ */

/* The rate that the median time allows. */
static double rate_of_writes(struct load *load)
{
    load_run(load, 0.7, 0, cluster_fill_one, NULL);
    if (load->refused > 0)
        BENCH_DIE("%llu requests were refused", (unsigned long long)load->refused);
    return load->count / bench_quantile(load->times, load->time_count, 0.5);
}

static void compare_writes(struct controller *cluster, unsigned port)
{
    struct load secure, plain;
    struct bench_rounds ours = {.count = 0}, bare = {.count = 0};
    load_open_secure(&secure, port, cluster->login, 1);
    load_open(&plain, cluster->api_port, cluster->login, 1);
    rate_of_writes(&secure);
    for (int i = 0; i < ROUNDS; i++) {
        bench_round(&ours, rate_of_writes(&secure));
        bench_round(&bare, rate_of_writes(&plain));
    }
    load_close(&secure);
    load_close(&plain);
    bench_ratio("single requests over TLS, 1 connection (medians; against without)", "/s", &ours, &bare, BENCH_AT_LEAST,
                0.9);
}

/* ---- handshakes ---------------------------------------------------------------------------------------------- */

static double cpu_ms(int pid)
{
    clockid_t clock;
    struct timespec time;
    BENCH_MUST(clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &time) == 0);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void read_answer(gnutls_session_t session)
{
    char text[4096];
    size_t length = 0;
    do {
        ssize_t got = gnutls_record_recv(session, text + length, sizeof text - 1 - length);
        BENCH_MUST(got > 0 || got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED);
        length += got > 0 ? (size_t)got : 0;
        text[length] = '\0';
    } while (strstr(text, "alive\n") == NULL);
}

/* One connection. Resumes the session in `data`, if there is one, and else fills it from a request and its answer. */
static void shake(unsigned port, gnutls_certificate_credentials_t credentials, const char *versions,
                  gnutls_datum_t *data)
{
    static const char request[] = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";
    gnutls_session_t session;
    int failed, fd = test_connect(1, port, 0);
    bool resumes = data->size > 0;
    BENCH_MUST(fd >= 0 && gnutls_init(&session, GNUTLS_CLIENT) == 0);
    BENCH_MUST(gnutls_priority_set_direct(session, versions, NULL) == 0);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
    if (resumes)
        BENCH_MUST(gnutls_session_set_data(session, data->data, data->size) == 0);
    gnutls_transport_set_int(session, fd);
    do
        failed = gnutls_handshake(session);
    while (failed < 0 && !gnutls_error_is_fatal(failed));
    BENCH_MUST(failed == 0 && (gnutls_session_is_resumed(session) != 0) == resumes);
    BENCH_MUST(gnutls_record_send(session, request, sizeof request - 1) == sizeof request - 1);
    read_answer(session);
    if (!resumes)
        BENCH_MUST(gnutls_session_get_data2(session, data) == 0);
    gnutls_bye(session, GNUTLS_SHUT_WR);
    gnutls_deinit(session);
    close(fd);
}

/* The controller's processor time for one connection: handshake, a request, and its answer. */
static double cost_of_shaking(struct controller *cluster, unsigned port, gnutls_certificate_credentials_t credentials,
                              const char *versions, gnutls_datum_t *data)
{
    gnutls_datum_t kept = {NULL, 0};
    double before = cpu_ms(cluster->pid);
    for (int i = 0; i < HANDSHAKES; i++) {
        shake(port, credentials, versions, data != NULL ? data : &kept);
        gnutls_free(kept.data);
        kept = (gnutls_datum_t){NULL, 0};
    }
    return (cpu_ms(cluster->pid) - before) / HANDSHAKES;
}

static void measure_handshakes(struct controller *cluster, unsigned port, const char *versions, const char *full,
                               const char *resumed)
{
    gnutls_certificate_credentials_t credentials;
    gnutls_datum_t data = {NULL, 0};
    BENCH_MUST(gnutls_certificate_allocate_credentials(&credentials) == 0);
    shake(port, credentials, versions, &data);
    BENCH_MUST(data.size > 0);
    bench_plain(full, "ms", cost_of_shaking(cluster, port, credentials, versions, NULL), BENCH_AT_MOST, 1.0);
    bench_plain(resumed, "ms", cost_of_shaking(cluster, port, credentials, versions, &data), BENCH_AT_MOST, 0.6);
    gnutls_free(data.data);
    gnutls_certificate_free_credentials(credentials);
}

int main(void)
{
    static const char *const with_tls[] = {"--set", "api.tls.address=127.0.0.1", "--set", "api.tls.port=0", NULL};
    struct controller cluster;
    struct agents_fleet fleet;
    const struct aq_amounts capacity = {.cpu = 6400000, .ram = 1 << 26, .disk = 1 << 20, .slots = 20000};
    cluster_new(&cluster, with_tls);
    unsigned port = test_read_number(cluster.directory, AQ_FILE_TLS_PORT);
    snprintf(pem, sizeof pem, "%s/tls/server.pem", cluster.directory);
    cluster_make_label(&cluster);
    agents_open(&fleet, &cluster, BENCH_READS_NODES, &capacity);
    agents_join(&fleet);
    cluster_make_applications(&cluster, 0, BENCH_READS_APPLICATIONS);
    bench_reads(&cluster, port, "TLS: ", pem);
    compare_writes(&cluster, port);
    measure_handshakes(&cluster, port, "NORMAL:-VERS-ALL:+VERS-TLS1.3",
                       "TLS 1.3: a connection, a request and its answer, the controller's processor",
                       "TLS 1.3: the same, session resumed");
    measure_handshakes(&cluster, port, "NORMAL:-VERS-ALL:+VERS-TLS1.2", "TLS 1.2: the same, full handshake",
                       "TLS 1.2: the same, session resumed");
    agents_close(&fleet);
    cluster_free(&cluster);
    return 0;
}
