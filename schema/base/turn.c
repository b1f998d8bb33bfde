#include "schema/base/turn.h"

#include "schema/base/clock.h"

enum {
    APART_MS = 50, /* a thread that was held up for longer between two clocks reads them again */
    TRIES = 3,
};

struct aq_clocks aq_clocks_read(void)
{
    struct aq_clocks now = {.steady_ms = aq_clock_boot_ms()};
    uint64_t before_ms;
    int tries = 0;
    do {
        before_ms = now.steady_ms;
        now.wall_ms = aq_clock_wall_ms();
        now.steady_ms = aq_clock_boot_ms();
    } while (now.steady_ms - before_ms > APART_MS && ++tries < TRIES);
    return now;
}

int aq_clocks_left_ms(const struct aq_clocks *now, uint64_t deadline_ms, int most_ms)
{
    if (deadline_ms <= now->steady_ms)
        return 0;
    uint64_t left_ms = deadline_ms - now->steady_ms;
    return left_ms < (uint64_t)most_ms ? (int)left_ms : most_ms;
}
