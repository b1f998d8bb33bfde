/* A cluster in the test's own process: a real log, real tables and a real writer in a temporary directory. */
#ifndef AQ_TESTS_LIB_CLUSTER_H
#define AQ_TESTS_LIB_CLUSTER_H

#include "controller/log/store.h"
#include "controller/settings/settings.h"
#include "controller/state/state.h"
#include "controller/write/writer.h"
#include "schema/model/user.h"
#include "tests/lib/directory.h"

struct test_cluster {
    char directory[64];
    struct aq_config_controller config;
    struct aq_arena arena;
    struct log_store *store;
    struct state *state;
    struct writer *writer;
};

/* Aborts with the error when `status` is not 0. */
void test_must(int status, const struct aq_error *error);

/* Makes a directory below `parent`, and the settings: small maps, free ports. */
void test_cluster_make(struct test_cluster *cluster, const char *parent);
/* Opens everything, but does not start the writer's thread: a caller may register watches first. */
void test_cluster_open(struct test_cluster *cluster, bool rebuild);
/* Does both, in /tmp. */
void test_cluster_new(struct test_cluster *cluster);
/* Starts the writer's thread, and waits until it leads. */
void test_cluster_start(struct test_cluster *cluster);
/* Stops the writer and closes everything, but keeps the directory. */
void test_cluster_close(struct test_cluster *cluster);
/* Does the same, and removes the directory. */
void test_cluster_free(struct test_cluster *cluster);

/* ---- asking ------------------------------------------------------------------------------------------- */

/* Submits a request and waits for its answer, which is stored in it. */
void test_ask_request(struct test_cluster *cluster, struct writer_request *request);
/* Submits one command as `author`, with the role admin. Returns the seq, or 0 with `error` when it is refused. `id` may
 * be NULL. */
uint64_t test_ask(struct test_cluster *cluster, const struct aq_command *command, const void *record,
                  const char *author, char id[65], struct aq_error *error);

/* ---- common rows ------------------------------------------------------------------------------ */

/* Each aborts when it is refused. */
void test_make_user(struct test_cluster *cluster, const char *name, enum aq_role role);
/* A label with one definition of the driver `test` that needs one core and one slot. */
void test_make_label(struct test_cluster *cluster, const char *name);
/* A node with the driver `test`, so many cores, and a slot for each. */
void test_make_node(struct test_cluster *cluster, const char *name, unsigned cores);

#endif
