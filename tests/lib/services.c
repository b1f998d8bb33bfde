#include "tests/lib/services.h"

void test_services_start(struct test_services *services, struct test_cluster *cluster, const struct serve_options *rest)
{
    struct aq_error error = {0};
    *services = (struct test_services){0};
    test_must(live_open(&services->live, cluster->directory, STATE_WRITE, &error), &error);
    test_must(credentials_open(&services->credentials, cluster->state, 1, &error), &error);
    struct hub_options hub = {&cluster->config, cluster->writer, cluster->state, services->live, services->credentials};
    test_must(hub_start(&services->hub, &hub, &error), &error);
    if (rest == NULL)
        return;
    struct serve_options options = *rest;
    options.config = &cluster->config;
    options.writer = cluster->writer;
    options.state = cluster->state;
    options.live = services->live;
    options.credentials = services->credentials;
    options.hub = services->hub;
    test_must(serve_start(&services->serve, &options, &error), &error);
}

void test_services_stop(struct test_services *services)
{
    serve_stop(services->serve);
    hub_stop(services->hub);
    credentials_close(services->credentials);
    live_close(services->live);
    *services = (struct test_services){0};
}
