/* The time of the log: of its entries, and of all that is compared with times in it, such as the end of a lifetime.
 *
 * It never goes back, and it goes on steadily even if the wall clock jumps: it is a steady clock's time since the last
 * entry, drawn to the wall clock by at most a tenth of a second in a second (1 / LOG_CLOCK_PART). So a wall clock that
 * is 400 days ahead for one second moves it by a tenth of a second; after a correction by an hour, both agree again in
 * ten hours. At a start it is the wall clock's time, or that of the last entry if that is later: then it stays ahead,
 * and goes slower by a tenth until the wall clock has come up to it.
 *
 * The steady clock is one that runs on while the machine is suspended. All arguments are milliseconds. */
#ifndef AQ_CONTROLLER_WRITE_LOG_CLOCK_H
#define AQ_CONTROLLER_WRITE_LOG_CLOCK_H

#include <stdint.h>

enum {
    LOG_CLOCK_PART = 10,      /* how much faster or slower it goes than the steady clock: by one in so many parts */
    LOG_CLOCK_JUMP_MS = 2000, /* a wall clock that changed by this much more or less than the steady one has jumped */
};

struct log_clock {
    uint64_t time_ms, steady_ms; /* both at the same moment, at most about a second ago if it is read that often */
    uint64_t last_ms;            /* what was read last */
    int64_t wall_ms;             /* how far the wall clock was ahead of the steady one then */
    uint64_t read_ms;            /* the steady clock at the last reading */
};

/* `log_ms`: the time of the log's last entry; 0: none. */
void log_clock_start(struct log_clock *clock, uint64_t log_ms, uint64_t steady_ms, uint64_t wall_ms);

/* Returns the time. Clocks that another thread has read before the last reading tell nothing new. `jump`: by how much
 * the wall clock has jumped since the last call; 0: it has not. */
uint64_t log_clock_read(struct log_clock *clock, uint64_t steady_ms, uint64_t wall_ms, int64_t *jump);

#endif
