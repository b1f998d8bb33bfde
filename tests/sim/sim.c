#include "tests/sim/sim.h"

#include "schema/base/journal.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- random bytes and the journal's time, for everything in this process ------------------------------ */

static struct sim *present; /* life */

static const char *bytes_name(void)
{
    return "the life's chance";
}

static uint32_t random_number(void)
{
    return (uint32_t)chance_next(&present->bytes);
}

static void random_bytes(void *buffer, size_t size)
{
    unsigned char *bytes = buffer;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)chance_next(&present->bytes);
}

static uint64_t journal_ms(void)
{
    return present->now_ms;
}

/* ---- a life ------------------------------------------------------------------------------------------- */

void sim_open(struct sim *sim, uint64_t seed, struct sim_result *result)
{
    static struct randombytes_implementation bytes = {
        .implementation_name = bytes_name, .random = random_number, .buf = random_bytes};
    *sim =
        (struct sim){.seed = seed, .chance = {seed}, .bytes = {~seed}, .result = result, .hash = 0xcbf29ce484222325u};
    present = sim;
    if (randombytes_set_implementation(&bytes) != 0 || sodium_init() < 0)
        abort();
    aq_journal_set_clock(journal_ms);
}

bool sim_begin_step(struct sim *sim, enum sim_step kind)
{
    uint64_t number = ++sim->result->steps[kind];
    struct chance own = {sim->seed ^ (number << 8 | (uint64_t)kind) * 0x9E3779B97F4A7C15u};
    sim->outer = sim->chance;
    sim->chance.state = chance_next(&own);
    return sim->skips == NULL || number >= SIM_STEPS_MAX || !sim->skips->steps[kind][number];
}

void sim_end_step(struct sim *sim)
{
    sim->chance = sim->outer;
}

uint64_t sim_draw(struct sim *sim, uint64_t below)
{
    return chance_below(&sim->chance, below);
}

uint64_t sim_between(struct sim *sim, uint64_t least, uint64_t most)
{
    return least + sim_draw(sim, most - least + 1);
}

bool sim_happens(struct sim *sim, unsigned percent)
{
    return sim_draw(sim, 100) < percent;
}

uint64_t sim_wait(struct sim *sim, uint64_t typical)
{
    return sim_draw(sim, typical << sim_draw(sim, 4)) + 1;
}

static void take_line(struct sim *sim, bool print, const char *format, va_list arguments)
{
    char *line = sim->lines[sim->n_lines++ % SIM_LINES_KEPT];
    int length =
        snprintf(line, SIM_LINE_SIZE, "%6" PRIu64 ".%03u ", sim->now_ms / 1000, (unsigned)(sim->now_ms % 1000));
    vsnprintf(line + length, (size_t)(SIM_LINE_SIZE - length), format, arguments);
    for (const char *c = line; *c != '\0'; c++) /* FNV-1a */
        sim->hash = (sim->hash ^ (unsigned char)*c) * 0x100000001b3u;
    if (print)
        puts(line);
}

void sim_say(struct sim *sim, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    take_line(sim, sim->print, format, arguments);
    va_end(arguments);
}

void sim_say_routine(struct sim *sim, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    take_line(sim, sim->print && !sim->brief, format, arguments);
    va_end(arguments);
}

_Noreturn void sim_broken(struct sim *sim, const char *invariant, const char *format, ...)
{
    va_list arguments;
    char words[SIM_LINE_SIZE];
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    snprintf(sim->result->broken, sizeof sim->result->broken, "%s", invariant);
    if (sim->quiet)
        _Exit(SIM_BROKEN);
    if (!sim->print)
        for (uint64_t i = sim->n_lines > SIM_LINES_KEPT ? sim->n_lines - SIM_LINES_KEPT : 0; i < sim->n_lines; i++)
            printf("    %s\n", sim->lines[i % SIM_LINES_KEPT]);
    printf("seed %" PRIu64 " at %" PRIu64 " ms breaks \"%s\": %s\n    again, step by step: make sim SEED=%" PRIu64
           " TRACE=1\n",
           sim->seed, sim->now_ms, invariant, words, sim->seed);
    fflush(stdout);
    _Exit(SIM_BROKEN);
}
