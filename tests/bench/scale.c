/* What may grow with the cluster's age and size: the cost of a request, memory, the start, the rebuild.
 *
 * Two controllers, one with a thousand applications and one with a million, get the same requests in turns. Then the
 * large one is restarted, with good tables and with --rebuild. The argument is a smaller number than a million. The
 * cost is the controller's processor time per request: the time of the disk does not depend on the number of
 * applications, and would hide the rest. */
#include "tests/lib/agents.h"
#include "tests/lib/program.h"

enum { NODES = 5000, FEW = 1000, MANY = 1000000, ROUNDS = 5, CONNECTIONS = 16 };

/* A cluster, and the cost of requests in microseconds of processor time. */
struct side {
    struct controller cluster;
    struct agents_fleet fleet;
    uint64_t applications;
    double empty; /* its private memory without applications */
    struct bench_rounds create, read, page;
};

/* Reads that are spread over all applications. */
struct spread {
    uint64_t next, count;
};

static void fill_read(struct load *load, void *context, struct aq_buffer *out)
{
    struct spread *spread = context;
    char path[64];
    spread->next = (spread->next + 611953) % spread->count;
    snprintf(path, sizeof path, "/api/v1/application/%llu", (unsigned long long)spread->next + 1);
    load_get(load, path, out);
}

static void fill_page(struct load *load, void *context, struct aq_buffer *out)
{
    struct spread *spread = context;
    char path[64];
    spread->next = (spread->next + 611953) % (spread->count - 100);
    snprintf(path, sizeof path, "/api/v1/application/?after=%llu", (unsigned long long)spread->next + 1);
    load_get(load, path, out);
}

static double cost(struct side *side, load_fill_fn *fill, uint64_t requests)
{
    struct load load;
    struct spread spread = {.count = side->applications};
    load_open(&load, side->cluster.api_port, side->cluster.login, CONNECTIONS);
    load_run(&load, 10, CONNECTIONS, fill, &spread); /* a connection's first request costs more */
    double before = program_cpu_s(side->cluster.pid);
    load_run(&load, 60, requests, fill, &spread);
    double used = program_cpu_s(side->cluster.pid) - before;
    if (load.refused > 0)
        BENCH_DIE("%llu requests were refused", (unsigned long long)load.refused);
    load_close(&load);
    return used * 1e6 / (double)load.answers;
}

static void measure(struct side *side)
{
    bench_round(&side->read, cost(side, fill_read, 20000));
    bench_round(&side->page, cost(side, fill_page, 1000));
    bench_round(&side->create, cost(side, cluster_fill_one, 300));
}

static void compare(struct side *many, struct side *few)
{
    bench_ratio("cost of a create, a million applications against a thousand", "us", &many->create, &few->create,
                BENCH_AT_MOST, 1.5);
    bench_ratio("cost of a read, a million applications against a thousand", "us", &many->read, &few->read,
                BENCH_AT_MOST, 1.5);
    bench_ratio("cost of a page of 100, a million applications against a thousand", "us", &many->page, &few->page,
                BENCH_AT_MOST, 1.5);
}

/* Private memory, without LMDB's file pages. */
static double anonymous(const struct controller *cluster)
{
    return bench_proc_number(cluster->pid, "status", "RssAnon:") * 1024;
}

static void restart(struct controller *cluster, uint64_t applications)
{
    const char *rebuild[] = {"--rebuild", NULL};
    struct bench_rounds good = {.count = 0}, anew = {.count = 0};
    double events = (double)cluster_seq(cluster);
    for (int i = 0; i < 3; i++) {
        cluster_stop(cluster);
        bench_round(&good, cluster_start(cluster, NULL));
    }
    double idle = anonymous(cluster);
    for (int i = 0; i < 3; i++) {
        cluster_stop(cluster);
        bench_round(&anew, cluster_start(cluster, rebuild));
    }
    double begin = bench_median(&good), took = bench_median(&anew);
    bench_say("%.0f events: start %.2f s, with rebuild %.2f s, %.1f MiB anonymous after a start", events, begin, took,
              idle / (1 << 20));
    bench_plain("start with good tables, a million events or more", "s", begin, BENCH_AT_MOST, 1);
    bench_plain("rebuild of the tables", "events/s", events / (took - begin), BENCH_AT_LEAST, 250000);
    bench_plain("memory after a start, for each application", "bytes", idle / (double)applications, BENCH_AT_MOST, 512);
}

static void side_open(struct side *side, uint64_t applications)
{
    const uint64_t slots = (applications + MANY) / NODES;
    const struct aq_amounts capacity = {.cpu = slots * 100, .ram = slots * 16, .disk = 1 << 20, .slots = slots};
    *side = (struct side){.applications = applications};
    cluster_new(&side->cluster, NULL);
    cluster_make_label(&side->cluster);
    agents_open(&side->fleet, &side->cluster, NODES, &capacity);
    agents_join(&side->fleet);
    side->empty = anonymous(&side->cluster);
    double begun = bench_now();
    cluster_make_applications(&side->cluster, 0, applications);
    bench_say("%llu applications made in %.0f s", (unsigned long long)applications, bench_now() - begun);
}

int main(int argc, char **argv)
{
    static struct side few, many;
    const uint64_t total = argc > 1 ? strtoull(argv[1], NULL, 10) : MANY;
    BENCH_MUST(total > FEW && total <= MANY);
    side_open(&few, FEW);
    side_open(&many, total);
    for (int i = 0; i < ROUNDS; i++) {
        measure(&few);
        measure(&many);
    }
    compare(&many, &few);
    bench_plain("heap for each application while it runs, at a million", "bytes",
                (anonymous(&many.cluster) - many.empty) / (double)total, BENCH_AT_MOST, 512);
    agents_close(&few.fleet);
    agents_close(&many.fleet);
    cluster_free(&few.cluster);
    restart(&many.cluster, total);
    cluster_free(&many.cluster);
    return 0;
}
