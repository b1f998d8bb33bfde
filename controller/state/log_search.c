#include "controller/state/log_search.h"

#include "controller/state/log_layout.h"
#include "schema/codec/entry.h"

#include <inttypes.h>

int log_first_seq(const struct log_row *row, uint64_t *first_seq, struct aq_error *error)
{
    struct log_head head;
    const void *payload;
    if (log_head_read(row->index, row->data, row->length, &head, &payload, error) != 0)
        return -1;
    *first_seq = head.first_seq;
    if (head.type != LOG_TYPE_COMMAND || head.first_seq != 0)
        return 0;
    struct aq_entry entry; /* written by a version that did not put it into the head */
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    if (aq_entry_unpack(&entry, payload, head.size, &arena, error) != 0)
        return aq_error_context(error, "log entry %" PRIu64, row->index);
    *first_seq = entry.first_seq;
    return 0;
}

int log_search_from(struct log_cursor *cursor, uint64_t index, struct log_spot *spot, struct aq_error *error)
{
    struct log_row row;
    *spot = (struct log_spot){0, 0};
    int status = log_cursor_seek(cursor, index, &row, error);
    while (status == 0 && row.index != 0 && spot->first_seq == 0) {
        spot->index = row.index;
        if (log_first_seq(&row, &spot->first_seq, error) != 0)
            return -1;
        if (spot->first_seq == 0)
            status = log_cursor_next(cursor, &row, error);
    }
    if (spot->first_seq == 0)
        spot->index = 0;
    return status;
}

/* Most callers want what was appended lately, so the steps back from the end grow until one is before `seq`; then the
 * gap is halved until it is empty. Heads are trusted on the way: a damaged one leads to itself or next to it, where the
 * whole entry is read and the damage found. */
int log_search_seq(struct log_cursor *cursor, uint64_t seq, struct log_spot *spot, uint64_t *end,
                   struct aq_error *error)
{
    struct log_row first, last;
    if (log_cursor_first(cursor, &first, error) != 0 || log_cursor_last(cursor, &last, error) != 0)
        return -1;
    *end = last.index;
    struct log_spot before = {0, 0}, seen;
    uint64_t after = last.index + 1; /* from here on, all begin after `seq` */
    uint64_t at = last.index;
    for (uint64_t step = 1; first.index != 0 && before.index == 0 && after > first.index; step *= 2) {
        if (log_search_from(cursor, at, &seen, error) != 0)
            return -1;
        if (seen.index != 0 && seen.index < after && seen.first_seq <= seq)
            before = seen;
        else
            after = at;
        at = at - first.index > step ? at - step : first.index;
    }
    while (before.index != 0 && after - before.index > 1) {
        uint64_t middle = before.index + (after - before.index) / 2;
        if (log_search_from(cursor, middle, &seen, error) != 0)
            return -1;
        if (seen.index != 0 && seen.index < after && seen.first_seq <= seq)
            before = seen;
        else
            after = middle;
    }
    *spot = before;
    return before.index != 0 || first.index == 0 ? 0 : log_search_from(cursor, first.index, spot, error);
}
