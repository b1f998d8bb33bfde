/* Reads over REST of a cluster with many applications, against the same HTTP library, driven in the same way, with a
 * constant answer of the same size. */
#ifndef AQ_TESTS_LIB_BENCH_READS_H
#define AQ_TESTS_LIB_BENCH_READS_H

#include "tests/lib/bench_cluster.h"

enum { BENCH_READS_APPLICATIONS = 20000, BENCH_READS_NODES = 100, BENCH_READS_ROUNDS = 9 };

/* The cluster has BENCH_READS_APPLICATIONS applications. Prints two results, for one application and for a page of 100;
 * each begins with `prefix`. `pem`: a file with a certificate and its key; the reads go over TLS, to `port`. NULL:
 * without TLS. */
void bench_reads(struct controller *cluster, unsigned port, const char *prefix, const char *pem);

#endif
