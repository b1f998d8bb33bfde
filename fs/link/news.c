#include "fs/fileview.h"
#include "fs/kernel/operations.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    EVENTS_FIRST = 1000, /* shown from before the mount */
    EVENTS_TURN = 2000,  /* read in one turn of the loop, so that requests are not kept waiting */
    WATCH_MS = 15000,    /* the controller answers after 5 seconds at the latest */
    QUIET_MS = 1000,     /* an answer that came sooner, and brought nothing, is not followed by a question at once */
    COMPLAIN_MS = 60000,
};

/* ---- /events ------------------------------------------------------------------------------------------ */

static bool add_event(void *context, const struct aq_event *event)
{
    struct fileview *view = context;
    struct aq_buffer line = {0};
    aq_event_to_json(event, &line);
    aq_buffer_char(&line, '\n');
    uint64_t generation = view->eventfile.generation;
    eventfile_append(&view->eventfile, line.data, line.length);
    if (view->eventfile.generation != generation)
        view->event_anew_ms = fileview_now_ms();
    aq_buffer_free(&line);
    view->event_seq = event->seq;
    view->event_time_ms = event->time_ms;
    return true;
}

static uint64_t tables_seq(struct fileview *view)
{
    struct state_txn *txn;
    struct aq_error ignored = {0};
    if (state_read(view->state, &txn, &ignored) != 0)
        return view->event_seq;
    uint64_t seq = state_seq(txn);
    state_end(txn);
    return seq;
}

/* What stands in a damaged entry cannot be shown, and no more be waited for: goes on with the next entry, which begins
 * /events anew. Its last event is the tables' last when none comes behind it. */
static void pass_damage(struct fileview *view, uint64_t seq, const struct aq_error *damage)
{
    char left_out[48];
    uint64_t first = view->event_seq + 1, next = events_after_damage(view->events, first);
    view->event_seq = next != 0 && next <= seq ? next - 1 : seq;
    view->event_damage = *damage;
    view->event_damage.code = AQ_E_CORRUPT; /* whatever it looks like: EIO */
    view->event_anew_ms = fileview_now_ms();
    eventfile_break(&view->eventfile);
    snprintf(left_out, sizeof left_out, "%" PRIu64 " to %" PRIu64, first, view->event_seq);
    aq_journal(AQ_ERROR, "events are left out, for they cannot be read", "seq", left_out, "error", damage->message,
               NULL);
}

static void read_events(struct fileview *view)
{
    struct aq_error error = {0};
    uint64_t seq = tables_seq(view);
    view->event_behind = false;
    if (seq <= view->event_seq)
        return;
    uint64_t last = seq - view->event_seq > EVENTS_TURN ? view->event_seq + EVENTS_TURN : seq;
    if (events_scan(view->events, view->event_seq + 1, last, add_event, view, &error) == 0) {
        view->event_seq = last;
        view->event_behind = last < seq;
    } else if (error.code != AQ_E_IO && error.code != AQ_E_BUSY) {
        pass_damage(view, seq, &error);
        view->event_behind = view->event_seq < seq;
    } else if (fileview_now_ms() > view->event_failed_ms + COMPLAIN_MS) {
        view->event_failed_ms = fileview_now_ms();
        aq_journal(AQ_WARN, "events cannot be read", "error", error.message, NULL);
    }
    open_files_wake(view);
}

/* ---- the controller ----------------------------------------------------------------------------------- */

static void forget_leader(struct fileview *view)
{
    view->now.leader = false;
    for (uint32_t i = 0; i < view->now.members.count; i++)
        AQ_ITEM(view->now.members, struct aq_member, i)->leader = false;
}

static void ask(struct fileview *view);

static void watch_done(void *context, const struct aq_error *refused, enum aq_message_type type, const void *answer)
{
    struct fileview *view = context;
    (void)refused;
    view->watching = false;
    if (answer == NULL || type != AQ_MSG_NOW) {
        forget_leader(view);
        return; /* asked again at the next tick */
    }
    uint64_t seq = view->now.seq;
    aq_arena_reset(&view->now_arena);
    aq_record_copy(&aq_now_record, &view->now, answer, &view->now_arena);
    if (view->now.seq > seq || fileview_now_ms() >= view->asked_ms + QUIET_MS)
        ask(view);
}

static void ask(struct fileview *view)
{
    struct aq_error ignored = {0};
    const struct aq_watch watch = {.seq = view->now.seq};
    view->asked_ms = fileview_now_ms();
    view->watching = questions_ask(view->questions, AQ_MSG_WATCH, &watch, WATCH_MS, watch_done, view, &ignored) == 0;
    if (!view->watching)
        forget_leader(view);
}

void news_begin(struct fileview *view)
{
    uint64_t seq = tables_seq(view), first = events_first(view->events);
    view->event_seq = seq > EVENTS_FIRST ? seq - EVENTS_FIRST : 0;
    if (view->event_seq + 1 < first)
        view->event_seq = first - 1;
    read_events(view);
}

void news_work(struct fileview *view)
{
    if (!view->watching)
        ask(view);
    settling_work(view);
    read_events(view);
}
