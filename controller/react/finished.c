#include "controller/react/finished.h"

#include "controller/state/indexes.h"
#include "schema/codec/pack.h"
#include "schema/codec/ranges.h"
#include "schema/codec/reload.h"

enum {
    LOOK_EVERY_MS = 1000,  /* whatever happens: a commit is no reason to look */
    LOOK_LATEST_MS = 60000 /* the settings may change */
};

/* The oldest ones, in the order of their end. */
struct old {
    struct finished *finished;
    struct state_txn *txn;
    struct aq_arena arena;
    uint64_t excess;    /* more than are kept */
    uint64_t before_ms; /* those that ended before this are too old; 0: none is */
    uint64_t next_ms;   /* when the next one ended, which is kept; 0: there is none */
    uint64_t seen;
    uint64_t numbers[AQ_REMOVED_AT_ONCE];
    size_t count;
};

/* One that was recalled may hold its resource until its node is back. */
static bool holds_resource(struct old *old, uint64_t number)
{
    const struct aq_field *resource = aq_record_field(&aq_application_record, "resource");
    const struct state_key key = state_key_number(number);
    struct state_packed row;
    struct aq_application application;
    return !state_find_packed(old->txn, &aq_entity_application, &key, &row) ||
           !state_unpack(old->txn, &aq_entity_application, &row, AQ_FIELD_BIT(&aq_application_record, resource),
                         &application, &old->arena) ||
           application.resource != 0;
}

static bool note_old(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct old *old = context;
    uint64_t ended_ms = state_key_number_at(key, 0), number = state_key_number_at(key, sizeof ended_ms);
    (void)value;
    (void)length;
    if (old->seen++ >= old->excess && ended_ms >= old->before_ms) {
        old->next_ms = ended_ms;
        return false;
    }
    if (!holds_resource(old, number))
        old->numbers[old->count++] = number;
    return old->count < AQ_REMOVED_AT_ONCE;
}

static bool send_old(struct old *old)
{
    struct aq_ranges ranges = {.first = 0};
    aq_ranges_add_all(&ranges, old->numbers, old->count);
    aq_ranges_end(&ranges);
    const bool sent =
        react_commands_send_removal(old->finished->commands, old->numbers[0], aq_buffer_string(&ranges.text));
    aq_buffer_free(&ranges.text);
    return sent;
}

void finished_remove_old(struct finished *finished, struct state_txn *txn, uint64_t steady_ms, uint64_t time_ms)
{
    const struct state_key all = {0};
    uint64_t number = AQ_SETTING(finished->keep->number), age_ms = AQ_SETTING(finished->keep->age) * 1000;
    if (steady_ms < finished->next_ms || (number == 0 && age_ms == 0))
        return;
    struct old old = {.finished = finished, .txn = txn};
    uint64_t count = index_count(txn, INDEX_OVER);
    old.excess = number > 0 && count > number ? count - number : 0;
    old.before_ms = age_ms > 0 && time_ms > age_ms ? time_ms - age_ms : 0;
    index_scan(txn, INDEX_OVER, &all, note_old, &old);
    aq_arena_free(&old.arena);
    uint64_t left = age_ms == 0 ? LOOK_LATEST_MS : old.next_ms > 0 ? old.next_ms + age_ms - time_ms : age_ms;
    finished->next_ms = steady_ms + (left < LOOK_EVERY_MS    ? LOOK_EVERY_MS
                                     : left < LOOK_LATEST_MS ? left
                                                             : LOOK_LATEST_MS);
    if (number > 0)
        finished->next_ms = steady_ms + LOOK_EVERY_MS;
    if (old.count > 0 && (!send_old(&old) || old.count == AQ_REMOVED_AT_ONCE))
        finished->next_ms = 0;
}
