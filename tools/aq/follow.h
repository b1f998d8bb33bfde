/* Follows the log: events in order, each once, as they are committed. When the connection breaks or falls silent, it is
 * opened again after the last event that was seen: for the client's time-out, or as long as a patient client has time
 * (client.h). Once there was a stream, it is opened again for ever when it is to go on at the end of the log; only a
 * refusal ends that. */
#ifndef AQ_TOOLS_AQ_FOLLOW_H
#define AQ_TOOLS_AQ_FOLLOW_H

#include "tools/aq/client.h"

struct cli_follow;

struct cli_follow_options {
    uint64_t since;     /* events after this seq */
    const char *entity; /* only about this one; NULL: all */
    const char *key;    /* and only about its row with this key; NULL: all */
    bool forever;       /* continue at the end of the log */
};

struct cli_event {
    uint64_t seq;
    const char *text; /* the event as one line of JSON */
    size_t length;
};

enum cli_next {
    CLI_NEXT_EVENT,
    CLI_NEXT_QUIET, /* nothing came in time */
    CLI_NEXT_ENDED, /* the end of the log, not `forever` */
    CLI_NEXT_BROKEN /* the stream is not available: see cli_follow_fail() */
};

struct cli_follow *cli_follow_open(struct cli_client *client, const struct cli_follow_options *options);
void cli_follow_close(struct cli_follow *follow); /* NULL is fine */

/* Waits up to `timeout_ms` (-1: no limit), less when interrupted. `event` holds until the next call. */
enum cli_next cli_follow_next(struct cli_follow *follow, int timeout_ms, struct cli_event *event);
/* Waits until something may have changed: a burst of events counts as one change, and so does a stream that had to be
 * opened again, perhaps because the user's rights have changed. Only admins may follow the log: for other
 * users it waits for the pause below each time, and anything may have changed. */
enum cli_next cli_follow_change(struct cli_follow *follow, int timeout_ms);
/* The pause before such a user looks again, `passed_ms` after the beginning, when most happens. */
uint64_t cli_follow_pause_ms(uint64_t passed_ms);
/* Prints on standard error why it broke. */
enum cli_exit cli_follow_fail(const struct cli_follow *follow);

#endif
