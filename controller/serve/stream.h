/* Event streams: GET /api/v1/events, as server-sent events.
 *
 * A stream has a place in the log, and a buffer with what is rendered but not yet sent. When the buffer is empty, it is
 * filled from the log. When there is nothing more, the stream is idle until the writer has committed. The newest events
 * are rendered once and kept in a ring, which feeds all streams that have caught up. Serving thread. */
#ifndef AQ_CONTROLLER_SERVE_STREAM_H
#define AQ_CONTROLLER_SERVE_STREAM_H

#include "controller/serve/request.h"

enum {
    STREAM_RING_LENGTH = 1024,         /* events kept rendered */
    STREAM_RING_BYTES_MAX = 4 << 20,   /* at most so many bytes of them */
    STREAM_FILL_EVENTS_MAX = 1024,     /* read from the log in one go */
    STREAM_FILL_BYTES_MAX = 128 << 10, /* rendered in one go */
    STREAM_BEHIND_MAX = 100000,        /* a reader that falls behind by more events has to start over */
    STREAM_COMMENT_MS = 15000          /* an idle stream sends a comment after this time */
};

struct streams;

/* `max`: streams that may be open. `resume` is called for the request of a stream that was idle and has something to
 * send. */
struct streams *streams_new(struct writer *writer, struct state *state, uint64_t max,
                            void (*resume)(struct request *request));
void streams_free(struct streams *streams); /* no stream is open; NULL is fine */

/* The writer has reached `seq`: feeds the idle streams. */
void streams_feed(struct streams *streams, uint64_t seq);
/* Sends the comments that are due, and ends the streams of users who may not read any more. */
void streams_check(struct streams *streams, uint64_t now_ms);
/* When the next comment is due; UINT64_MAX: never. */
uint64_t streams_due_ms(const struct streams *streams);
/* Tells all streams to end, and opens no more. */
void streams_close(struct streams *streams);

unsigned streams_count(const struct streams *streams);
uint64_t streams_sent(const struct streams *streams); /* events on all streams, in all */

#endif
