/* Thousands of agents in one process, which consist of messages only. They say hello, send heartbeats and poll for
 * work, and report every workload as started or ended as soon as they are told to start or end it. They share a few raw
 * nanomsg sockets, each with many open questions; the number of a question is that of its agent. */
#ifndef AQ_TESTS_LIB_AGENTS_H
#define AQ_TESTS_LIB_AGENTS_H

#include "schema/model/amounts.h"
#include "schema/wire/seal.h"
#include "tests/lib/bench_cluster.h"

enum { AGENTS_SOCKETS = 4, AGENTS_WINDOW = 512, AGENTS_NAME_SIZE = 24, AGENTS_JOIN_S = 120, AGENTS_REPORTED_MAX = 64 };

struct bench_agent {
    char name[AGENTS_NAME_SIZE];
    uint64_t session, seen, last_report, last_beat;
    double beat_at;
    bool welcome, silent; /* silent: sends nothing more */
};

struct agents_fleet {
    struct aq_wire_key key;
    int sockets[AGENTS_SOCKETS], fds[AGENTS_SOCKETS];
    struct bench_agent *agents;
    unsigned count, welcome;
    struct aq_amounts capacity;
    bool works; /* polls for work, too */
    double beat_s;
    struct aq_arena arena;
    struct aq_buffer sealed;
    uint64_t beats, started, ended, refused;
};

void agents_open(struct agents_fleet *fleet, const struct controller *cluster, unsigned count,
                 const struct aq_amounts *capacity);
void agents_close(struct agents_fleet *fleet);

/* ---- asking -------------------------------------------------------------------------------------------- */

/* ---- answers ------------------------------------------------------------------------------------------- */

/* Lets all agents join, AGENTS_WINDOW at a time. */
void agents_join(struct agents_fleet *fleet);
/* Sends heartbeats and does work for so many seconds. */
void agents_run(struct agents_fleet *fleet, double seconds);

#endif
