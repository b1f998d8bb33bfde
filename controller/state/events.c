#include "controller/state/events.h"

#include "controller/state/indexes.h"

#include <inttypes.h>

/* Which events are wanted, and who takes them. */
struct scan {
    uint64_t first, last;
    events_row_fn *row;
    void *context;
    struct aq_arena arena; /* one entry */
};

/* Shows the wanted events of one entry. */
static int show_entry(void *context, uint64_t index, const void *payload, size_t size, struct aq_error *error)
{
    struct scan *scan = context;
    struct aq_entry entry;
    aq_arena_reset(&scan->arena);
    if (aq_entry_unpack(&entry, payload, size, &scan->arena, error) != 0)
        return aq_error_context(error, "log entry %" PRIu64, index);
    uint64_t seq = entry.first_seq;
    for (uint32_t d = 0; d < entry.decisions.count; d++) {
        const struct aq_logged_decision *decision = AQ_ITEM(entry.decisions, struct aq_logged_decision, d);
        for (uint32_t e = 0; e < decision->events.count; e++, seq++) {
            struct aq_event event = {.seq = seq,
                                     .time_ms = entry.time,
                                     .author = decision->author,
                                     .command = aq_command_find((unsigned)decision->command)};
            if (seq < scan->first)
                continue;
            if (seq > scan->last)
                return 0;
            if (aq_event_unpack(AQ_ITEM(decision->events, struct aq_logged_event, e), &event, &scan->arena, error) != 0)
                return aq_error_context(error, "log entry %" PRIu64, index);
            if (!scan->row(scan->context, &event))
                return 0;
        }
    }
    return seq <= scan->last;
}

int events_scan(struct events *events, uint64_t first, uint64_t last, events_row_fn *row, void *context,
                struct aq_error *error)
{
    struct scan scan = {.first = first, .last = last, .row = row, .context = context};
    if (first > last)
        return 0;
    int status = events->kind->read(events, first, show_entry, &scan, error);
    aq_arena_free(&scan.arena);
    return status;
}

struct history {
    struct events *events;
    events_row_fn *row;
    void *context;
    struct aq_error *error;
    int status;
};

static bool show_event(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct history *history = context;
    uint64_t seq = state_key_number_at(key, sizeof(uint64_t));
    (void)value;
    (void)length;
    history->status = events_scan(history->events, seq, seq, history->row, history->context, history->error);
    return history->status == 0;
}

int events_of_application(struct events *events, struct state_txn *txn, uint64_t application, events_row_fn *row,
                          void *context, struct aq_error *error)
{
    struct history history = {events, row, context, error, 0};
    struct state_key prefix = state_key_number(application);
    index_scan(txn, INDEX_HISTORY, &prefix, show_event, &history);
    return history.status;
}

uint64_t events_after_damage(struct events *events, uint64_t seq)
{
    return events->kind->after_damage(events, seq);
}

uint64_t events_first(struct events *events)
{
    return events->kind->first(events);
}

void events_close(struct events *events)
{
    if (events != NULL)
        events->kind->close(events);
}
