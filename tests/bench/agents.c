/* 10,000 agents on one controller. First they only send heartbeats: measures their cost, and that the log does not
 * grow. Then one in a hundred gets work each second, to start or to end. Finally one goes silent. */
#include "tests/lib/agents.h"
#include "schema/wire/join.h"
#include "tests/lib/program.h"
#include "tests/lib/raw_peer.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FLOOD_OPEN = 256, FLOOD_JOINS = 12, FLOOD_PAUSE_US = 1000 };
enum { AGENTS = 10000, BUSY = AGENTS / 100, SECONDS = 10, LOST_AFTER_S = 5, LOOK_MS = 20, CONNECTIONS = 16 };

/* ---- one in a hundred ----------------------------------------------------------------------------------- */

static void create_some(struct load *load)
{
    struct aq_buffer request = {0};
    cluster_fill_batch(load, BUSY, &request);
    load_run(load, 10, 1, load_fill_same, &request);
    BENCH_MUST(load->refused == 0);
    aq_buffer_free(&request);
}

static void fill_deallocate(struct load *load, void *context, struct aq_buffer *out)
{
    uint64_t *next = context;
    char path[80];
    snprintf(path, sizeof path, "/api/v1/application/%llu/deallocate", (unsigned long long)(*next)++);
    load_post(load, path, "", 0, out);
}

/* Starts workloads in one second, and ends them in the next. */
static void stay_busy(struct controller *cluster, struct agents_fleet *fleet, unsigned seconds)
{
    struct load load;
    uint64_t next = 1;
    load_open(&load, cluster->api_port, cluster->login, CONNECTIONS);
    for (unsigned i = 0; i < seconds; i++) {
        double begun = bench_now();
        if (i % 2 == 0)
            create_some(&load);
        else
            load_run(&load, 10, BUSY, fill_deallocate, &next);
        BENCH_MUST(load.refused == 0);
        agents_run(fleet, begun + 1 - bench_now());
    }
    load_close(&load);
}

/* ---- one goes silent ----------------------------------------------------------------------------------- */

static bool is_lost(struct controller *cluster, const char *name)
{
    char path[80];
    struct aq_buffer body = {0};
    snprintf(path, sizeof path, "/api/v1/node/%s", name);
    load_ask(cluster->api_port, cluster->login, path, NULL, &body);
    bool lost = strstr(aq_buffer_string(&body), "\"status\":\"LOST\"") != NULL;
    aq_buffer_free(&body);
    return lost;
}

/* Does the controller know what the node uses? */
static bool is_told(struct controller *cluster, const char *name)
{
    char path[96];
    AQ_CLEANUP_BUFFER struct aq_buffer body = {0};
    snprintf(path, sizeof path, "/api/v1/node/%s/load", name);
    load_ask(cluster->api_port, cluster->login, path, NULL, &body);
    return strstr(aq_buffer_string(&body), "\"cpu\":0.1") != NULL;
}

static double notice(struct controller *cluster, struct agents_fleet *fleet)
{
    struct bench_agent *agent = &fleet->agents[AGENTS / 2];
    double begun = agent->beat_at - fleet->beat_s;
    agent->silent = true;
    while (!is_lost(cluster, agent->name)) {
        if (bench_now() > begun + LOST_AFTER_S * 6)
            BENCH_DIE("a silent agent was not noticed");
        agents_run(fleet, LOOK_MS / 1e3);
    }
    return bench_now() - begun;
}

/* The controller is killed, and started again. Returns the seconds from when it listens until all agents are back. */
static double come_back(struct controller *cluster, struct agents_fleet *fleet, const char *const *more)
{
    controller_stop(cluster, SIGKILL);
    cluster_start(cluster, more);
    double begun = bench_now();
    agents_reconnect(fleet, cluster);
    agents_return(fleet);
    return bench_now() - begun;
}

/* ---- strangers ------------------------------------------------------------------------------------------ */

/* Connects from an address of its own, and says all it has. */
static int flood_once(unsigned port, uint32_t from, const struct aq_buffer *words)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7F010000U | (from & 0xFFFFU))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&own, sizeof own) == 0 &&
        connect(fd, (const struct sockaddr *)&to, sizeof to) == 0 &&
        send(fd, words->data, words->length, MSG_NOSIGNAL) == (ssize_t)words->length)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* What a stranger can make the hub do: first messages of joining, and a handshake that only looks like an agent's. */
static void put_flood(struct agents_fleet *fleet, struct aq_buffer *words)
{
    AQ_CLEANUP_BUFFER struct aq_buffer frame = {0};
    struct aq_noise noise;
    aq_buffer_add(words, raw_peer_greeting, RAW_PEER_GREETING);
    aq_join_begin(&noise, &fleet->agents[0].end.identity.own, &frame);
    for (uint32_t i = 1; i <= FLOOD_JOINS; i++)
        raw_peer_frame(words, 0, i, frame.data, frame.length);
    test_end_begin(&fleet->agents[0].end, &frame);
    frame.data[frame.length - 1] ^= 1;
    raw_peer_frame(words, 0, FLOOD_JOINS + 1, frame.data, frame.length);
}

