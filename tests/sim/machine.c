#include "tests/sim/machine.h"

#include "schema/base/compiler.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    WALL_BEGIN_S = 1764000000,
    STEADY_BEGIN_MS = 1000,
    STEADY_PPM_MAX = 300,
    WALL_PPM_MAX = 1000,
    MILLION = 1000000
};

static int64_t drawn_ppm(struct sim *sim, int64_t most)
{
    return (int64_t)sim_draw(sim, (uint64_t)most * 2 + 1) - most;
}

void machine_open(struct machine *machine, struct sim *sim, const char *name)
{
    *machine = (struct machine){.sim = sim};
    snprintf(machine->name, sizeof machine->name, "%s", name);
    machine_boot(machine);
}

void machine_boot(struct machine *machine)
{
    machine->booted_ms = machine->sim->now_ms;
    machine->steady_ppm = drawn_ppm(machine->sim, STEADY_PPM_MAX);
    machine->paused_until_ms = 0;
}

static uint64_t steady_at(const struct machine *machine, uint64_t true_ms)
{
    int64_t on_ms = (int64_t)(true_ms - machine->booted_ms);
    return (uint64_t)(on_ms + on_ms * machine->steady_ppm / MILLION) + STEADY_BEGIN_MS;
}

struct aq_clocks machine_clocks(const struct machine *machine)
{
    uint64_t now_ms = machine->sim->now_ms;
    int64_t drift_ms = (int64_t)now_ms * machine->wall_ppm / MILLION;
    return (struct aq_clocks){
        .steady_ms = steady_at(machine, now_ms),
        .wall_ms = (uint64_t)((int64_t)(WALL_BEGIN_S * UINT64_C(1000) + now_ms) + drift_ms + machine->wall_ahead_ms),
    };
}

uint64_t machine_true_ms(const struct machine *machine, uint64_t steady_ms)
{
    uint64_t now_ms = machine->sim->now_ms, shows_ms = steady_at(machine, now_ms);
    if (steady_ms == UINT64_MAX)
        return NEVER;
    if (steady_ms <= shows_ms)
        return now_ms;
    uint64_t left_ms = steady_ms - shows_ms, true_ms = now_ms + left_ms - left_ms * STEADY_PPM_MAX / MILLION;
    while (steady_at(machine, true_ms) < steady_ms)
        true_ms += 1 + (steady_ms - steady_at(machine, true_ms)) / 2;
    return true_ms;
}

uint64_t machine_due(const struct machine *machine, uint64_t at_ms)
{
    return at_ms > machine->paused_until_ms ? at_ms : machine->paused_until_ms;
}

/* ---- faults ------------------------------------------------------------------------------------------- */

void machine_jump(struct machine *machine)
{
    static const int64_t sizes_ms[] = {1500, 10000, 3600000, 7200000};
    struct sim *sim = machine->sim;
    int64_t size_ms = sizes_ms[sim_draw(sim, AQ_LENGTH(sizes_ms))];
    machine->wall_ahead_ms = sim_happens(sim, 30) ? 0 : sim_happens(sim, 50) ? size_ms : -size_ms;
    sim->result->totals.jumps++;
    sim_say(sim, "fault: the wall clock of %s is %+" PRId64 " ms ahead", machine->name, machine->wall_ahead_ms);
}

void machine_drift(struct machine *machine)
{
    machine->wall_ppm = drawn_ppm(machine->sim, WALL_PPM_MAX);
    sim_say(machine->sim, "fault: the wall clock of %s drifts by %" PRId64 " ppm", machine->name, machine->wall_ppm);
}

void machine_pause(struct machine *machine, uint64_t typical_ms)
{
    machine->paused_until_ms = machine->sim->now_ms + sim_wait(machine->sim, typical_ms);
    machine->sim->result->totals.pauses++;
    sim_say(machine->sim, "fault: %s is paused until %" PRIu64, machine->name, machine->paused_until_ms);
}
