#include "controller/hub/watches.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    WATCH_MS = 5000,    /* a watch is answered after this long even without a commit */
    WATCHES_MAX = 1024, /* watches that are open at the same time; more are answered immediately */
};

struct hub_watch {
    struct hub_question question;
    uint64_t seq;
    uint64_t until_ms;
};

void watches_open(struct hub_watches *watches, struct hub_base *base)
{
    *watches = (struct hub_watches){.base = base, .items = aq_calloc(WATCHES_MAX, sizeof *watches->items)};
}

void watches_close(struct hub_watches *watches)
{
    free(watches->items);
}

static void send_now(const struct hub_base *base, struct hub_question *question)
{
    const struct aq_config_controller *config = base->config;
    char address[128];
    struct aq_now now = {.seq = writer_seq(base->writer), .leader = writer_is_leader(base->writer)};
    struct aq_member self = {.name = config->name, .role = "voter", .leader = now.leader, .address = address};
    snprintf(address, sizeof address, "%s:%" PRIu64, config->api.address, config->api.port);
    now.members = (struct aq_list){&self, 1};
    channel_answer(question, AQ_MSG_NOW, &now);
}

void watches_take(struct hub_watches *watches, struct hub_question *question, const struct aq_watch *message)
{
    const struct hub_base *base = watches->base;
    if (writer_seq(base->writer) > message->seq || watches->count == WATCHES_MAX) {
        send_now(base, question);
        return;
    }
    watches->items[watches->count++] =
        (struct hub_watch){.question = *question, .seq = message->seq, .until_ms = base->now.steady_ms + WATCH_MS};
}

void watches_answer(struct hub_watches *watches, bool all)
{
    const struct hub_base *base = watches->base;
    uint64_t seq = writer_seq(base->writer);
    for (uint32_t i = watches->count; i > 0; i--) {
        struct hub_watch *watch = &watches->items[i - 1];
        if (!all && watch->seq >= seq && base->now.steady_ms < watch->until_ms)
            continue;
        send_now(base, &watch->question);
        *watch = watches->items[--watches->count];
    }
}
