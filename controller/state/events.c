#include "controller/state/events.h"

#include "controller/lmdb/guard.h"
#include "controller/lmdb/map.h"
#include "controller/state/events_shared.h"
#include "controller/state/log_layout.h"
#include "controller/state/store.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct events {
    struct store_map *map;
    MDB_dbi entries;
    _Atomic uint64_t last; /* index of the last entry that was seen */
    struct store_map own;  /* opened here, closed here, when `map` leads to it */
};

static int open_tables(struct events *events)
{
    MDB_txn *txn;
    int code = mdb_txn_begin(events->own.env, NULL, MDB_RDONLY, &txn);
    if (code != 0)
        return code;
    code = mdb_dbi_open(txn, LOG_TABLE_ENTRIES, 0, &events->entries);
    if (code != 0) {
        mdb_txn_abort(txn);
        return code;
    }
    return mdb_txn_commit(txn); /* keeps the handles */
}

int events_open(struct events **out, const char *directory, struct aq_error *error)
{
    char path[1200];
    MDB_env *env;
    snprintf(path, sizeof path, "%s/log", directory);
    if (guard_check(path, error) != 0)
        return -1;
    int code = mdb_env_create(&env);
    if (code != 0)
        return store_fail(error, code, path);
    guard_environment(env);
    struct events *events = aq_calloc(1, sizeof *events);
    store_map_init(&events->own, env, 0);
    events->map = &events->own;
    code = mdb_env_set_maxdbs(env, 4);
    if (code == 0)
        code = mdb_env_open(env, path, MDB_RDONLY | MDB_NOTLS, 0600);
    if (code == 0)
        code = open_tables(events);
    if (code == 0) {
        *out = events;
        return 0;
    }
    events_close(events);
    return store_fail(error, code, path);
}

struct events *events_share(struct store_map *map, unsigned entries, uint64_t last)
{
    struct events *events = aq_calloc(1, sizeof *events);
    *events = (struct events){.map = map, .entries = entries, .last = last};
    return events;
}

void events_close(struct events *events)
{
    if (events == NULL)
        return;
    if (events->map == &events->own) {
        mdb_env_close(events->own.env);
        store_map_destroy(&events->own);
    }
    free(events);
}

/* Which events are wanted, and who takes them. */
struct scan {
    uint64_t first, last;
    events_row_fn *row;
    void *context;
    struct aq_arena arena; /* one entry */
};

/* Shows the events of one entry that are wanted. Returns 1 to go on, 0 to stop, -1 on damage. */
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

/* ---- finding a seq -------------------------------------------------------------------------------------- */

/* The seq that an entry of decisions begins with; 0: it is raft's own, and has none. */
static int begin_of(uint64_t index, const MDB_val *row, uint64_t *begins, struct aq_error *error)
{
    struct log_head head;
    const void *payload;
    if (log_head_read(index, row->mv_data, row->mv_size, &head, &payload, error) != 0)
        return -1;
    *begins = head.first_seq;
    if (head.type != LOG_TYPE_COMMAND || head.first_seq != 0)
        return 0;
    struct aq_entry entry; /* of a version that did not write it into the head */
    struct aq_arena arena = {0};
    int status = aq_entry_unpack(&entry, payload, head.size, &arena, error);
    *begins = status == 0 ? entry.first_seq : 0;
    aq_arena_free(&arena);
    return status == 0 ? 0 : aq_error_context(error, "log entry %" PRIu64, index);
}

/* Where an entry of decisions stands, and the seq that it begins with. */
struct spot {
    uint64_t index, begins; /* index 0: none */
};

