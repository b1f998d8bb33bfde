/* Thousands of agents in one process, made of messages only: they say hello, send heartbeats, ask for work, and report
 * that what they were told to start runs, and that what they were told to end is gone. Over a few raw nanomsg sockets,
 * each with any number of questions open; the number of a question tells who asked what. */
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
    bool welcome, silent; /* silent: says nothing any more */
};

struct agents_fleet {
    struct aq_wire_key key;
    int sockets[AGENTS_SOCKETS], fds[AGENTS_SOCKETS];
    struct bench_agent *agents;
    unsigned count, welcome;
    struct aq_amounts capacity;
    bool works; /* asks for work as well */
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

/* All say hello, a window at a time, and are taken in. */
void agents_join(struct agents_fleet *fleet);
/* Heartbeats and work for so many seconds. */
void agents_run(struct agents_fleet *fleet, double seconds);

#endif
