/* 10,000 agents on one controller. First they only send heartbeats: measures their cost, and that the log does not
 * grow. Then one in a hundred gets work each second, to start or to end. Finally one goes silent. */
#include "tests/lib/agents.h"
#include "tests/lib/program.h"

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
    bench_say("%u agents joined in %.1f s", fleet.welcome, bench_now() - begun);
    agents_run(&fleet, 3);
    uint64_t seq = cluster_seq(&cluster);
    double cpu = program_cpu_s(cluster.pid);
    agents_run(&fleet, SECONDS);
    double idle = (program_cpu_s(cluster.pid) - cpu) / SECONDS;
    double logged = (double)(cluster_seq(&cluster) - seq);
    cpu = program_cpu_s(cluster.pid);
    stay_busy(&cluster, &fleet, SECONDS);
    double busy = (program_cpu_s(cluster.pid) - cpu) / SECONDS;
    bench_say("%llu heartbeats, %llu started, %llu ended, %llu refused", (unsigned long long)fleet.beats,
              (unsigned long long)fleet.started, (unsigned long long)fleet.ended, (unsigned long long)fleet.refused);
    BENCH_MUST(fleet.started > 0 && fleet.ended > 0);
    bench_plain("10,000 agents, idle: share of a core", "cores", idle, BENCH_AT_MOST, 0.25);
    bench_plain("10,000 agents, 1 % busy: share of a core", "cores", busy, BENCH_AT_MOST, 0.25);
    bench_plain("10,000 agents, idle: events in the log", "events", logged, BENCH_AT_MOST, 0);
    bench_plain("a lost agent among 10,000 is noticed (hub.lost_after: 5 s)", "s", notice(&cluster, &fleet),
                BENCH_AT_MOST, LOST_AFTER_S * 1.05);
    agents_close(&fleet);
    cluster_free(&cluster);
    return 0;
}
