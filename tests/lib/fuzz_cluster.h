/* A cluster of its own for a fuzz target that talks to a real server: in a directory below TMPDIR, small, on free
 * ports. run.sh gives each target a TMPDIR on a fast disk, and removes it however the target ends. */
#ifndef AQ_TESTS_LIB_FUZZ_CLUSTER_H
#define AQ_TESTS_LIB_FUZZ_CLUSTER_H

#include "tests/lib/services.h"

enum { FUZZ_CLUSTER_INPUTS_MAX = 20000 /* then it is made anew: or its log would grow for ever */ };

struct fuzz_cluster {
    struct test_cluster cluster;
    struct test_services services;
};

/* Writer, hub, and, when `serving`, REST; with the label mac. */
void fuzz_cluster_start(struct fuzz_cluster *fuzz, bool serving);
void fuzz_cluster_stop(struct fuzz_cluster *fuzz);

#endif
