/* An aq-controller process for benchmarks and abuse tests, and requests that fill it. A failure ends the program, and
 * the controller with it. */
#ifndef AQ_TESTS_LIB_BENCH_CLUSTER_H
#define AQ_TESTS_LIB_BENCH_CLUSTER_H

#include "schema/wire/join_text.h"
#include "tests/lib/controller.h"
#include "tests/lib/load.h"

/* Starts the controller and waits until it is ready; `more` are arguments that end with NULL. Returns the seconds that
 * it took. */
double cluster_start(struct controller *controller, const char *const *more);
/* The same in a new directory. */
void cluster_new(struct controller *controller, const char *const *more);
/* Sends SIGTERM and waits until the controller has exited with status 0. */
void cluster_stop(struct controller *controller);
/* Stops it and removes its directory. */
void cluster_free(struct controller *controller);

/* ---- asking -------------------------------------------------------------------------------------------- */

uint64_t cluster_seq(struct controller *controller);
/* Creates the label "bench": the driver test, one slot, little of everything else. */
void cluster_make_label(struct controller *controller);
/* Makes a join token for any node, of many uses; stores the secret in it. */
void cluster_join_secret(const struct controller *controller, char secret[AQ_JOIN_SECRET_SIZE]);
/* Writes a request for `count` applications. */
void cluster_fill_batch(struct load *load, unsigned count, struct aq_buffer *out);
/* A load_fill_fn: one application in each request. */
void cluster_fill_one(struct load *load, void *context, struct aq_buffer *out);
/* Creates applications until there are `total`, in batches of 4,096. */
void cluster_make_applications(struct controller *controller, uint64_t have, uint64_t total);

#endif
