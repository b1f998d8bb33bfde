#include "tests/sim/keepers.h"

#include "drivers/lease.h"
#include "drivers/test/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { STATUS_KILLED = 128 + 9 };

void keepers_open(struct keepers *keepers, struct sim *sim, struct witness *witness, struct nodes *nodes)
{
    *keepers = (struct keepers){.sim = sim, .witness = witness, .nodes = nodes};
    witness->keepers = keepers;
}

void keepers_free(struct keepers *keepers)
{
    free(keepers->all);
}

struct keeper *keepers_find(const struct keepers *keepers, unsigned host, uint64_t resource)
{
    for (size_t i = 0; i < keepers->count; i++)
        if (keepers->all[i].host == host && keepers->all[i].resource == resource)
            return &keepers->all[i];
    return NULL;
}

struct keeper *keepers_untold(const struct keepers *keepers, unsigned host)
{
    for (size_t i = 0; i < keepers->count; i++)
        if (keepers->all[i].host == host && keepers->all[i].over && !keepers->all[i].told)
            return &keepers->all[i];
    return NULL;
}

/* Without a look at the host's pauses: its agent is held up, and nothing else there. */
static uint64_t boot_ms(const struct keepers *keepers, unsigned host)
{
    return machine_clocks(&keepers->nodes->all[host].machine).steady_ms;
}

static void read_lease(struct keeper *keeper)
{
    uint64_t touched_ms;
    if (lease_read(keeper->lease_file, &touched_ms) && touched_ms > keeper->touched_ms)
        keeper->touched_ms = touched_ms;
}

bool keepers_begin(struct keepers *keepers, unsigned host, const struct driver_spec *spec)
{
    struct keeper *keeper = keepers_find(keepers, host, spec->resource);
    if (spec->lease_s == 0 || keepers->witness->hosts[host].copied)
        return true;
    if (keeper == NULL) {
        AQ_GROW(keepers->all, keepers->count, keepers->room);
        keeper = &keepers->all[keepers->count++];
    }
    *keeper = (struct keeper){.host = host, .resource = spec->resource, .lease_ms = spec->lease_s * 1000};
    snprintf(keeper->lease_file, sizeof keeper->lease_file, "%s", spec->lease_file);
    snprintf(keeper->directory, sizeof keeper->directory, "%s", spec->directory);
    read_lease(keeper);
    keeper->over = boot_ms(keepers, host) >= keeper->touched_ms + keeper->lease_ms;
    if (keeper->over)
        sim_say(keepers->sim, "keeper: the lease of resource %" PRIu64 " on %s is over before it starts",
                spec->resource, keepers->witness->hosts[host].name);
    return !keeper->over;
}

static void drop(struct keepers *keepers, struct keeper *keeper)
{
    *keeper = keepers->all[--keepers->count];
}

void keepers_end(struct keepers *keepers, unsigned host, uint64_t resource)
{
    struct keeper *keeper = keepers_find(keepers, host, resource);
    if (keeper != NULL && !keeper->over)
        drop(keepers, keeper);
}

/* As the driver finds it, when an agent takes it over. */
static void note_end(const struct keeper *keeper)
{
    struct test_plan plan;
    struct aq_error ignored;
    if (test_plan_read(&plan, keeper->directory, &ignored) != 0)
        return; /* torn by a power cut */
    plan.over = true;
    plan.ends_at_ms = plan.starts_at_ms;
    plan.exit_status = STATUS_KILLED;
    if (test_plan_write(&plan, keeper->directory, &ignored) != 0)
        return; /* nobody will take it over */
}

/* ---- time ----------------------------------------------------------------------------------------------- */

static uint64_t due_ms(const struct keepers *keepers, const struct keeper *keeper)
{
    return keeper->over
               ? NEVER
               : machine_true_ms(&keepers->nodes->all[keeper->host].machine, keeper->touched_ms + keeper->lease_ms);
}

uint64_t keepers_due_ms(const struct keepers *keepers)
{
    uint64_t first_ms = NEVER;
    for (size_t i = 0; i < keepers->count; i++) {
        const uint64_t at_ms = due_ms(keepers, &keepers->all[i]);
        first_ms = at_ms < first_ms ? at_ms : first_ms;
    }
    return first_ms;
}

static void look(struct keepers *keepers, struct keeper *keeper)
{
    read_lease(keeper);
    if (boot_ms(keepers, keeper->host) < keeper->touched_ms + keeper->lease_ms)
        return;
    sim_say(keepers->sim, "keeper: the lease of resource %" PRIu64 " on %s is over", keeper->resource,
            keepers->witness->hosts[keeper->host].name);
    keepers->sim->result->totals.leases_over++;
    keeper->over = true;
    note_end(keeper);
    witness_ended(keepers->witness, keeper->host, keeper->resource);
    nodes_wake(keepers->nodes, keeper->host);
}

void keepers_act(struct keepers *keepers)
{
    for (size_t i = 0; i < keepers->count; i++)
        if (due_ms(keepers, &keepers->all[i]) <= keepers->sim->now_ms)
            look(keepers, &keepers->all[i]);
}

/* ---- accidents ------------------------------------------------------------------------------------------ */

void keepers_power_cut(struct keepers *keepers, unsigned host)
{
    for (size_t i = keepers->count; i > 0; i--) {
        struct keeper *keeper = &keepers->all[i - 1];
        if (keeper->host != host || keeper->over)
            continue;
        note_end(keeper);
        witness_ended(keepers->witness, host, keeper->resource);
        drop(keepers, keeper);
    }
}

void keepers_forget(struct keepers *keepers, unsigned host)
{
    for (size_t i = keepers->count; i > 0; i--)
        if (keepers->all[i - 1].host == host)
            drop(keepers, &keepers->all[i - 1]);
}
