#include "schema/base/clock.h"

#include "schema/base/compiler.h"

static struct timespec read_clock(clockid_t clock)
{
    struct timespec now;
    int failed = clock_gettime(clock, &now);
    aq_assert(failed == 0);
    return now;
}

static uint64_t read_ms(clockid_t clock)
{
    struct timespec now = read_clock(clock);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t aq_clock_ms(void)
{
    return read_ms(CLOCK_MONOTONIC);
}

uint64_t aq_clock_us(void)
{
    return aq_clock_ns() / 1000;
}

uint64_t aq_clock_ns(void)
{
    struct timespec now = read_clock(CLOCK_MONOTONIC);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t aq_clock_coarse_ms(void)
{
    return read_ms(CLOCK_MONOTONIC_COARSE);
}

uint64_t aq_clock_boot_ms(void)
{
    return read_ms(CLOCK_BOOTTIME);
}

uint64_t aq_clock_wall_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}

struct timespec aq_clock_deadline(uint64_t ms)
{
    struct timespec until = read_clock(CLOCK_MONOTONIC);
    uint64_t nanoseconds = (uint64_t)until.tv_nsec + ms % 1000 * 1000000;
    until.tv_sec += (time_t)(ms / 1000 + nanoseconds / 1000000000);
    until.tv_nsec = (long)(nanoseconds % 1000000000);
    return until;
}
