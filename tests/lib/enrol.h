/* Test agents whose key a test_cluster knows. */
#ifndef AQ_TESTS_LIB_ENROL_H
#define AQ_TESTS_LIB_ENROL_H

#include "tests/lib/cluster.h"
#include "tests/lib/identities.h"

/* Makes the key of this name (test_node_pair) the node's, with a join token, if it is not yet. Aborts when it is
 * refused. */
void test_enrol(struct test_cluster *cluster, const char *name);
/* The identity of the node's agent, for the hub of this directory. */
void test_node_identity(struct aq_identity *identity, const char *name, const char *directory);

#endif
