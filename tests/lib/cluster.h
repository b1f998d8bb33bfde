/* A cluster in the test's own process: a real log, real tables and a real writer in a temporary directory. The writer
 * has its threads, or lives on virtual time: then nothing happens but in calls of functions below. */
#ifndef AQ_TESTS_LIB_CLUSTER_H
#define AQ_TESTS_LIB_CLUSTER_H

#include "controller/log/store.h"
#include "controller/settings/settings.h"
#include "controller/state/state.h"
#include "controller/write/loop.h"
#include "schema/model/access.h"
#include "schema/model/role.h"
#include "schema/model/user.h"
#include "tests/lib/directory.h"

/* Another part that takes turns on the virtual time. Returns when the next one is due. */
typedef uint64_t test_turn_fn(void *part, const struct aq_clocks *now);

struct test_cluster {
    char directory[64];
    struct aq_config_controller config;
    struct aq_arena arena;
    struct log_store *store;
    struct state *state;
    struct writer_loop *loop; /* NULL on virtual time */
    struct writer *writer;

    /* Virtual time. */
    bool is_virtual;
    struct aq_clocks now;
    struct log_job *job; /* an append that is due; NULL: none */
    test_turn_fn *turn;  /* NULL: there is no other part */
    void *part;
    uint64_t writer_due_ms, part_due_ms; /* steady */
};

/* Aborts with the error when `status` is not 0. */
void test_must(int status, const struct aq_error *error);

/* Makes a directory below `parent`, and the settings: small maps, free ports. */
void test_cluster_make(struct test_cluster *cluster, const char *parent);
/* Opens everything, but does not start the writer's thread: a caller may register watches first. */
void test_cluster_open(struct test_cluster *cluster, bool rebuild);
/* Does both, in /tmp. */
void test_cluster_new(struct test_cluster *cluster);
/* The same on virtual time, which begins with the real one. */
void test_cluster_new_virtual(struct test_cluster *cluster);
/* Starts the writer's thread, or gives turns, until it leads. */
void test_cluster_start(struct test_cluster *cluster);
/* Stops the writer and closes everything, but keeps the directory. */
void test_cluster_close(struct test_cluster *cluster);
/* Does the same, and removes the directory. */
void test_cluster_free(struct test_cluster *cluster);

/* ---- virtual time ------------------------------------------------------------------------------------- */

/* Does all that is due within the next `ms`, and moves the time on by them. */
void test_cluster_pass(struct test_cluster *cluster, uint64_t ms);
/* A turn of `part` is due: what a part calls to be woken. */
void test_cluster_wake(void *cluster);

/* ---- asking ------------------------------------------------------------------------------------------- */

/* The log's time. */
uint64_t test_time_ms(const struct test_cluster *cluster);

/* Submits a request and waits for its answer, which is stored in it. */
void test_ask_request(struct test_cluster *cluster, struct writer_request *request);
/* Does the built-in role permit the command to any row? No role permits an internal one. */
bool test_role_permits(const char *role, const struct aq_command *command);
/* A user with a built-in role, whether or not the tables have it. */
struct aq_caller test_caller(const char *name, const char *role);

/* Submits one command as `author`, with the rights of an admin. Returns the seq, or 0 with `error` when it is refused.
 * `id` may be NULL. */
uint64_t test_ask(struct test_cluster *cluster, const struct aq_command *command, const void *record,
                  const char *author, char id[65], struct aq_error *error);

/* ---- common rows ------------------------------------------------------------------------------ */

/* Each aborts when it is refused. */
void test_make_user(struct test_cluster *cluster, const char *name, const char *role);
/* A label with one definition of the driver `test` that needs one core and one slot. */
void test_make_label(struct test_cluster *cluster, const char *name);
/* A node with the driver `test`, so many cores, and a slot for each. */
void test_make_node(struct test_cluster *cluster, const char *name, unsigned cores);

#endif
