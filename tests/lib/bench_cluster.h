/* An aq-controller process for benchmarks and abuse tests, with a label to ask for, and ways to fill it. What fails
 * ends the program, and the controller with it. */
#ifndef AQ_TESTS_LIB_BENCH_CLUSTER_H
#define AQ_TESTS_LIB_BENCH_CLUSTER_H

#include "tests/lib/controller.h"
#include "tests/lib/load.h"

/* Starts the controller and waits until it is ready; `more` are arguments that end with NULL. Returns the seconds that
 * it took. */
double cluster_start(struct controller *controller, const char *const *more);
/* The same in a new directory. */
void cluster_new(struct controller *controller, const char *const *more);
/* Sends SIGTERM and waits for a good end. */
void cluster_stop(struct controller *controller);
/* Stops it and removes its directory. */
void cluster_free(struct controller *controller);

/* ---- asking -------------------------------------------------------------------------------------------- */

uint64_t cluster_seq(struct controller *controller);
/* The label "bench": the driver test, a slot and a little of everything. */
void cluster_make_label(struct controller *controller);
/* A request for `count` applications at once. */
void cluster_fill_batch(struct load *load, unsigned count, struct aq_buffer *out);
/* One application for each request. */
void cluster_fill_one(struct load *load, void *context, struct aq_buffer *out);
/* Adds applications until there are `total`, in batches of 4,096. */
void cluster_make_applications(struct controller *controller, uint64_t have, uint64_t total);

#endif
