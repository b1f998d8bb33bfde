#include "tests/lib/abuse.h"
#include "tests/lib/directory.h"
#include "tests/lib/socket.h"

#include <dirent.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/socket.h>

struct controller abuse_cluster;
int abuse_rounds = 3;
double abuse_round_s = 0.4, abuse_slower_most = 1.5;
static int abuse_failed;

/* ---- checks -------------------------------------------------------------------------------------------- */

bool abuse_check(bool good, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf(good ? "ok " : "not ok ");
    vprintf(format, args);
    putchar('\n');
    fflush(stdout);
    va_end(args);
    abuse_failed += !good;
    return good;
}

static void abuse_clean_up(void)
{
    (void)controller_stop(&abuse_cluster, SIGKILL);
    if (abuse_cluster.directory[0] != '\0')
        test_remove_tree(abuse_cluster.directory);
}

void abuse_begin(int argc, char **argv, const char *const *more)
{
    struct rlimit limit;
    pid_t self = getpid();
    BENCH_MUST(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    BENCH_MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    signal(SIGPIPE, SIG_IGN);
    if (argc > 1 && strcmp(argv[1], "exact") == 0) {
        abuse_rounds = 9;
        abuse_round_s = 1.0;
        abuse_slower_most = 1.1;
    } else {
        alarm(ABUSE_SECONDS_MAX);
    }
    BENCH_MUST(sodium_init() >= 0);
    bench_make_directory(abuse_cluster.directory);
    BENCH_MUST(atexit(abuse_clean_up) == 0 && getpid() == self);
    cluster_start(&abuse_cluster, more);
}

int abuse_end(void)
{
    cluster_stop(&abuse_cluster); /* exits unless the controller ends with status 0 */
    abuse_check(true, "the controller ends as it should");
    return abuse_failed > 0;
}

/* ---- the process under attack --------------------------------------------------------------------- */

int abuse_fds(void)
{
    char path[64];
    int count = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", abuse_cluster.pid);
    DIR *directory = opendir(path);
    BENCH_MUST(directory != NULL); /* else the controller is gone */
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

double abuse_memory_mib(void)
{
    return bench_proc_number(abuse_cluster.pid, "status", "RssAnon:") / 1024;
}

bool abuse_fds_within(int most, double seconds)
{
    double until = bench_now() + seconds;
    while (abuse_fds() > most)
        if (bench_now() > until)
            return false;
        else
            usleep(20000);
    return true;
}

/* ---- sockets --------------------------------------------------------------------------------------------- */

int abuse_connect(unsigned port, unsigned host)
{
    return test_connect(host, port, ABUSE_TIMEOUT_S);
}

void crowd_connect(struct crowd *crowd, unsigned port, size_t count, const void *words, size_t length)
{
    crowd->fds = aq_malloc(count * sizeof *crowd->fds);
    crowd->count = 0;
    for (size_t i = 0; i < count; i++) {
        int fd = abuse_connect(port, 2 + i % 8);
        if (fd < 0)
            continue;
        if (length > 0)
            (void)!send(fd, words, length,
                        MSG_NOSIGNAL | MSG_DONTWAIT); /* fails when the connection is closed already */
        crowd->fds[crowd->count++] = fd;
    }
}

void crowd_leave(struct crowd *crowd, bool rudely)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    for (size_t i = 0; i < crowd->count; i++) {
        if (rudely)
            setsockopt(crowd->fds[i], SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
        close(crowd->fds[i]);
    }
    free(crowd->fds);
    *crowd = (struct crowd){0};
}

int abuse_say(unsigned port, const char *words, size_t length, struct aq_buffer *answer)
{
    char chunk[4096];
    int fd = abuse_connect(port, 1);
    if (fd < 0)
        return 0;
    for (size_t sent = 0; sent < length;) {
        ssize_t got = send(fd, words + sent, length - sent, MSG_NOSIGNAL);
        if (got <= 0)
            break;
        sent += (size_t)got;
    }
    aq_buffer_reset(answer);
    for (ssize_t got; (got = recv(fd, chunk, sizeof chunk, 0)) > 0;)
        aq_buffer_add(answer, chunk, (size_t)got);
    close(fd);
    return answer->length > 12 && strncmp(answer->data, "HTTP/1.1 ", 9) == 0 ? atoi(answer->data + 9) : 0;
}

/* ---- a well-behaved client --------------------------------------------------------------------------------- */

void gentle_open(struct gentle *gentle, const char *path, unsigned connections)
{
    *gentle = (struct gentle){0};
    load_open(&gentle->load, abuse_cluster.api_port, abuse_cluster.login, connections);
    load_get(&gentle->load, path, &gentle->request);
    load_run(&gentle->load, 0.2, 0, load_fill_same, &gentle->request); /* warm */
    gentle->rests_since = bench_now();
}

/* Reconnects if the connections have been idle for almost as long as the server allows. */
static void gentle_reconnect(struct gentle *gentle)
{
    unsigned connections = gentle->load.count;
    if (bench_now() - gentle->rests_since < ABUSE_TIMEOUT_S / 2.0)
        return;
    load_close(&gentle->load);
    load_open(&gentle->load, abuse_cluster.api_port, abuse_cluster.login, connections);
}

void gentle_round(struct gentle *gentle, bool disturbed)
{
    struct load *load = &gentle->load;
    gentle_reconnect(gentle);
    load_run(load, abuse_round_s, 0, load_fill_same, &gentle->request);
    gentle->rests_since = bench_now();
    BENCH_MUST(load->refused == 0 && load->time_count > 0);
    bench_round(&gentle->rate[disturbed], load_rate(load));
    bench_round(&gentle->median[disturbed], bench_quantile(load->times, load->time_count, 0.5) * 1e3);
    bench_round(&gentle->slow[disturbed], bench_quantile(load->times, load->time_count, 0.99) * 1e3);
}

double gentle_slower(struct gentle *gentle)
{
    double answers = bench_median(&gentle->median[1]) / bench_median(&gentle->median[0]);
    double rates = bench_quantile(gentle->rate[0].figures, gentle->rate[0].count, 1) /
                   bench_quantile(gentle->rate[1].figures, gentle->rate[1].count, 1);
    return answers < rates ? answers : rates;
}

bool abuse_needs_round(int round, double slower)
{
    return round < abuse_rounds || (round < abuse_rounds * ABUSE_PATIENCE && slower > abuse_slower_most);
}

void gentle_close(struct gentle *gentle, const char *what)
{
    double alone = bench_median(&gentle->rate[0]), disturbed = bench_median(&gentle->rate[1]);
    bench_say(
        "%s: %.0f instead of %.0f requests/s (%+.1f %%), p50 %.2f instead of %.2f ms, p99 %.2f instead of %.2f ms",
        what, disturbed, alone, (disturbed / alone - 1) * 100, bench_median(&gentle->median[1]),
        bench_median(&gentle->median[0]), bench_median(&gentle->slow[1]), bench_median(&gentle->slow[0]));
    abuse_check(gentle_slower(gentle) <= abuse_slower_most, "%s: other clients are hardly slower", what);
    load_close(&gentle->load);
    aq_buffer_free(&gentle->request);
}

void abuse_check_new_client(const char *what)
{
    double begun = bench_now();
    bool answered = controller_answers(&abuse_cluster);
    double ms = (bench_now() - begun) * 1e3;
    bench_say("%s: a new client is answered after %.1f ms", what, ms);
    abuse_check(answered && ms < ABUSE_NEWCOMER_MS, "%s: a new client is accepted and answered in time", what);
}
