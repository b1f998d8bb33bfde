#include "tests/sim/prompt.h"

#include "tests/sim/places.h"

#include <inttypes.h>

enum {
    SOON_MS = 6000,  /* a sweep comes every 10 s */
    QUEUE_MIN = 200, /* with a shorter one, commands wait for each other */
};

/* How long this has been so, as far as could be seen. */
static uint64_t lasts_ms(uint64_t *since_ms, bool is_so, uint64_t now_ms)
{
    if (!is_so)
        *since_ms = 0;
    else if (*since_ms == 0)
        *since_ms = now_ms;
    return is_so ? now_ms - *since_ms : 0;
}

static void look_at_waiting(struct judge *judge, bool well)
{
    char where[JUDGE_NAME];
    for (uint64_t id = 1; id <= judge->n_applications; id++) {
        struct judge_application *row = &judge->applications[id - 1];
        bool has_room = well && row->there && row->status == AQ_NEW && places_now(judge, id, where);
        if (lasts_ms(&row->room_since_ms, has_room, judge->sim->now_ms) > SOON_MS)
            sim_broken(judge->sim, "what waits is placed soon", "application %" PRIu64 " could run on %s", id, where);
    }
}

static void look_at_lifetimes(struct judge *judge, bool well, uint64_t log_ms)
{
    const struct mirror_table *applications = mirror_table(&judge->mirror, &aq_entity_application);
    for (size_t i = 0; i < applications->count; i++) {
        const struct aq_application *row = applications->rows[i];
        bool over = well && row->expires_at != 0 && log_ms > row->expires_at;
        if (lasts_ms(&judge->applications[row->id - 1].over_since_ms, over, judge->sim->now_ms) > SOON_MS)
            sim_broken(judge->sim, "lifetimes end soon", "that of application %" PRIu64 " is over", row->id);
    }
}

static void look_at_drains(struct judge *judge, bool well)
{
    for (size_t i = 0; i < JUDGE_NODES_MAX; i++) {
        struct judge_node *node = &judge->nodes[i];
        bool empty = well && node->there && (node->drain == AQ_DRAINING || node->drain == AQ_DRAIN_LATE) &&
                     judge_is_empty(judge, node);
        if (lasts_ms(&node->empty_since_ms, empty, judge->sim->now_ms) > SOON_MS)
            sim_broken(judge->sim, "drains end soon", "nothing is on %s any more", node->name);
    }
}

static void look_at_quarantines(struct judge *judge, bool well, uint64_t log_ms)
{
    for (size_t i = 0; i < JUDGE_NODES_MAX; i++)
        for (size_t k = 0; k < JUDGE_QUARANTINES; k++) {
            struct judge_node *node = &judge->nodes[i];
            bool over = well && node->there && node->quarantines[k].active && node->quarantines[k].until != 0 &&
                        log_ms > node->quarantines[k].until;
            if (lasts_ms(&node->quarantines[k].over_since_ms, over, judge->sim->now_ms) > SOON_MS)
                sim_broken(judge->sim, "quarantines end soon", "that of %s is over", node->name);
        }
}

static void look_at_tokens(struct judge *judge, bool well, uint64_t log_ms)
{
    for (size_t i = 0; i < judge->n_tokens; i++) {
        struct judge_token *token = &judge->tokens[i];
        bool over = well && token->there && token->expires_at != 0 && log_ms > token->expires_at;
        if (lasts_ms(&token->over_since_ms, over, judge->sim->now_ms) > SOON_MS)
            sim_broken(judge->sim, "tokens end soon", "token %zu has expired", i + 1);
    }
}

void prompt_look(struct controller *controller, bool well)
{
    const struct aq_clocks now = machine_clocks(&controller->machine);
    well = well && controller->config.log.queue >= QUEUE_MIN;
    look_at_waiting(controller->judge, well);
    look_at_drains(controller->judge, well);
    const uint64_t log_ms = well ? writer_time_ms(controller->writer, &now) : 0;
    look_at_lifetimes(controller->judge, well, log_ms);
    look_at_tokens(controller->judge, well, log_ms);
    look_at_quarantines(controller->judge, well, log_ms);
}
