#include "tests/lib/services.h"

#include "controller/hub_identity.h"
#include "schema/base/clock.h"

static void start_tls(struct test_services *services, struct test_cluster *cluster)
{
    struct aq_error error = {0};
    const struct aq_config_tls *config = &cluster->config.api.tls;
    if (config->address[0] == '\0')
        return;
    test_must(presented_open(&services->presented, services->authority, cluster->directory, config, aq_clock_wall_ms(),
                             &error),
              &error);
}

void test_services_start(struct test_services *services, struct test_cluster *cluster, const struct serve_options *rest)
{
    struct aq_error error = {0};
    *services = (struct test_services){0};
    test_must(live_open(&services->live, cluster->directory, STATE_WRITE, &error), &error);
    services->usage = usage_open();
    test_must(credentials_open(&services->credentials, cluster->state, services->live, 1, &error), &error);
    services->issuer.fingerprint = TEST_FINGERPRINT;
    test_must(keyring_open(&services->keyring, cluster->directory, &error), &error);
    services->door = door_open(services->keyring, cluster->writer, cluster->state);
    struct hub_options hub = {.config = &cluster->config,
                              .state = cluster->state,
                              .live = services->live,
                              .usage = services->usage,
                              .issuer = &services->issuer,
                              .door = services->door};
    test_must(authority_open(&services->authority, cluster->directory, aq_clock_wall_ms(), &error), &error);
    test_must(hub_identity_open(&hub.identity, cluster->directory, services->authority, &error), &error);
    test_must(hub_loop_start(&services->hub_loop, &hub, cluster->loop, &error), &error);
    services->hub = hub_loop_hub(services->hub_loop);
    if (rest == NULL)
        return;
    struct serve_options options = *rest;
    options.config = &cluster->config;
    options.loop = cluster->loop;
    options.state = cluster->state;
    options.live = services->live;
    options.usage = services->usage;
    options.credentials = services->credentials;
    options.issuer = &services->issuer;
    options.hub = services->hub;
    options.door = services->door;
    start_tls(services, cluster);
    options.presented = services->presented;
    test_must(serve_start(&services->serve, &options, &error), &error);
}

void test_services_stop(struct test_services *services)
{
    serve_stop(services->serve);
    hub_loop_stop(services->hub_loop);
    credentials_close(services->credentials);
    door_close(services->door);
    keyring_close(services->keyring);
    live_close(services->live);
    usage_close(services->usage);
    presented_close(services->presented);
    authority_close(services->authority);
    *services = (struct test_services){0};
}
