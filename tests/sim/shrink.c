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
    uint64_t steps[SIM_STEP_KINDS]; /* at first */
    unsigned runs;
};

/* All steps in a row, counted from 0: those that are left out most easily first. */
static bool *skip_of(struct shrinking *shrinking, uint64_t i)
{
    static const enum sim_step order[SIM_STEP_KINDS] = {SIM_READ, SIM_FAULT, SIM_ASK};
    const enum sim_step *kind = order;
    while (i >= shrinking->steps[*kind])
        i -= shrinking->steps[*kind++];
    return &shrinking->skips.steps[*kind][i + 1];
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
    uint64_t steps = 0;
    bool again = true;
    for (size_t kind = 0; kind < SIM_STEP_KINDS; kind++)
        steps += shrinking->steps[kind];
    for (uint64_t size = steps / 2; size > 0 && again; size = size > 1 ? size / 2 : 1) {
        again = size > 1;
        for (uint64_t first = 0; first < steps; first += size)
            if (leave_out(shrinking, first, first + size < steps ? size : steps - first))
                again = true;
    }
}

static uint64_t left(const struct shrinking *shrinking, enum sim_step kind)
{
    uint64_t count = 0;
    for (uint64_t i = 1; i <= shrinking->steps[kind]; i++)
        count += !shrinking->skips.steps[kind][i];
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
    memcpy(shrinking.steps, result->steps, sizeof shrinking.steps);
    for (size_t kind = 0; kind < SIM_STEP_KINDS; kind++)
        if (shrinking.steps[kind] >= SIM_STEPS_MAX / 2)
            return;
    shrinking.life.skips = &shrinking.skips;
    leave_out_all(&shrinking);
    const uint64_t *steps = shrinking.steps;
    printf("seed %" PRIu64 ", shortened: %" PRIu64 " of %" PRIu64 " steps that ask, %" PRIu64 " of %" PRIu64
           " that read and %" PRIu64 " of %" PRIu64 " faults are enough (tried %u times):\n",
           seed, left(&shrinking, SIM_ASK), steps[SIM_ASK], left(&shrinking, SIM_READ), steps[SIM_READ],
           left(&shrinking, SIM_FAULT), steps[SIM_FAULT], shrinking.runs);
    shrinking.life.quiet = false;
    shrinking.life.trace = shrinking.life.brief = true;
    (void)breaks(&shrinking);
}
