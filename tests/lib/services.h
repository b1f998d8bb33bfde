/* What answers on a test_cluster in this process: heartbeats, credentials, the hub and, if wanted, REST. */
#ifndef AQ_TESTS_LIB_SERVICES_H
#define AQ_TESTS_LIB_SERVICES_H

#include "controller/hub/hub.h"
#include "controller/serve/serve.h"
#include "controller/state/live.h"
#include "tests/lib/cluster.h"

struct test_services {
    struct live *live;
    struct credentials *credentials;
    struct hub *hub;
    struct serve *serve; /* NULL: no REST */
};

/* Starts them on the ports in the cluster's settings, before test_cluster_start(). `rest` NULL: no REST; else its
 * `verify` and `verify_context` are used. */
void test_services_start(struct test_services *services, struct test_cluster *cluster,
                         const struct serve_options *rest);

/* Stops them. The caller then closes the cluster. */
void test_services_stop(struct test_services *services);

#endif
