#include "fs/tree/complaints.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMPLAINTS = 256, DOING_SIZE = 128 };

struct complaint {
    bool used;
    uid_t uid;
    uint64_t time_ms;
    char doing[DOING_SIZE];
    struct aq_error error;
};

struct complaints {
    struct complaint rows[COMPLAINTS];
};

struct complaints *complaints_open(void)
{
    return aq_calloc(1, sizeof(struct complaints));
}

void complaints_close(struct complaints *complaints)
{
    free(complaints);
}

static const struct complaint *find_complaint(const struct complaints *complaints, uid_t uid)
{
    for (size_t i = 0; i < COMPLAINTS; i++)
        if (complaints->rows[i].used && complaints->rows[i].uid == uid)
            return &complaints->rows[i];
    return NULL;
}

/* An unused row, or the one with the oldest error. */
static struct complaint *replaceable_row(struct complaints *complaints)
{
    struct complaint *oldest = &complaints->rows[0];
    for (size_t i = 0; i < COMPLAINTS; i++) {
        struct complaint *row = &complaints->rows[i];
        if (!row->used)
            return row;
        if (row->time_ms < oldest->time_ms)
            oldest = row;
    }
    return oldest;
}

void complaints_add(struct complaints *complaints, uid_t uid, const char *doing, const struct aq_error *error,
                    uint64_t now_ms)
{
    struct complaint *row = (struct complaint *)find_complaint(complaints, uid);
    if (row == NULL)
        row = replaceable_row(complaints);
    *row = (struct complaint){.used = true, .uid = uid, .time_ms = now_ms, .error = *error};
    snprintf(row->doing, sizeof row->doing, "%s", doing);
}

void complaints_show(const struct complaints *complaints, uid_t uid, uint64_t now_ms, struct aq_buffer *out)
{
    const struct complaint *row = find_complaint(complaints, uid);
    if (row == NULL)
        return;
    uint64_t age_s = now_ms > row->time_ms ? (now_ms - row->time_ms) / 1000 : 0;
    aq_buffer_format(out, "%s\n%" PRIu64 " s ago, %s: %s\n", row->error.message, age_s, row->doing,
                     row->error.code == AQ_OK ? "done, with a warning" : strerror(aq_error_errno(row->error.code)));
}
