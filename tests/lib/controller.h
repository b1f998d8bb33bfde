/* A real aq-controller process in a directory of its own, on free ports, with a label to ask for. It ends with the
 * program that started it, however that ends. BUILD says where the binaries are. */
#ifndef AQ_TESTS_LIB_CONTROLLER_H
#define AQ_TESTS_LIB_CONTROLLER_H

#include "controller/settings/settings.h"
#include "tests/lib/load.h"
#include "tests/lib/program.h"

#include <sys/wait.h>

enum { CLUSTER_START_S = 120, CLUSTER_STOP_S = 60, CLUSTER_ARGUMENTS_MAX = 24 };

struct cluster {
    char directory[BENCH_PATH_SIZE]; /* of the controller: its log, its tables, log.txt */
    char login[128];
    int pid;
    unsigned api_port, hub_port;
};

/* Does it take the login? It may listen, and even lead, a moment before its first user is there. */
bool cluster_answers(const struct cluster *cluster);
/* Starts the controller on the cluster's directory and waits until it is ready; `more` ends with NULL. Returns the
 * seconds that it took. */
double cluster_start(struct cluster *cluster, const char *const *more);
void cluster_new(struct cluster *cluster, const char *const *more);
void cluster_signal(struct cluster *cluster, int number);
void cluster_free(struct cluster *cluster);

/* ---- asking -------------------------------------------------------------------------------------------- */

uint64_t cluster_seq(struct cluster *cluster);
/* The label "bench": the driver test, a slot and a little of everything. */
void cluster_make_label(struct cluster *cluster);
/* A request for `count` applications at once. */
void cluster_fill_batch(struct load *load, unsigned count, struct aq_buffer *out);
/* One application for each request. */
void cluster_fill_one(struct load *load, void *context, struct aq_buffer *out);
/* Adds applications until there are `total`, in batches of 4,096. */
void cluster_make_applications(struct cluster *cluster, uint64_t have, uint64_t total);

#endif
