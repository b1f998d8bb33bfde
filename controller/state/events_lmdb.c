/* Events out of the log's LMDB environment. */
#include "controller/lmdb/marks.h"
#include "controller/state/events.h"
#include "controller/state/events_shared.h"
#include "controller/state/log_layout.h"
#include "controller/state/log_search.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

struct lmdb_events {
    struct events events;
    struct lmdb_file *file; /* `own`, or that of controller/log */
    MDB_dbi entries;
    _Atomic uint64_t last; /* index of the last entry seen */
    struct lmdb_file own;
};

static struct lmdb_events *lmdb_of(struct events *events)
{
    return (struct lmdb_events *)events; /* whose first member it is */
}

/* ---- reading ------------------------------------------------------------------------------------------ */

/* Visits the entries from `index` on. */
static int visit_entries(struct log_cursor *cursor, uint64_t index, events_entry_fn *visit, void *context,
                         struct aq_error *error)
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
        if (head.type == LOG_TYPE_COMMAND)
            more = visit(context, row.index, payload, head.size, error);
        if (more == 1 && log_cursor_next(cursor, &row, error) != 0)
            return -1;
    }
    return more < 0 ? -1 : 0;
}

/* A damaged page that claims to be empty looks to LMDB like the end of the log. So the pages are checked when the log
 * ends before `before`, its last entry before the snapshot was begun. */
static int check_end(struct lmdb_events *events, uint64_t before, uint64_t end, struct aq_error *error)
{
    if (end < before && lmdb_file_check(events->file, error) != 0)
        return -1;
    if (end != before)
        (void)atomic_compare_exchange_strong(&events->last, &before, end);
    return 0;
}

static int lmdb_read(struct events *base, uint64_t seq, events_entry_fn *visit, void *context, struct aq_error *error)
{
    struct lmdb_events *events = lmdb_of(base);
    struct log_cursor cursor;
    struct log_spot spot;
    uint64_t before = atomic_load(&events->last), end = before;
    if (log_cursor_open(&cursor, events->file, events->entries, error) != 0)
        return -1;
    int status = log_search_seq(&cursor, seq, &spot, &end, error);
    if (status == 0 && spot.index != 0)
        status = visit_entries(&cursor, spot.index, visit, context, error);
    log_cursor_close(&cursor);
    return status == 0 ? check_end(events, before, end, error) : -1;
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

static uint64_t lmdb_after_damage(struct events *base, uint64_t seq)
{
    struct lmdb_events *events = lmdb_of(base);
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

static uint64_t lmdb_first(struct events *base)
{
    struct lmdb_events *events = lmdb_of(base);
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

/* ---- open and close ----------------------------------------------------------------------------------- */

static void lmdb_close(struct events *base)
{
    struct lmdb_events *events = lmdb_of(base);
    lmdb_file_close(&events->own);
    free(events);
}

static const struct events_kind lmdb_kind = {lmdb_close, lmdb_read, lmdb_after_damage, lmdb_first};

int events_open(struct events **out, const char *directory, struct aq_error *error)
{
    static const char *const tables[] = {LOG_TABLE_ENTRIES};
    char path[1200];
    snprintf(path, sizeof path, "%s/log", directory);
    if (lmdb_mark_check_damaged(path, error) != 0)
        return -1;
    struct lmdb_options options = {
        .directory = path, .setting = LOG_SIZE_SETTING, .flags = MDB_RDONLY, .tables_max = LOG_TABLES_MAX};
    struct lmdb_events *events = aq_calloc(1, sizeof *events);
    events->events.kind = &lmdb_kind;
    events->file = &events->own;
    if (lmdb_file_open(&events->own, &options, error) != 0 ||
        lmdb_file_open_tables(&events->own, tables, &events->entries, AQ_LENGTH(tables), error) != 0) {
        lmdb_close(&events->events);
        return -1;
    }
    *out = &events->events;
    return 0;
}

struct events *events_share(struct lmdb_file *file, MDB_dbi entries, uint64_t last)
{
    struct lmdb_events *events = aq_calloc(1, sizeof *events);
    *events = (struct lmdb_events){{&lmdb_kind}, file, entries, last, {0}};
    return &events->events;
}
