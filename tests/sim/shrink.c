#include "tests/sim/shrink.h"

#include "tests/sim/life.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum { RUNS_MAX = 3000 };

struct shrinking {
    struct life life;
    struct sim_skips skips;
    char broken[SIM_NAME_SIZE];
    uint64_t asks, faults; /* at first */
    unsigned runs;
};

static bool *skip_of(struct shrinking *shrinking, uint64_t i)
{
    return i < shrinking->faults ? &shrinking->skips.steps[SIM_FAULT][i + 1]
                                 : &shrinking->skips.steps[SIM_ASK][i - shrinking->faults + 1];
}

static bool breaks(struct shrinking *shrinking)
{
    int status;
    life_begin(&shrinking->life);
    while (waitpid(shrinking->life.pid, &status, 0) < 0)
        ;
    shrinking->runs++;
    return life_end(&shrinking->life, status) && strcmp(shrinking->life.result->broken, shrinking->broken) == 0;
}

/* Leaves out `count` steps from `first` on, if the same still breaks. */
static bool leave_out(struct shrinking *shrinking, uint64_t first, uint64_t count)
{
    bool before[SIM_STEPS_MAX], news = false;
    for (uint64_t i = 0; i < count; i++) {
        before[i] = *skip_of(shrinking, first + i);
        news = news || !before[i];
        *skip_of(shrinking, first + i) = true;
    }
    if (!news || shrinking->runs >= RUNS_MAX || breaks(shrinking))
        return news && shrinking->runs < RUNS_MAX;
    for (uint64_t i = 0; i < count; i++)
        *skip_of(shrinking, first + i) = before[i];
    return false;
}

static void leave_out_all(struct shrinking *shrinking)
{
    const uint64_t steps = shrinking->asks + shrinking->faults;
    bool again = true;
    for (uint64_t size = steps / 2; size > 0 && again; size = size > 1 ? size / 2 : 1) {
        again = size > 1;
        for (uint64_t first = 0; first < steps; first += size)
            if (leave_out(shrinking, first, first + size < steps ? size : steps - first))
                again = true;
    }
}

static uint64_t left(const bool *skips, uint64_t steps)
{
    uint64_t count = 0;
    for (uint64_t i = 1; i <= steps; i++)
        count += !skips[i];
    return count;
}

void shrink(uint64_t seed)
{
    static struct shrinking shrinking;
    int status;
    life_make(&shrinking.life);
    shrinking.life.seed = seed;
    shrinking.life.quiet = true;
    life_begin(&shrinking.life);
    while (waitpid(shrinking.life.pid, &status, 0) < 0)
        ;
    if (!life_end(&shrinking.life, status))
        return;
    const struct sim_result *result = shrinking.life.result;
    memcpy(shrinking.broken, result->broken, sizeof shrinking.broken);
    shrinking.asks = result->steps[SIM_ASK];
    shrinking.faults = result->steps[SIM_FAULT];
    if (shrinking.asks >= SIM_STEPS_MAX / 2 || shrinking.faults >= SIM_STEPS_MAX / 2)
        return;
    shrinking.life.skips = &shrinking.skips;
    leave_out_all(&shrinking);
    printf("seed %" PRIu64 ", shortened: %" PRIu64 " of %" PRIu64 " steps that ask and %" PRIu64 " of %" PRIu64
           " faults are enough (tried %u times):\n",
           seed, left(shrinking.skips.steps[SIM_ASK], shrinking.asks), shrinking.asks,
           left(shrinking.skips.steps[SIM_FAULT], shrinking.faults), shrinking.faults, shrinking.runs);
    shrinking.life.quiet = false;
    shrinking.life.trace = true;
    (void)breaks(&shrinking);
}
