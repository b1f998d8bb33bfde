/* The basis of the abuse tests: checks, sockets that misbehave, and figures of the process under attack.
 *
 * An abuse test is one program that starts its own processes on loopback. It prints "ok NAME" and "not ok NAME" lines,
 * as the other tests do, and figures after "# ". It measures by how much a well-behaved client is slowed: at most by a
 * tenth with the argument "exact", which takes longer, and at most by half without it, in `make check`, because a
 * shared machine is too noisy for more in that time. The controller dies with the program, and its directory is
 * removed, however the program ends. */
#ifndef AQ_TESTS_LIB_ABUSE_H
#define AQ_TESTS_LIB_ABUSE_H

#include "tests/lib/bench_cluster.h"

enum { ABUSE_SECONDS_MAX = 120, ABUSE_NEWCOMER_MS = 3000, ABUSE_PATIENCE = 3, ABUSE_TIMEOUT_S = 5 };

extern struct controller abuse_cluster;
extern int abuse_rounds;
extern double abuse_round_s, abuse_slower_most;

/* ---- checks -------------------------------------------------------------------------------------------- */

bool abuse_check(bool good, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Starts the controller. `more`: as in cluster_new(). */
void abuse_begin(int argc, char **argv, const char *const *more);
/* Stops the controller, which must exit with status 0. Returns the exit status of the test. */
int abuse_end(void);

/* ---- the process under attack --------------------------------------------------------------------- */

int abuse_fds(void);
double abuse_memory_mib(void);
/* Waits until the controller has at most `most` descriptors; false when it still has more after so many seconds. */
bool abuse_fds_within(int most, double seconds);

/* ---- sockets --------------------------------------------------------------------------------------------- */

/* Connects to a port from 127.0.0.`host`. Returns -1 when the connection is refused or not accepted in time. */
int abuse_connect(unsigned port, unsigned host);

/* Many idle connections. */
struct crowd {
    int *fds;
    size_t count;
};

void crowd_connect(struct crowd *crowd, unsigned port, size_t count, const void *words, size_t length);
/* Closes them; with a reset when `rudely`. */
void crowd_leave(struct crowd *crowd, bool rudely);
/* Sends everything as long as the peer reads, then reads the answer until the peer closes the connection or is silent
 * for ABUSE_TIMEOUT_S. Returns the HTTP status; 0: there is none. */
int abuse_say(unsigned port, const char *words, size_t length, struct aq_buffer *answer);

/* ---- a well-behaved client --------------------------------------------------------------------------------- */

struct gentle {
    struct load load;
    struct aq_buffer request;
    double rests_since;
    struct bench_rounds rate[2], median[2], slow[2]; /* [0] undisturbed, [1] under attack; times in ms */
};

void gentle_open(struct gentle *gentle, const char *path, unsigned connections);
void gentle_round(struct gentle *gentle, bool disturbed);
/* How many times slower the client was under attack: by the median answer time or by the best round, whichever is less.
 * The larger one is noise of the machine. */
double gentle_slower(struct gentle *gentle);
/* Whether another round is needed: there are more rounds while a client looks too slow, because noise passes. */
bool abuse_needs_round(int round, double slower);
void gentle_close(struct gentle *gentle, const char *what);
/* Checks that a new client is answered in time while others misbehave. */
void abuse_check_new_client(const char *what);

#endif
