/* Thousands of agents in one process, which consist of messages only. They enrol, say hello, send heartbeats and poll
 * for work, and report every workload as started or ended as soon as they are told to start or end it. They share a few
 * raw nanomsg sockets, each with many open questions; the number of a question is that of its agent. */
#ifndef AQ_TESTS_LIB_AGENTS_H
#define AQ_TESTS_LIB_AGENTS_H

#include "schema/model/amounts.h"
#include "tests/lib/bench_cluster.h"
#include "tests/lib/identities.h"

enum {
    AGENTS_SOCKETS = 4,
    AGENTS_WINDOW = 512,
    AGENTS_FIRST_WINDOW = 32,
    AGENTS_NAME_SIZE = 24,
    AGENTS_JOIN_S = 120,
    AGENTS_AGAIN_MS = 1000,
    AGENTS_REPORTED_MAX = 64
};

struct bench_agent {
    char name[AGENTS_NAME_SIZE];
    struct aq_noise *joining; /* while it enrols */
    struct test_end end;
    uint64_t polled, talked; /* counters of the last POLL, and of the last other question */
    uint64_t session, seen, last_report, last_beat;
    double beat_at;
    bool enrolled, welcome, silent; /* silent: sends nothing more */
};

struct agents_fleet {
    unsigned char hub[AQ_NOISE_KEY_SIZE];
    char secret[AQ_JOIN_SECRET_SIZE]; /* of their join token */
    int sockets[AGENTS_SOCKETS], fds[AGENTS_SOCKETS];
    struct bench_agent *agents;
    unsigned count, enrolled, welcome;
    struct aq_amounts capacity;
    bool works;   /* polls for work, too */
    bool samples; /* tells with some heartbeats what it uses */
    double beat_s;
    struct aq_arena arena;
    struct aq_buffer sealed;
    uint64_t beats, started, ended, refused;
};

void agents_open(struct agents_fleet *fleet, const struct controller *cluster, unsigned count,
                 const struct aq_amounts *capacity);
void agents_close(struct agents_fleet *fleet);

/* Lets all agents enrol, and then say hello, AGENTS_WINDOW at a time. At first fewer: of a connection that has shown no
 * key yet, the hub reads few messages. */
void agents_join(struct agents_fleet *fleet);
/* As agents do when an answer does not come: nanomsg sometimes does not notice that the other end has closed. */
void agents_reconnect(struct agents_fleet *fleet, const struct controller *cluster);
/* The hub was restarted: lets all agents begin sealed sessions and say hello, as they do then. */
void agents_return(struct agents_fleet *fleet);
/* Sends heartbeats and does work for so many seconds. */
void agents_run(struct agents_fleet *fleet, double seconds);

#endif
