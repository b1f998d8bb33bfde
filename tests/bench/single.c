/* Single requests, each durable before its answer, on 1 connection and on 64.
 *
 * One connection is compared with the bare append with sync, as a request cannot be faster than the disk; median with
 * median, because a request wakes four threads in a row, the client among them, and each waits when the machine has
 * other work. 64 connections are compared with one, because they share appends, and with the bare append, since the
 * first ratio falls when one connection gets faster. */
#include "tests/lib/agents.h"
#include "tests/lib/storage.h"

enum { NODES = 100, ROUNDS = 9, MANY = 64 };

/* Returns the rate per second; *median: the rate that the median time would allow. */
static double measure(struct controller *cluster, unsigned connections, double seconds, double *median)
{
    struct load load;
    load_open(&load, cluster->api_port, cluster->login, connections);
    load_run(&load, seconds, 0, cluster_fill_one, NULL);
    if (load.refused > 0)
        BENCH_DIE("%llu requests were refused", (unsigned long long)load.refused);
    double rate = load_rate(&load);
    double p50 = bench_quantile(load.times, load.time_count, 0.5);
    bench_say("%u connections: %.0f/s, p50 %.2f ms, p99 %.2f ms", connections, rate, p50 * 1e3,
              bench_quantile(load.times, load.time_count, 0.99) * 1e3);
    *median = connections / p50;
    load_close(&load);
    return rate;
}

int main(void)
{
    struct controller cluster;
    struct agents_fleet fleet;
    struct storage storage;
    double median, ignored;
    struct bench_rounds one = {.count = 0}, typical = {.count = 0}, many = {.count = 0}, bare = {.count = 0};
    const struct aq_amounts capacity = {.cpu = 6400000, .ram = 1 << 26, .disk = 1 << 20, .slots = 20000};
    cluster_new(&cluster, NULL);
    cluster_make_label(&cluster);
    agents_open(&fleet, &cluster, NODES, &capacity);
    agents_join(&fleet);
    storage_open(&storage);
    measure(&cluster, MANY, 0.5, &ignored); /* warm */
    for (int i = 0; i < ROUNDS; i++) {
        bench_round(&one, measure(&cluster, 1, 0.7, &median));
        bench_round(&typical, median);
        bench_round(&bare, storage_append_rate(&storage, 0.7));
        bench_round(&many, measure(&cluster, MANY, 0.7, &ignored));
    }
    bench_ratio("single requests, 1 connection (medians; against bare append and sync)", "/s", &typical, &bare,
                BENCH_AT_LEAST, 0.6);
    bench_ratio("single requests, 64 connections (against 1 connection)", "/s", &many, &one, BENCH_AT_LEAST, 10);
    bench_ratio("single requests, 64 connections (against bare append and sync)", "/s", &many, &bare, BENCH_AT_LEAST,
                5);
    storage_close(&storage);
    agents_close(&fleet);
    cluster_free(&cluster);
    return 0;
}
