#include "fs/link/eventfeed.h"

#include "schema/base/clock.h"
#include "schema/base/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    EVENTS_FIRST = 1000, /* older than the mount, but shown */
    EVENTS_TURN = 2000,  /* read in one turn of the loop, so that requests are not kept waiting */
    COMPLAIN_MS = 60000,
};

struct eventfeed {
    struct state *state;
    struct events *events;
    struct eventfile file;
    uint64_t seq; /* of the last event that was appended or left out */
    uint64_t time_ms;
    uint64_t restarted_ms; /* when the file last started over; 0: never */
    uint64_t failed_ms;    /* when it was last reported that the log cannot be read; 0: never */
    bool behind;
    struct aq_error damage;
};

struct eventfeed *eventfeed_open(struct state *state, struct events *events)
{
    struct eventfeed *feed = aq_calloc(1, sizeof *feed);
    feed->state = state;
    feed->events = events;
    return feed;
}

void eventfeed_close(struct eventfeed *feed)
{
    if (feed == NULL)
        return;
    eventfile_free(&feed->file);
    free(feed);
}

static bool append_event(void *context, const struct aq_event *event)
{
    struct eventfeed *feed = context;
    AQ_CLEANUP_BUFFER struct aq_buffer line = {0};
    uint64_t generation = feed->file.generation;
    aq_event_to_json(event, &line);
    aq_buffer_char(&line, '\n');
    eventfile_append(&feed->file, line.data, line.length);
    if (feed->file.generation != generation)
        feed->restarted_ms = aq_clock_ms();
    feed->seq = event->seq;
    feed->time_ms = event->time_ms;
    return true;
}

/* The last event in the tables; if they cannot be read, the last one in the file. */
static uint64_t committed_seq(const struct eventfeed *feed)
{
    struct state_txn *txn;
    struct aq_error ignored = {0};
    if (state_read(feed->state, &txn, &ignored) != 0)
        return feed->seq;
    uint64_t seq = state_seq(txn);
    state_end(txn);
    return seq;
}

/* Skips the events of a damaged entry. The file starts over with the next entry that can be read; if there is none,
 * everything up to `seq` is skipped. */
static void skip_damage(struct eventfeed *feed, uint64_t seq, const struct aq_error *damage)
{
    char skipped[48];
    uint64_t first = feed->seq + 1, next = events_after_damage(feed->events, first);
    feed->seq = next != 0 && next <= seq ? next - 1 : seq;
    feed->damage = *damage;
    feed->damage.code = AQ_E_CORRUPT; /* readers get EIO, whatever the cause */
    feed->restarted_ms = aq_clock_ms();
    eventfile_break(&feed->file);
    snprintf(skipped, sizeof skipped, "%" PRIu64 " to %" PRIu64, first, feed->seq);
    aq_journal(AQ_ERROR, "events cannot be read and are left out", "seq", skipped, "error", damage->message, NULL);
}

static void report_failure(struct eventfeed *feed, const struct aq_error *error)
{
    uint64_t now_ms = aq_clock_ms();
    if (feed->failed_ms != 0 && now_ms <= feed->failed_ms + COMPLAIN_MS)
        return;
    feed->failed_ms = now_ms;
    aq_journal(AQ_WARN, "events cannot be read", "error", error->message, NULL);
}

bool eventfeed_work(struct eventfeed *feed)
{
    struct aq_error error = {0};
    uint64_t seq = committed_seq(feed);
    feed->behind = false;
    if (seq <= feed->seq)
        return false;
    uint64_t before = feed->seq, last = seq - before > EVENTS_TURN ? before + EVENTS_TURN : seq;
    if (events_scan(feed->events, before + 1, last, append_event, feed, &error) == 0) {
        feed->seq = last;
        feed->behind = last < seq;
    } else if (error.code != AQ_E_IO && error.code != AQ_E_BUSY) {
        if (feed->seq == before) /* else it is tried again from there: the damaged entry may have no events */
            skip_damage(feed, seq, &error);
        feed->behind = feed->seq < seq;
    } else {
        report_failure(feed, &error);
    }
    return true;
}

void eventfeed_begin(struct eventfeed *feed)
{
    uint64_t seq = committed_seq(feed), first = events_first(feed->events);
    feed->seq = seq > EVENTS_FIRST ? seq - EVENTS_FIRST : 0;
    if (feed->seq + 1 < first)
        feed->seq = first - 1;
    eventfeed_work(feed);
}

bool eventfeed_is_behind(const struct eventfeed *feed)
{
    return feed->behind;
}

const struct eventfile *eventfeed_file(const struct eventfeed *feed)
{
    return &feed->file;
}

/* After starting over, the file looks empty for longer than the interval at which `tail -f` polls (a second): tail
 * would otherwise not notice if the file grew past its old size within that interval. */
size_t eventfeed_size(const struct eventfeed *feed)
{
    enum { EMPTY_MS = 1500 };
    bool restarted = feed->restarted_ms != 0 && aq_clock_ms() < feed->restarted_ms + EMPTY_MS;
    return restarted ? 0 : feed->file.now.length;
}

uint64_t eventfeed_time_ms(const struct eventfeed *feed)
{
    return feed->time_ms;
}

const struct aq_error *eventfeed_damage(const struct eventfeed *feed)
{
    return &feed->damage;
}
