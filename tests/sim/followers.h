/* Readers of event streams: each has an entity whose events it follows, or all. When the controller is gone, it comes
 * back later and continues after the last event that it has seen, as browsers do. */
#ifndef AQ_TESTS_SIM_FOLLOWERS_H
#define AQ_TESTS_SIM_FOLLOWERS_H

#include "tests/sim/disk.h"
#include "tests/sim/front.h"
#include "tests/sim/judge.h"

enum { FOLLOWERS = 3 };

struct follower {
    const struct aq_entity *entity;   /* NULL: all */
    uint64_t seen;                    /* the last event, or those up to it were of other entities */
    struct front_request *connection; /* NULL: there is none */
    struct aq_buffer text;            /* what has come and is no whole event yet */
    uint64_t until;                   /* the connection ends after this event; UINT64_MAX: never */
    uint64_t restored;                /* how often the log had been when it connected */
    bool failed;                      /* the connection ends because the log cannot be read */
};

struct followers {
    struct sim *sim;
    struct judge *judge;
    struct disk *disk;
    struct follower all[FOLLOWERS];
};

void followers_open(struct followers *followers, struct judge *judge, struct disk *disk);
void followers_free(struct followers *followers);

/* The process that they were connected to is gone. */
void followers_lose(struct followers *followers);
/* One of them connects, or reads a piece. */
void followers_act(struct followers *followers, struct front *front, const struct front_caller *caller,
                   const struct aq_clocks *now);
/* Each reads to the end of the log. */
void followers_finish(struct followers *followers, struct front *front, const struct front_caller *caller,
                      const struct aq_clocks *now);

#endif
