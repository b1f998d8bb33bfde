#include "tests/lib/fuzz_cluster.h"

static int fuzz_cluster_verify(void *context, struct aq_buffer *report, struct aq_error *error)
{
    (void)context;
    (void)error;
    aq_buffer_text(report, "not here");
    return 0;
}

static void fuzz_cluster_configure(struct test_cluster *cluster)
{
    const char *where = getenv("TMPDIR");
    *cluster = (struct test_cluster){0};
    snprintf(cluster->directory, sizeof cluster->directory, "%.40s/aq-fuzz-XXXXXX", where ? where : "/tmp");
    fuzz_must(sodium_init() >= 0 && mkdtemp(cluster->directory) != NULL);
    aq_journal_open("fuzz", AQ_ERROR);
    aq_record_init(&aq_config_controller_record, &cluster->config, &cluster->arena);
    cluster->config.data = cluster->directory;
    cluster->config.log.map_size = 64;
    cluster->config.state.map_size = 64;
    cluster->config.log.disk_reserve = 1;
    cluster->config.api.port = 0;
    cluster->config.hub.port = 0;
    cluster->config.api.body_max = 65536;
    cluster->config.api.timeout = 5;
}

void fuzz_cluster_start(struct fuzz_cluster *fuzz, bool serving)
{
    struct aq_error error = {0};
    struct test_cluster *cluster = &fuzz->cluster;
    *fuzz = (struct fuzz_cluster){0};
    fuzz_cluster_configure(cluster);
    test_cluster_open(cluster, false);
    test_must(live_open(&fuzz->live, cluster->directory, STATE_WRITE, &error), &error);
    test_must(credentials_open(&fuzz->credentials, cluster->state, 1, &error), &error);
    struct hub_options hub = {&cluster->config, cluster->writer, cluster->state, fuzz->live, fuzz->credentials};
    test_must(hub_start(&fuzz->hub, &hub, &error), &error);
    struct serve_options options = {.config = &cluster->config,
                                    .writer = cluster->writer,
                                    .state = cluster->state,
                                    .live = fuzz->live,
                                    .credentials = fuzz->credentials,
                                    .hub = fuzz->hub,
                                    .verify = fuzz_cluster_verify};
    if (serving)
        test_must(serve_start(&fuzz->serve, &options, &error), &error);
    test_cluster_start(cluster);
    test_make_label(cluster, "mac");
}

void fuzz_cluster_stop(struct fuzz_cluster *fuzz)
{
    serve_stop(fuzz->serve);
    hub_stop(fuzz->hub);
    credentials_close(fuzz->credentials);
    live_close(fuzz->live);
    test_cluster_free(&fuzz->cluster);
    *fuzz = (struct fuzz_cluster){0};
}

unsigned fuzz_cluster_port(const struct fuzz_cluster *fuzz, const char *name)
{
    char path[128];
    unsigned port = 0;
    snprintf(path, sizeof path, "%s/%s", fuzz->cluster.directory, name);
    FILE *file = fopen(path, "re");
    fuzz_must(file != NULL && fscanf(file, "%u", &port) == 1);
    fclose(file);
    return port;
}
