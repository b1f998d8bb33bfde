/* Durable decisions per second: batches of applications over REST, with 5,000 nodes to choose from, against the bare
 * storage work of batches of the same size. The argument is another number of nodes: with few of them, placement costs
 * nothing. */
#include "tests/lib/agents.h"
#include "tests/lib/storage.h"

enum { NODES = 5000, APPLICATIONS_MAX = 2000000, ROUNDS = 9, CONNECTIONS = 4 };

static double measure(struct controller *cluster, unsigned batch, double seconds)
{
    struct load load;
    struct aq_buffer request = {0};
    load_open(&load, cluster->api_port, cluster->login, CONNECTIONS);
    cluster_fill_batch(&load, batch, &request);
    load_run(&load, seconds, 0, load_fill_same, &request);
    if (load.refused > 0)
        BENCH_DIE("%llu batches were refused", (unsigned long long)load.refused);
    double rate = load_rate(&load) * batch;
    aq_buffer_free(&request);
    load_close(&load);
    return rate;
}

static void compare(struct controller *cluster, struct storage *storage, unsigned batch, unsigned nodes)
{
    char what[96];
    struct bench_rounds ours = {.count = 0}, bare = {.count = 0};
    for (int i = 0; i < ROUNDS; i++) {
        bench_round(&ours, measure(cluster, batch, 1));
        bench_round(&bare, storage_rate(storage, batch, 0.5));
    }
    snprintf(what, sizeof what, "durable decisions over REST, batches of %u, %u nodes", batch, nodes);
    bench_ratio(what, "/s", &ours, &bare, BENCH_AT_LEAST, 0.25);
}

int main(int argc, char **argv)
{
    struct controller cluster;
    struct agents_fleet fleet;
    struct storage storage;
    const unsigned nodes = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : NODES;
    BENCH_MUST(nodes >= 4 && nodes <= 20000);
    const uint64_t slots = APPLICATIONS_MAX / nodes;
    const struct aq_amounts capacity = {.cpu = slots * 100, .ram = slots * 16, .disk = 1 << 20, .slots = slots};
    cluster_new(&cluster, NULL);
    cluster_make_label(&cluster);
    agents_open(&fleet, &cluster, nodes, &capacity);
    agents_join(&fleet);
    storage_open(&storage);
    measure(&cluster, 256, 0.5); /* warm */
    compare(&cluster, &storage, 256, nodes);
    compare(&cluster, &storage, 4096, nodes);
    storage_close(&storage);
    agents_close(&fleet);
    cluster_free(&cluster);
    return 0;
}