/* The first entry of decisions from `index` on. */
static int spot_from(MDB_cursor *cursor, uint64_t index, struct spot *spot, struct aq_error *error)
{
    struct state_key key = state_key_number(index);
    MDB_val name = {key.length, key.bytes}, row;
    int code = mdb_cursor_get(cursor, &name, &row, MDB_SET_RANGE);
    *spot = (struct spot){0, 0};
    while (code == 0 && spot->begins == 0) {
        if (log_number_read(name.mv_data, name.mv_size, &spot->index, error) != 0 ||
            begin_of(spot->index, &row, &spot->begins, error) != 0)
            return -1;
        if (spot->begins == 0)
            code = mdb_cursor_get(cursor, &name, &row, MDB_NEXT);
    }
    if (spot->begins == 0)
        spot->index = 0;
    return code == 0 || code == MDB_NOTFOUND ? 0 : store_fail(error, code, "reading the log");
}

static int end_of(MDB_cursor *cursor, MDB_cursor_op end, uint64_t *index, struct aq_error *error)
{
    MDB_val name, row;
    int code = mdb_cursor_get(cursor, &name, &row, end);
    *index = 0;
    if (code == 0)
        return log_number_read(name.mv_data, name.mv_size, index, error);
    return code == MDB_NOTFOUND ? 0 : store_fail(error, code, "reading the log");
}

/* The entry that holds `seq`: the last one that does not begin behind it, or else the first one there is. Most ask for
 * what was appended lately, so the steps back from the end grow until one is before `seq`; then the gap is halved until
 * nothing is in it. Heads are believed on the way: one that lies stands next to where that leads, where it is read
 * as a whole, and found. */
static int entry_of(MDB_cursor *cursor, uint64_t seq, struct spot *spot, uint64_t *end, struct aq_error *error)
{
    uint64_t first, last;
    if (end_of(cursor, MDB_FIRST, &first, error) != 0 || end_of(cursor, MDB_LAST, &last, error) != 0)
        return -1;
    *end = last;
    struct spot before = {0, 0}, seen;
    uint64_t behind = last + 1; /* from here on, all begin behind `seq` */
    for (uint64_t at = last, step = 1; first != 0 && before.index == 0 && behind > first; step *= 2) {
        if (spot_from(cursor, at, &seen, error) != 0)
            return -1;
        if (seen.index != 0 && seen.index < behind && seen.begins <= seq)
            before = seen;
        else
            behind = at;
        at = at - first > step ? at - step : first;
    }
    while (before.index != 0 && behind - before.index > 1) {
        uint64_t middle = before.index + (behind - before.index) / 2;
        if (spot_from(cursor, middle, &seen, error) != 0)
            return -1;
        if (seen.index != 0 && seen.index < behind && seen.begins <= seq)
            before = seen;
        else
            behind = middle;
    }
    *spot = before;
    return before.index != 0 || first == 0 ? 0 : spot_from(cursor, first, spot, error);
}

/* ---- reading -------------------------------------------------------------------------------------------- */

/* From the entry `index` on. */
static int scan_entries(MDB_cursor *cursor, struct scan *scan, uint64_t index, struct aq_error *error)
{
    struct state_key key = state_key_number(index);
    MDB_val name = {key.length, key.bytes}, value;
    int more = 1, code = mdb_cursor_get(cursor, &name, &value, MDB_SET_RANGE);
    for (uint64_t expected = index; code == 0 && more == 1; expected++) {
        struct log_head head;
        const void *payload;
        if (log_number_read(name.mv_data, name.mv_size, &index, error) != 0)
            return -1;
        if (index != expected)
            return aq_fail(error, AQ_E_CORRUPT, "log entry %" PRIu64 " is missing", expected);
        if (log_row_read(index, value.mv_data, value.mv_size, &head, &payload, error) != 0)
            return -1;
        more = show_entry(scan, index, &head, payload, error);
        if (more == 1)
            code = mdb_cursor_get(cursor, &name, &value, MDB_NEXT);
    }
    if (code != 0 && code != MDB_NOTFOUND)
        return store_fail(error, code, "reading the log");
    return more < 0 ? -1 : 0;
}

/* To LMDB, a page that calls itself empty looks like the end of the log. So one that ends before where it did is looked
 * through. `before` was its last entry before the snapshot was begun. */
