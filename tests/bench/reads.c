/* Reads over REST: one application, and a page of 100, against the same HTTP library with a constant answer. */
#include "tests/lib/agents.h"
#include "tests/lib/bench_reads.h"

int main(void)
{
    struct controller cluster;
    struct agents_fleet fleet;
    const struct aq_amounts capacity = {.cpu = 6400000, .ram = 1 << 26, .disk = 1 << 20, .slots = 20000};
    cluster_new(&cluster, NULL);
    cluster_make_label(&cluster);
    agents_open(&fleet, &cluster, BENCH_READS_NODES, &capacity);
    agents_join(&fleet);
    cluster_make_applications(&cluster, 0, BENCH_READS_APPLICATIONS);
    bench_reads(&cluster, cluster.api_port, "", NULL);
    agents_close(&fleet);
    cluster_free(&cluster);
    return 0;
}
