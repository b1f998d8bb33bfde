/* The writer as turns: all that it decides, without thread, clock or disk of its own.
 *
 * One turn takes what has come (requests, a finished append, the end of a waiting time), does all that can be done now,
 * and says until when there is nothing to do. The daemon's threads (writer.c) take turns on real time, the simulator
 * (tests/sim) on virtual time: it is the same code.
 *
 * Unless it says "any thread", a function belongs to the caller that takes the turns. */
#ifndef AQ_CONTROLLER_WRITE_TURNS_H
#define AQ_CONTROLLER_WRITE_TURNS_H

#include "controller/log/thread.h"
#include "controller/write/writer.h"

struct turns;

/* Two clocks, read at the same moment. There is no third. */
struct turns_clocks {
    uint64_t steady_ms; /* monotonic, runs on while the machine is suspended: for waiting */
    uint64_t wall_ms;   /* since 1970-01-01 UTC, may jump: for what is written down */
};

struct turns_options {
    const struct aq_config_controller *config;
    struct log_store *store; /* open. Turns read it; at the start and after a full disk they append to it, too */
    struct state *state;
    struct place_index *index; /* filled from `state`; becomes that of the turns, which free it */

    /* What turns want from outside. */
    void (*append)(void *context, struct log_job *job); /* starts an append; turns_appended() ends it. One at a time */
    void (*changed)(void *context);                     /* after a commit, its answers, and each change of leadership */
    void *context;
};

/* Takes the index in every case. */
int turns_open(struct turns **turns, const struct turns_options *options, const struct turns_clocks *now,
               struct aq_error *error) AQ_MUST_CHECK;
/* Requests that have no answer yet get none: they belong to their callers again. No append is under way outside.
 * NULL is fine. */
void turns_close(struct turns *turns);

struct turns_next {
    uint64_t deadline_ms; /* steady; a turn is due then, or when something comes before */
    bool ended;           /* after turns_stop(): everything has its answer, there are no more turns */
};
/* Takes a turn. After a failure there is no way on but a new start: the tables may lack what the log has. */
int turns_take(struct turns *turns, const struct turns_clocks *now, struct turns_next *next,
               struct aq_error *error) AQ_MUST_CHECK;

/* Any thread. A turn is due after each of them (if `wake` says so). */
int turns_submit(struct turns *turns, struct writer_request *request, bool *wake, struct aq_error *error) AQ_MUST_CHECK;
void turns_appended(struct turns *turns, struct log_job *job);
void turns_stop(struct turns *turns); /* finish what is under way, refuse the rest */

/* Any thread. */
uint64_t turns_seq(const struct turns *turns);
bool turns_leads(const struct turns *turns);
uint64_t turns_time_ms(struct turns *turns, const struct turns_clocks *now); /* see writer_time_ms() */
void turns_figures(const struct turns *turns, struct writer_figures *figures);

#endif
