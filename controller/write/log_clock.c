#include "controller/write/log_clock.h"

enum { ROUND_MS = 1000 }; /* over shorter times, the parts of a millisecond that rounding loses would add up */

static int64_t bounded(int64_t value, int64_t most)
{
    return value > most ? most : value < -most ? -most : value;
}

void log_clock_start(struct log_clock *clock, uint64_t log_ms, uint64_t steady_ms, uint64_t wall_ms)
{
    uint64_t now_ms = wall_ms > log_ms ? wall_ms : log_ms;
    *clock = (struct log_clock){now_ms, steady_ms, now_ms, (int64_t)(wall_ms - steady_ms), steady_ms};
}

uint64_t log_clock_read(struct log_clock *clock, uint64_t steady_ms, uint64_t wall_ms, int64_t *jump)
{
    *jump = 0;
    if (steady_ms < clock->read_ms)
        return clock->last_ms;
    clock->read_ms = steady_ms;
    uint64_t passed_ms = steady_ms > clock->steady_ms ? steady_ms - clock->steady_ms : 0;
    uint64_t now_ms = clock->time_ms + passed_ms;
    now_ms += (uint64_t)bounded((int64_t)(wall_ms - now_ms), (int64_t)(passed_ms / LOG_CLOCK_PART));
    if (now_ms < clock->last_ms)
        now_ms = clock->last_ms;
    if (passed_ms >= ROUND_MS) {
        clock->time_ms = now_ms;
        clock->steady_ms = steady_ms;
    }
    clock->last_ms = now_ms;
    int64_t ahead_ms = (int64_t)(wall_ms - steady_ms), change_ms = ahead_ms - clock->wall_ms;
    clock->wall_ms = ahead_ms;
    if (change_ms >= LOG_CLOCK_JUMP_MS || change_ms <= -LOG_CLOCK_JUMP_MS)
        *jump = change_ms;
    return now_ms;
}