static _Noreturn void flood(unsigned port, struct agents_fleet *fleet, uint64_t *count)
{
    struct aq_buffer words = {0};
    int fds[FLOOD_OPEN];
    memset(fds, -1, sizeof fds);
    put_flood(fleet, &words);
    for (uint32_t i = 0;; i++) {
        int *fd = &fds[i % FLOOD_OPEN];
        if (*fd >= 0)
            close(*fd);
        *fd = flood_once(port, i, &words);
        if (*fd >= 0)
            ++*count;
        else
            usleep(FLOOD_PAUSE_US); /* the controller is about to listen */
    }
}

/* come_back() while strangers of 65,536 addresses ask for handshakes as fast as they can. */
static double come_back_in_flood(struct controller *cluster, struct agents_fleet *fleet, const char *const *more)
{
    uint64_t *count = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    BENCH_MUST(count != MAP_FAILED);
    pid_t parent = getpid(), pid = fork();
    BENCH_MUST(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == parent)
            flood(cluster->hub_port, fleet, count);
        _exit(1);
    }
    const double back = come_back(cluster, fleet, more);
    kill(pid, SIGKILL);
    BENCH_MUST(waitpid(pid, NULL, 0) == pid);
    bench_say("strangers connected %llu times, and asked for %d handshakes each", (unsigned long long)*count,
              FLOOD_JOINS + 1);
    BENCH_MUST(*count > 0);
    munmap(count, sizeof *count);
    return back;
}

int main(void)
{
    struct controller cluster;
    struct agents_fleet fleet;
    const char *more[] = {"--set", "hub.lost_after=5", NULL};
    const struct aq_amounts capacity = {.cpu = 1000, .ram = 1 << 10, .disk = 1 << 10, .slots = 1};
    cluster_new(&cluster, more);
    cluster_make_label(&cluster);
    agents_open(&fleet, &cluster, AGENTS, &capacity);
    fleet.works = true;
    double begun = bench_now();
    agents_join(&fleet);
    bench_say("%u agents enrolled and joined in %.1f s", fleet.welcome, bench_now() - begun);
    const double back_in_flood = come_back_in_flood(&cluster, &fleet, more);
    const double back = come_back(&cluster, &fleet, more);
    agents_run(&fleet, 3);
    uint64_t seq = cluster_seq(&cluster);
    double cpu = program_cpu_s(cluster.pid);
    agents_run(&fleet, SECONDS);
    double untold = (program_cpu_s(cluster.pid) - cpu) / SECONDS;
    fleet.samples = true;
    agents_run(&fleet, 6);
    cpu = program_cpu_s(cluster.pid);
    agents_run(&fleet, SECONDS);
    double idle = (program_cpu_s(cluster.pid) - cpu) / SECONDS;
    BENCH_MUST(is_told(&cluster, fleet.agents[0].name) && is_told(&cluster, fleet.agents[AGENTS - 1].name));
    double logged = (double)(cluster_seq(&cluster) - seq);
    cpu = program_cpu_s(cluster.pid);
    stay_busy(&cluster, &fleet, SECONDS);
    double busy = (program_cpu_s(cluster.pid) - cpu) / SECONDS;
    bench_say("%llu heartbeats, %llu started, %llu ended, %llu refused", (unsigned long long)fleet.beats,
              (unsigned long long)fleet.started, (unsigned long long)fleet.ended, (unsigned long long)fleet.refused);
    BENCH_MUST(fleet.started > 0 && fleet.ended > 0);
    bench_plain("10,000 agents, idle: share of a core", "cores", idle, BENCH_AT_MOST, 0.25);
    struct bench_rounds told = {.figures = {idle}, .count = 1}, quiet = {.figures = {untold}, .count = 1};
    bench_ratio("10,000 agents, idle, that tell what they use each 5 s; beside them: that do not", "cores", &told,
                &quiet, BENCH_AT_MOST, 1.3);
    bench_plain("10,000 agents, 1 % busy: share of a core", "cores", busy, BENCH_AT_MOST, 0.25);
    bench_plain("10,000 agents are back after a restart of the controller", "s", back, BENCH_AT_MOST, 5);
    bench_plain("10,000 agents are back after a restart, while strangers ask for handshakes", "s", back_in_flood,
                BENCH_AT_MOST, 5);
    bench_plain("10,000 agents, idle: events in the log", "events", logged, BENCH_AT_MOST, 0);
    bench_plain("a lost agent among 10,000 is noticed (hub.lost_after: 5 s)", "s", notice(&cluster, &fleet),
                BENCH_AT_MOST, LOST_AFTER_S * 1.05);
    agents_close(&fleet);
    cluster_free(&cluster);
    return 0;
}
