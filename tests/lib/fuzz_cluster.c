#include "tests/lib/fuzz_cluster.h"

#include <stdlib.h>

enum { INPUTS_MAX = 20000 };

static int fuzz_cluster_verify(void *context, struct aq_buffer *report, struct aq_error *error)
{
    (void)context;
    (void)error;
    aq_buffer_text(report, "not here");
    return 0;
}

void fuzz_cluster_start(struct fuzz_cluster *fuzz, bool serving)
{
    const struct serve_options rest = {.verify = fuzz_cluster_verify};
    const char *parent = getenv("TMPDIR");
    struct test_cluster *cluster = &fuzz->cluster;
    *fuzz = (struct fuzz_cluster){0};
    test_cluster_make(cluster, parent != NULL ? parent : "/tmp");
    cluster->config.log.map_size = 64;
    cluster->config.state.map_size = 64;
    cluster->config.api.body_max = 65536;
    cluster->config.api.timeout = 5;
    test_cluster_open(cluster, false);
    test_services_start(&fuzz->services, cluster, serving ? &rest : NULL);
    test_cluster_start(cluster);
    test_make_label(cluster, "mac");
}

void fuzz_cluster_stop(struct fuzz_cluster *fuzz)
{
    test_services_stop(&fuzz->services);
    test_cluster_free(&fuzz->cluster);
    *fuzz = (struct fuzz_cluster){0};
}

static void (*cluster_end)(void);
static bool cluster_runs;

static void end_cluster(void)
{
    if (cluster_runs)
        cluster_end();
    cluster_runs = false;
}

void fuzz_cluster_next(void (*begin)(void), void (*end)(void))
{
    static unsigned inputs;
    if (cluster_end == NULL && atexit(end_cluster) != 0)
        abort();
    cluster_end = end;
    if (++inputs % INPUTS_MAX == 0)
        end_cluster();
    if (!cluster_runs)
        begin();
    cluster_runs = true;
}
