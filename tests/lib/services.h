/* What answers on a test_cluster in this process: heartbeats, credentials, the hub and, if wanted, REST. */
#ifndef AQ_TESTS_LIB_SERVICES_H
#define AQ_TESTS_LIB_SERVICES_H

#include "controller/hub/loop.h"
#include "controller/serve/serve.h"
#include "controller/state/live.h"
#include "controller/tls/authority.h"
#include "tests/lib/cluster.h"

/* Of an authority that there is not. */
#define TEST_FINGERPRINT "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct test_services {
    struct live *live;
    struct usage *usage;
    struct credentials *credentials;
    struct issuer issuer; /* of TEST_FINGERPRINT */
    struct keyring *keyring;
    struct door *door;
    struct hub_loop *hub_loop;
    struct hub *hub;
    struct authority *authority;
    struct presented *presented; /* NULL: no TLS */
    struct serve *serve;         /* NULL: no REST */
};

/* Starts them on the ports in the cluster's settings, before test_cluster_start(). `rest` NULL: no REST; else its
 * `verify` and `verify_context` are used. */
void test_services_start(struct test_services *services, struct test_cluster *cluster,
                         const struct serve_options *rest);

/* Stops them. The caller then closes the cluster. */
void test_services_stop(struct test_services *services);

#endif