static int check_end(struct events *events, uint64_t before, uint64_t end, struct aq_error *error)
{
    if (end < before && store_map_check(events->map, error) != 0)
        return -1;
    if (end != before)
        (void)atomic_compare_exchange_strong(&events->last, &before, end);
    return 0;
}

int events_scan(struct events *events, uint64_t first, uint64_t last, events_row_fn *row, void *context,
                struct aq_error *error)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    struct spot spot;
    struct scan scan = {.first = first, .last = last, .row = row, .context = context};
    if (first > last)
        return 0;
    uint64_t before = atomic_load(&events->last), end = before;
    int code = store_map_read(events->map, &txn);
    if (code != 0)
        return store_fail(error, code, "reading the log");
    int status;
    code = mdb_cursor_open(txn, events->entries, &cursor);
    if (code == 0) {
        status = entry_of(cursor, first, &spot, &end, error);
        if (status == 0 && spot.index != 0)
            status = scan_entries(cursor, &scan, spot.index, error);
        mdb_cursor_close(cursor);
    } else {
        status = store_fail(error, code, "reading the log");
    }
    mdb_txn_abort(txn);
    store_map_done(events->map);
    aq_arena_free(&scan.arena);
    return status == 0 ? check_end(events, before, end, error) : -1;
}

struct of_application {
    struct events *events;
    events_row_fn *row;
    void *context;
    struct aq_error *error;
    int status;
};

static bool show_one(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct of_application *of = context;
    uint64_t seq = index_number_at(key, sizeof(uint64_t));
    (void)value;
    (void)length;
    of->status = events_scan(of->events, seq, seq, of->row, of->context, of->error);
    return of->status == 0;
}

int events_of_application(struct events *events, struct state_txn *txn, uint64_t application, events_row_fn *row,
                          void *context, struct aq_error *error)
{
    struct of_application of = {events, row, context, error, 0};
    struct state_key prefix = state_key_number(application);
    index_scan(txn, INDEX_HISTORY, &prefix, show_one, &of);
    return of.status;
}

/* The seq that the first whole entry from `index` on begins with, if that is more than `least`; 0: there is none. */
static uint64_t whole_from(MDB_cursor *cursor, uint64_t index, uint64_t least)
{
    struct state_key key = state_key_number(index);
    MDB_val name = {key.length, key.bytes}, row;
    struct log_head head;
    const void *payload;
    int code = mdb_cursor_get(cursor, &name, &row, MDB_SET_RANGE);
    for (; code == 0; code = mdb_cursor_get(cursor, &name, &row, MDB_NEXT)) {
        struct aq_error damaged = {0};
        uint64_t begins;
        if (log_number_read(name.mv_data, name.mv_size, &index, &damaged) == 0 &&
            log_row_read(index, row.mv_data, row.mv_size, &head, &payload, &damaged) == 0 &&
            begin_of(index, &row, &begins, &damaged) == 0 && begins > least)
            return begins;
    }
    return 0;
}

uint64_t events_behind(struct events *events, uint64_t seq)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    struct aq_error damaged = {0};
    struct spot spot = {0, 0};
    uint64_t begins = 0, end;
    if (store_map_read(events->map, &txn) != 0)
        return 0;
    if (mdb_cursor_open(txn, events->entries, &cursor) == 0) {
        if (entry_of(cursor, seq, &spot, &end, &damaged) == 0)
            begins = whole_from(cursor, spot.index, seq);
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    store_map_done(events->map);
    return begins;
}

uint64_t events_first(struct events *events)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    struct aq_error ignored;
    struct spot spot = {0, 0};
    if (store_map_read(events->map, &txn) != 0)
        return 1;
    if (mdb_cursor_open(txn, events->entries, &cursor) == 0) {
        if (spot_from(cursor, 0, &spot, &ignored) != 0)
            spot.begins = 0;
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    store_map_done(events->map);
    return spot.begins != 0 ? spot.begins : 1;
}
