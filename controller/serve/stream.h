/* Event streams: GET /api/v1/events, as server-sent events.
 *
 * A stream has a position in the log, and a buffer of rendered events to send. When all are sent, it fills the buffer
 * from the log. When it has reached the end of the log, it is idle until the writer commits. The newest events are
 * rendered once, into a ring that feeds all streams that have caught up.
 *
 * A reader may have the right to the events of some rows only, its own or those of a project. While there are such
 * readers, it is looked up once, for all of them, whose each new event is. They begin at most STREAM_BEHIND_MAX events
 * back. Serving thread. */
#ifndef AQ_CONTROLLER_SERVE_STREAM_H
#define AQ_CONTROLLER_SERVE_STREAM_H

#include "controller/serve/request.h"
#include "controller/settings/settings.h"

enum {
    STREAM_RING_LENGTH = 1024,         /* events kept rendered */
    STREAM_RING_BYTES_MAX = 4 << 20,   /* bytes of them */
    STREAM_FILL_EVENTS_MAX = 1024,     /* events read from the log at a time */
    STREAM_FILL_BYTES_MAX = 128 << 10, /* bytes rendered at a time */
    STREAM_BEHIND_MAX = 100000,        /* events; a reader that falls farther behind has to start over */
    STREAM_OWN_MAX = 16,               /* streams of one user who sees the events of some rows only */
    STREAM_COMMENT_MS = 15000          /* an idle stream sends a comment after this time */
};

struct streams;

/* The arguments must outlive the streams. `resume` is called for the request of an idle stream that has something to
 * send. */
struct streams *streams_new(struct writer *writer, struct state *state, const struct aq_config_api *config,
                            void (*resume)(struct request *request));
void streams_free(struct streams *streams); /* no stream is open; NULL is fine */

/* The writer has reached `seq`: feeds the idle streams. */
void streams_feed(struct streams *streams, uint64_t seq);
/* Sends the comments that are due, and ends the streams of users who may no longer read. */
void streams_check(struct streams *streams, uint64_t now_ms);
/* When the next comment is due; UINT64_MAX: never. */
uint64_t streams_due_ms(const struct streams *streams);
/* Ends all streams, and opens no more. */
void streams_close(struct streams *streams);

unsigned streams_count(const struct streams *streams);
uint64_t streams_sent(const struct streams *streams); /* events sent since the start */

#endif
