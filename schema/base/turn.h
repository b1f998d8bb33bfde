/* Turns: how the parts work that decide something (the writer, the hub, the agent and others).
 *
 * Such a part has no thread, clock or source of random bytes of its own. A turn takes what has come, does all that can
 * be done now, and returns until when there is nothing to do. The daemons give turns on real time, the simulator
 * (tests/sim) on virtual time. Random bytes come from libsodium, whose source the simulator replaces. */
#ifndef AQ_SCHEMA_BASE_TURN_H
#define AQ_SCHEMA_BASE_TURN_H

#include <stdint.h>

/* Two clocks, read at the same moment. There is no third. */
struct aq_clocks {
    uint64_t steady_ms; /* monotonic, runs on while the machine is suspended: for waiting */
    uint64_t wall_ms;   /* since 1970-01-01 UTC, may jump: for what is written down */
};

/* The real time: for those who give turns. */
struct aq_clocks aq_clocks_read(void);

/* How long to wait until `deadline_ms`, for poll(): 0 if it has passed, `most_ms` at most. */
int aq_clocks_left_ms(const struct aq_clocks *now, uint64_t deadline_ms, int most_ms);

#endif
