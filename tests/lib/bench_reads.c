#include "tests/lib/bench_reads.h"

#include "tests/lib/constant.h"

enum { CONNECTIONS = 16, STEP = 7919, PAGE = 100 };

struct reads {
    unsigned port;
    const char *login, *pem;
};

/* Another application each time, spread over all of them. */
static void fill_one(struct load *load, void *context, struct aq_buffer *out)
{
    uint64_t *next = context;
    char path[64];
    *next = (*next + STEP) % BENCH_READS_APPLICATIONS;
    snprintf(path, sizeof path, "/api/v1/application/%llu", (unsigned long long)*next + 1);
    load_get(load, path, out);
}

static void fill_page(struct load *load, void *context, struct aq_buffer *out)
{
    uint64_t *next = context;
    char path[64];
    *next = (*next + STEP) % (BENCH_READS_APPLICATIONS - PAGE);
    snprintf(path, sizeof path, "/api/v1/application/?after=%llu", (unsigned long long)*next + 1);
    load_get(load, path, out);
}

static double measure(const struct reads *reads, unsigned port, load_fill_fn *fill)
{
    struct load load;
    uint64_t next = 1;
    (reads->pem != NULL ? load_open_secure : load_open)(&load, port, reads->login, CONNECTIONS);
    load_run(&load, 0.1, 0, fill, &next); /* the first request of a connection may cost a verification */
    load_run(&load, 0.6, 0, fill, &next);
    if (load.refused > 0)
        BENCH_DIE("%llu reads were refused", (unsigned long long)load.refused);
    double rate = load_rate(&load);
    load_close(&load);
    return rate;
}

static void compare(struct controller *cluster, const struct reads *reads, const char *what, const char *path,
                    load_fill_fn *fill)
{
    struct constant constant;
    struct aq_buffer body = {0};
    struct bench_rounds ours = {.count = 0}, bare = {.count = 0};
    load_ask(cluster->api_port, cluster->login, path, NULL, &body);
    bench_say("%s: %zu bytes", path, body.length);
    constant_start(&constant, &body, reads->pem);
    for (int i = 0; i < BENCH_READS_ROUNDS; i++) {
        bench_round(&ours, measure(reads, reads->port, fill));
        bench_round(&bare, measure(reads, constant.port, fill));
    }
    constant_stop(&constant);
    aq_buffer_free(&body);
    bench_ratio(what, "/s", &ours, &bare, BENCH_AT_LEAST, 0.6);
}

void bench_reads(struct controller *cluster, unsigned port, const char *prefix, const char *pem)
{
    const struct reads reads = {port, cluster->login, pem};
    char what[120];
    snprintf(what, sizeof what, "%sreads of one application, %d connections", prefix, CONNECTIONS);
    compare(cluster, &reads, what, "/api/v1/application/12345", fill_one);
    snprintf(what, sizeof what, "%sreads of a page of 100 applications, %d connections", prefix, CONNECTIONS);
    compare(cluster, &reads, what, "/api/v1/application/?after=12345", fill_page);
}
