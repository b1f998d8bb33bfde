#include "tests/sim/tails.h"

#include <inttypes.h>
#include <stdlib.h>

enum { WAIT_MAX_MS = 5000, LATE_MS = 5000, SLACK_MS = 40000 /* the controller may be held up */ };

struct fetch {
    struct tails *tails;
    uint64_t number, resource, late_ms;
};

static void fetched(void *context, const struct aq_error *error, const struct aq_told *told)
{
    struct fetch *fetch = context;
    struct sim *sim = fetch->tails->sim;
    sim_say(sim, "fetch: %" PRIu64 " of resource %" PRIu64 " %s", fetch->number, fetch->resource,
            told == NULL ? aq_error_name(error->code) : "is there");
    if (sim->now_ms > fetch->late_ms)
        sim_broken(sim, "readers of output get their answers in time", "fetch %" PRIu64 ", %" PRIu64 " ms late",
                   fetch->number, sim->now_ms - fetch->late_ms);
    fetch->tails->waiting--;
    free(fetch);
}

void tails_begin(struct tails *tails, struct hub *hub)
{
    struct sim *sim = tails->sim;
    struct aq_error error = {0};
    struct aq_ask want = {.resource = sim_between(sim, 1, tails->judge->n_resources + 1),
                          .size = sim_between(sim, 1, 10000),
                          .onward = sim_happens(sim, 50),
                          .wait_ms = sim_happens(sim, 50) ? sim_draw(sim, WAIT_MAX_MS) : 0};
    if (hub == NULL)
        return;
    struct fetch *fetch = aq_calloc(1, sizeof *fetch);
    *fetch = (struct fetch){.tails = tails,
                            .number = ++tails->begun,
                            .resource = want.resource,
                            .late_ms = sim->now_ms + want.wait_ms + LATE_MS + SLACK_MS};
    tails->waiting++;
    sim_say(sim, "fetch: %" PRIu64 " of resource %" PRIu64, fetch->number, fetch->resource);
    if (hub_fetch(hub, &want, fetched, fetch, &error) == 0)
        return;
    tails->waiting--;
    sim_say(sim, "fetch: %" PRIu64 " is not taken: %s", fetch->number, aq_error_name(error.code));
    free(fetch);
}
