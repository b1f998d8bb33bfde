/* A small cluster for a fuzz target that talks to a real server, in a directory below TMPDIR and on free ports. run.sh
 * gives each target a TMPDIR on a fast disk, and removes it however the target ends. */
#ifndef AQ_TESTS_LIB_FUZZ_CLUSTER_H
#define AQ_TESTS_LIB_FUZZ_CLUSTER_H

#include "tests/lib/services.h"

struct fuzz_cluster {
    struct test_cluster cluster;
    struct test_services services;
};

/* Starts the writer, the hub and, when `serving`, REST. Creates the label mac. */
void fuzz_cluster_start(struct fuzz_cluster *fuzz, bool serving);
void fuzz_cluster_stop(struct fuzz_cluster *fuzz);

/* Called for each input. Begins with the first one, begins again after 20,000 of them, because the log grows, and calls
 * `end` when the program exits. */
void fuzz_cluster_next(void (*begin)(void), void (*end)(void));

#endif
