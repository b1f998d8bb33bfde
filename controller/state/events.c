#include "controller/state/events.h"

#include "controller/state/events_shared.h"
#include "controller/state/log_layout.h"
#include "controller/state/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct events {
    MDB_env *env;
    MDB_dbi entries, seqs;
    bool own; /* opened here, closed here */
};

static int open_tables(struct events *events)
{
    MDB_txn *txn;
    int code = mdb_txn_begin(events->env, NULL, MDB_RDONLY, &txn);
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
    snprintf(path, sizeof path, "%s/log", directory);
    struct events *events = aq_calloc(1, sizeof *events);
    events->own = true;
    int code = mdb_env_create(&events->env);
    if (code == 0)
        code = mdb_env_set_maxdbs(events->env, 4);
    if (code == 0)
        code = mdb_env_open(events->env, path, MDB_RDONLY | MDB_NOTLS, 0600);
    if (code == 0)
        code = open_tables(events);
    if (code == 0) {
        *out = events;
        return 0;
    }
    events_close(events);
    return store_fail(error, code, path);
}

struct events *events_share(struct MDB_env *env, unsigned entries, unsigned seqs)
{
    struct events *events = aq_calloc(1, sizeof *events);
    *events = (struct events){.env = env, .entries = entries, .seqs = seqs};
    return events;
}

void events_close(struct events *events)
{
    if (events == NULL)
        return;
    if (events->own)
        mdb_env_close(events->env);
    free(events);
}

static uint64_t number_of(const MDB_val *value)
{
    struct state_key key = {.length = value->mv_size};
    aq_assert(value->mv_size == sizeof(uint64_t));
    memcpy(key.bytes, value->mv_data, value->mv_size);
    return index_number_at(&key, 0);
}

/* Shows the events of one entry that lie in [first, last]. Returns 1 to go on, 0 to stop, -1 on damage. */
static int show_entry(const MDB_val *value, uint64_t index, uint64_t first, uint64_t last, events_row_fn *row,
                      void *context, struct aq_arena *arena, struct aq_error *error)
{
    struct log_head head;
    struct aq_entry entry;
    if (value->mv_size < sizeof head)
        return aq_fail(error, AQ_E_CORRUPT, "log entry %" PRIu64 " is cut short", index);
    memcpy(&head, value->mv_data, sizeof head);
    if (head.type != LOG_TYPE_COMMAND)
        return 1;
    if (head.size != value->mv_size - sizeof head)
        return aq_fail(error, AQ_E_CORRUPT, "log entry %" PRIu64 " has a wrong size", index);
    if (aq_entry_unpack(&entry, (const char *)value->mv_data + sizeof head, head.size, arena, error) != 0)
        return aq_error_context(error, "log entry %" PRIu64, index);
    uint64_t seq = entry.first_seq;
    for (uint32_t d = 0; d < entry.decisions.count; d++) {
        const struct aq_logged_decision *decision = AQ_ITEM(entry.decisions, struct aq_logged_decision, d);
        for (uint32_t e = 0; e < decision->events.count; e++, seq++) {
            struct aq_event event = {.seq = seq,
                                     .time_ms = entry.time,
                                     .author = decision->author,
                                     .command = aq_command_find((unsigned)decision->command)};
            if (seq < first)
                continue;
            if (seq > last)
                return 0;
            if (aq_event_unpack(AQ_ITEM(decision->events, struct aq_logged_event, e), &event, arena, error) != 0)
                return aq_error_context(error, "log entry %" PRIu64, index);
            if (!row(context, &event))
                return 0;
        }
    }
    return seq <= last;
}

/* Puts the cursor on the entry that holds `seq`; its index comes back. 0: before the first, or nothing there. */
static uint64_t entry_of(MDB_txn *txn, const struct events *events, uint64_t seq)
{
    MDB_cursor *cursor;
    struct state_key key = state_key_number(seq);
    MDB_val name = {key.length, key.bytes}, value;
    uint64_t index = 0;
    if (mdb_cursor_open(txn, events->seqs, &cursor) != 0)
        return 0;
    int code = mdb_cursor_get(cursor, &name, &value, MDB_SET_RANGE);
    if (code == MDB_NOTFOUND)
        code = mdb_cursor_get(cursor, &name, &value, MDB_LAST);
    else if (code == 0 && number_of(&name) != seq)
        code = mdb_cursor_get(cursor, &name, &value, MDB_PREV);
    if (code == MDB_NOTFOUND) /* asked for what is older than all that is kept */
        code = mdb_cursor_get(cursor, &name, &value, MDB_FIRST);
    if (code == 0)
        index = number_of(&value);
    mdb_cursor_close(cursor);
    return index;
}

static int scan(MDB_txn *txn, const struct events *events, uint64_t first, uint64_t last, events_row_fn *row,
                void *context, struct aq_error *error)
{
    uint64_t index = entry_of(txn, events, first);
    if (index == 0)
        return 0;
    MDB_cursor *cursor;
    struct state_key key = state_key_number(index);
    MDB_val name = {key.length, key.bytes}, value;
    int code = mdb_cursor_open(txn, events->entries, &cursor);
    if (code != 0)
        return store_fail(error, code, "reading the log");
    struct aq_arena arena = {0};
    int more = 1;
    code = mdb_cursor_get(cursor, &name, &value, MDB_SET_RANGE);
    while (code == 0 && more == 1) {
        aq_arena_reset(&arena);
        more = show_entry(&value, number_of(&name), first, last, row, context, &arena, error);
        if (more == 1)
            code = mdb_cursor_get(cursor, &name, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    aq_arena_free(&arena);
    if (code != 0 && code != MDB_NOTFOUND)
        return store_fail(error, code, "reading the log");
    return more < 0 ? -1 : 0;
}

int events_scan(struct events *events, uint64_t first, uint64_t last, events_row_fn *row, void *context,
                struct aq_error *error)
{
    MDB_txn *txn;
    if (first > last)
        return 0;
    int code = mdb_txn_begin(events->env, NULL, MDB_RDONLY, &txn);
    if (code != 0)
        return store_fail(error, code, "reading the log");
    int status = scan(txn, events, first, last, row, context, error);
    mdb_txn_abort(txn);
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
    uint64_t seq = 1;
    if (mdb_txn_begin(events->env, NULL, MDB_RDONLY, &txn) != 0)
        return seq;
    if (mdb_cursor_open(txn, events->seqs, &cursor) == 0) {
        if (mdb_cursor_get(cursor, &name, &value, MDB_FIRST) == 0)
            seq = number_of(&name);
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    return seq;
}
