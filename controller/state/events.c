#include "controller/state/events.h"

#include "controller/lmdb/marks.h"
#include "controller/state/events_shared.h"
#include "controller/state/indexes.h"
#include "controller/state/log_layout.h"
#include "controller/state/log_search.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct events {
    struct lmdb_file *file; /* `own`, or that of controller/log */
    MDB_dbi entries;
    _Atomic uint64_t last; /* index of the last entry seen */
    struct lmdb_file own;
};

/* ---- open and close ----------------------------------------------------------------------------------- */

int events_open(struct events **out, const char *directory, struct aq_error *error)
{
    static const char *const tables[] = {LOG_TABLE_ENTRIES};
    char path[1200];
    snprintf(path, sizeof path, "%s/log", directory);
    if (lmdb_mark_check_damaged(path, error) != 0)
        return -1;
    struct lmdb_options options = {
        .directory = path, .setting = LOG_SIZE_SETTING, .flags = MDB_RDONLY, .tables_max = LOG_TABLES_MAX};
    struct events *events = aq_calloc(1, sizeof *events);
    events->file = &events->own;
    if (lmdb_file_open(&events->own, &options, error) != 0 ||
        lmdb_file_open_tables(&events->own, tables, &events->entries, AQ_LENGTH(tables), error) != 0) {
        events_close(events);
        return -1;
    }
    *out = events;
    return 0;
}

struct events *events_share(struct lmdb_file *file, MDB_dbi entries, uint64_t last)
{
    struct events *events = aq_calloc(1, sizeof *events);
    *events = (struct events){.file = file, .entries = entries, .last = last};
    return events;
}

void events_close(struct events *events)
{
    if (events == NULL)
        return;
    lmdb_file_close(&events->own);
    free(events);
}

/* ---- scan --------------------------------------------------------------------------------------------- */

/* Which events are wanted, and who takes them. */
struct scan {
    uint64_t first, last;
    events_row_fn *row;
    void *context;
    struct aq_arena arena; /* one entry */
};

/* Shows the wanted events of one entry. Returns 1 to continue, 0 to stop, -1 on damage. */
static int show_entry(struct scan *scan, uint64_t index, const struct log_head *head, const void *payload,
                      struct aq_error *error)
{
    struct aq_entry entry;
    if (head->type != LOG_TYPE_COMMAND)
        return 1;
    aq_arena_reset(&scan->arena);
    if (aq_entry_unpack(&entry, payload, head->size, &scan->arena, error) != 0)
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

/* Shows the entries from `index` on. */
static int scan_entries(struct log_cursor *cursor, struct scan *scan, uint64_t index, struct aq_error *error)
{
    struct log_row row;
    if (log_cursor_seek(cursor, index, &row, error) != 0)
        return -1;
    int more = 1;
    for (uint64_t expected = index; row.index != 0 && more == 1; expected++) {
        struct log_head head;
        const void *payload;
        if (row.index != expected)
            return aq_fail(error, AQ_E_CORRUPT, "log entry %" PRIu64 " is missing", expected);
        if (log_row_read(row.index, row.data, row.length, &head, &payload, error) != 0)
            return -1;
        more = show_entry(scan, row.index, &head, payload, error);
        if (more == 1 && log_cursor_next(cursor, &row, error) != 0)
            return -1;
    }
    return more < 0 ? -1 : 0;
}

/* A damaged page that claims to be empty looks to LMDB like the end of the log. So the pages are checked when the log
 * ends before `before`, its last entry before the snapshot was begun. */
static int check_end(struct events *events, uint64_t before, uint64_t end, struct aq_error *error)
{
    if (end < before && lmdb_file_check(events->file, error) != 0)
        return -1;
    if (end != before)
        (void)atomic_compare_exchange_strong(&events->last, &before, end);
    return 0;
}

int events_scan(struct events *events, uint64_t first, uint64_t last, events_row_fn *row, void *context,
                struct aq_error *error)
{
    struct log_cursor cursor;
    struct log_spot spot;
    struct scan scan = {.first = first, .last = last, .row = row, .context = context};
    if (first > last)
        return 0;
    uint64_t before = atomic_load(&events->last), end = before;
    if (log_cursor_open(&cursor, events->file, events->entries, error) != 0)
        return -1;
    int status = log_search_seq(&cursor, first, &spot, &end, error);
    if (status == 0 && spot.index != 0)
        status = scan_entries(&cursor, &scan, spot.index, error);
    log_cursor_close(&cursor);
    aq_arena_free(&scan.arena);
    return status == 0 ? check_end(events, before, end, error) : -1;
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

/* ---- where to begin, where to continue ---------------------------------------------------------------- */

/* The first seq of the first intact entry from `index` on, if it is more than `least`; 0: there is none. */
static uint64_t first_intact_seq(struct log_cursor *cursor, uint64_t index, uint64_t least)
{
    struct log_row row;
    struct log_head head;
    const void *payload;
    struct aq_error damaged;
    int status = log_cursor_seek(cursor, index, &row, &damaged);
    for (; row.data != NULL; status = log_cursor_next(cursor, &row, &damaged)) {
        uint64_t seq;
        if (status == 0 && log_row_read(row.index, row.data, row.length, &head, &payload, &damaged) == 0 &&
            log_first_seq(&row, &seq, &damaged) == 0 && seq > least)
            return seq;
    }
    return 0;
}

uint64_t events_after_damage(struct events *events, uint64_t seq)
{
    struct log_cursor cursor;
    struct aq_error damaged;
    struct log_spot spot = {0, 0};
    uint64_t next = 0, end;
    if (log_cursor_open(&cursor, events->file, events->entries, &damaged) != 0)
        return 0;
    if (log_search_seq(&cursor, seq, &spot, &end, &damaged) == 0)
        next = first_intact_seq(&cursor, spot.index, seq);
    log_cursor_close(&cursor);
    return next;
}

uint64_t events_first(struct events *events)
{
    struct log_cursor cursor;
    struct aq_error ignored;
    struct log_spot spot = {0, 0};
    if (log_cursor_open(&cursor, events->file, events->entries, &ignored) != 0)
        return 1;
    if (log_search_from(&cursor, 0, &spot, &ignored) != 0)
        spot.first_seq = 0;
    log_cursor_close(&cursor);
    return spot.first_seq != 0 ? spot.first_seq : 1;
}
