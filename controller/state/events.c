#include "controller/state/events.h"

#include "controller/state/events_shared.h"
#include "controller/state/log_layout.h"
#include "controller/state/map.h"
#include "controller/state/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct events {
    struct store_map *map;
    MDB_dbi entries, seqs;
    struct store_map own; /* opened here, closed here, when `map` leads to it */
};

static int open_tables(struct events *events)
{
    MDB_txn *txn;
    int code = mdb_txn_begin(events->own.env, NULL, MDB_RDONLY, &txn);
    if (code != 0)
        return code;
    code = mdb_dbi_open(txn, LOG_TABLE_ENTRIES, 0, &events->entries);
    if (code == 0)
        code = mdb_dbi_open(txn, LOG_TABLE_SEQS, 0, &events->seqs);
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
    int code = mdb_env_create(&env);
    if (code != 0)
        return store_fail(error, code, path);
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

struct events *events_share(struct store_map *map, unsigned entries, unsigned seqs)
{
    struct events *events = aq_calloc(1, sizeof *events);
    *events = (struct events){.map = map, .entries = entries, .seqs = seqs};
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

/* The index of the entry that holds `seq`, and the seq that it begins with; index 0: before the first, or nothing
 * there. */
static int entry_of(MDB_txn *txn, const struct events *events, uint64_t seq, uint64_t *index, uint64_t *begins,
                    struct aq_error *error)
{
    MDB_cursor *cursor;
    struct state_key key = state_key_number(seq);
    MDB_val name = {key.length, key.bytes}, value;
    *index = 0;
    int code = mdb_cursor_open(txn, events->seqs, &cursor);
    if (code != 0)
        return store_fail(error, code, "reading the log");
    code = mdb_cursor_get(cursor, &name, &value, MDB_SET_RANGE);
    if (code == MDB_NOTFOUND)
        code = mdb_cursor_get(cursor, &name, &value, MDB_LAST);
    else if (code == 0 && (name.mv_size != key.length || memcmp(name.mv_data, key.bytes, key.length) != 0))
        code = mdb_cursor_get(cursor, &name, &value, MDB_PREV);
    if (code == MDB_NOTFOUND) /* asked for what is older than all that is kept */
        code = mdb_cursor_get(cursor, &name, &value, MDB_FIRST);
    int status = 0;
    if (code == 0)
        status = log_number_read(name.mv_data, name.mv_size, begins, error) == 0
                     ? log_number_read(value.mv_data, value.mv_size, index, error)
                     : -1;
    mdb_cursor_close(cursor);
    return code == 0 || code == MDB_NOTFOUND ? status : store_fail(error, code, "reading the log");
}

/* The index of events is small, and has no check: what it leads to must be what it says. */
static int check_entry(uint64_t index, uint64_t expected, uint64_t begins, const struct log_head *head,
                       struct aq_error *error)
{
    if (index != expected)
        return aq_fail(error, AQ_E_CORRUPT, "log entry %" PRIu64 " (seq %" PRIu64 ") is missing", expected, begins);
    if (begins != 0 && head->first_seq != 0 && head->first_seq != begins)
        return aq_fail(error, AQ_E_CORRUPT, "log entry %" PRIu64 " begins with seq %" PRIu64 ", not %" PRIu64, index,
                       head->first_seq, begins);
    return 0;
}

/* From the entry `index` on, which begins with the seq `begins`. */
static int scan_entries(MDB_cursor *cursor, struct scan *scan, uint64_t index, uint64_t begins, struct aq_error *error)
{
    struct state_key key = state_key_number(index);
    MDB_val name = {key.length, key.bytes}, value;
    int more = 1, code = mdb_cursor_get(cursor, &name, &value, MDB_SET_RANGE);
    for (uint64_t expected = index; code == 0 && more == 1; expected++, begins = 0) {
        struct log_head head;
        const void *payload;
        if (log_number_read(name.mv_data, name.mv_size, &index, error) != 0 ||
            log_row_read(index, value.mv_data, value.mv_size, &head, &payload, error) != 0 ||
            check_entry(index, expected, begins, &head, error) != 0)
            return -1;
        more = show_entry(scan, index, &head, payload, error);
        if (more == 1)
            code = mdb_cursor_get(cursor, &name, &value, MDB_NEXT);
    }
    if (code != 0 && code != MDB_NOTFOUND)
        return store_fail(error, code, "reading the log");
    return more < 0 ? -1 : 0;
}

int events_scan(struct events *events, uint64_t first, uint64_t last, events_row_fn *row, void *context,
                struct aq_error *error)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    uint64_t index, begins;
    struct scan scan = {.first = first, .last = last, .row = row, .context = context};
    if (first > last)
        return 0;
    int code = store_map_read(events->map, &txn);
    if (code != 0)
        return store_fail(error, code, "reading the log");
    int status = entry_of(txn, events, first, &index, &begins, error);
    if (status == 0 && index != 0) {
        code = mdb_cursor_open(txn, events->entries, &cursor);
        if (code == 0) {
            status = scan_entries(cursor, &scan, index, begins, error);
            mdb_cursor_close(cursor);
        } else {
            status = store_fail(error, code, "reading the log");
        }
    }
    mdb_txn_abort(txn);
    store_map_done(events->map);
    aq_arena_free(&scan.arena);
    return status;
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

uint64_t events_first(struct events *events)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val name, value;
    struct aq_error ignored;
    uint64_t seq = 1;
    if (store_map_read(events->map, &txn) != 0)
        return seq;
    if (mdb_cursor_open(txn, events->seqs, &cursor) == 0) {
        if (mdb_cursor_get(cursor, &name, &value, MDB_FIRST) == 0 &&
            log_number_read(name.mv_data, name.mv_size, &seq, &ignored) != 0)
            seq = 1;
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    store_map_done(events->map);
    return seq;
}
