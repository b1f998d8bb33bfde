/* What every abuse test starts from: checks, sockets that do what no decent client does, and a look at the process that
 * has to bear it.
 *
 * An abuse test is one program with real processes of its own on loopback. It prints "ok NAME" and "not ok NAME" lines,
 * as the other tests do, and figures behind "# ". With the argument "exact" it runs longer, and a well-behaved client
 * may be slowed by no more than a tenth; without it, in `make check`, by half: that is what a machine that others use,
 * too, can tell in the time. Whatever happens, nothing stays: the controller dies with the program, and its directory
 * is removed. */
#ifndef AQ_TESTS_LIB_ABUSE_H
#define AQ_TESTS_LIB_ABUSE_H

#include "tests/lib/bench_cluster.h"

enum { ABUSE_SECONDS_MAX = 120, ABUSE_NEWCOMER_MS = 3000, ABUSE_PATIENCE = 3, ABUSE_TIMEOUT_S = 5 };

extern struct controller abuse_cluster;
extern int abuse_rounds;
extern double abuse_round_s, abuse_slower_most;

/* ---- checks -------------------------------------------------------------------------------------------- */

bool abuse_check(bool good, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* `more`: as in cluster_new(). */
void abuse_begin(int argc, char **argv, const char *const *more);
/* Ends the controller, which must end well. The exit status of the test. */
int abuse_end(void);

/* ---- the process that has to bear it --------------------------------------------------------------------- */

int abuse_fds(void);
double abuse_memory_mib(void);
/* Are there only `most` descriptors (again), within so many seconds? */
bool abuse_fds_within(int most, double seconds);

/* ---- sockets --------------------------------------------------------------------------------------------- */

/* Connects to a port, from 127.0.0.`host`, and waits for that; -1: refused, or nobody took it in time. */
int abuse_connect(unsigned port, unsigned host);

/* A crowd of connections that were made, but are not used. */
struct crowd {
    int *fds;
    size_t count;
};

void crowd_gather(struct crowd *crowd, unsigned port, size_t count, const void *words, size_t length);
/* `rudely`: with a reset instead of an end. */
void crowd_leave(struct crowd *crowd, bool rudely);
/* Sends all, whatever it takes, as far as the other side reads; reads what is answered into `answer`, until its end or
 * a pause of the patience. Returns the HTTP status, 0: none. */
int abuse_say(unsigned port, const char *words, size_t length, struct aq_buffer *answer);

/* ---- a well-behaved client --------------------------------------------------------------------------------- */

struct gentle {
    struct load load;
    struct aq_buffer request;
    double rests_since;
    struct bench_rounds rate[2], median[2], slow[2]; /* without and with whoever misbehaves; times in ms */
};

void gentle_open(struct gentle *gentle, const char *path, unsigned connections);
void gentle_round(struct gentle *gentle, bool disturbed);
/* By how much it was slower: in its typical answer, or in its best round; whichever says less, for that is not what the
 * machine did besides. */
double gentle_slower(struct gentle *gentle);
/* One more round? What the machine does besides passes: while somebody looks slower, there are more. */
bool abuse_goes_on(int round, double slower);
void gentle_close(struct gentle *gentle, const char *what);
/* Somebody who comes new while others misbehave: is he answered, and soon? */
void gentle_newcomer(const char *what);

#endif
