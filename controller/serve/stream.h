/* Event streams: GET /api/v1/events, as server-sent events.
 *
 * A stream has a place in the log, and a buffer with what is rendered but not yet sent. When the buffer is empty it is
 * filled from the log; when there is nothing more, the connection rests until the writer has committed. The newest
 * events are rendered once and kept in a ring, from which all streams that have caught up are fed. */
#ifndef AQ_CONTROLLER_SERVE_STREAM_H
#define AQ_CONTROLLER_SERVE_STREAM_H

#include "controller/serve/request.h"
#include "schema/codec/entry.h"

enum {
    STREAM_RING_LENGTH = 1024,         /* events kept rendered */
    STREAM_RING_BYTES_MAX = 4 << 20,   /* at most so many bytes of them */
    STREAM_FILL_EVENTS_MAX = 1024,     /* read from the log in one go */
    STREAM_FILL_BYTES_MAX = 128 << 10, /* rendered in one go */
    STREAM_BEHIND_MAX = 100000,        /* a reader that falls behind by more is sent away */
    STREAM_COMMENT_MS = 15000          /* a sign of life when nothing happens */
};

struct stream_event {
    uint64_t seq;
    const struct aq_entity *entity;
    char *text;
    size_t length;
};

struct streams {
    struct stream *all;
    unsigned count;
    struct stream_event ring[STREAM_RING_LENGTH]; /* event seq stands at seq modulo the length */
    uint64_t first, last;                         /* what the ring holds; first > last: nothing */
    size_t bytes;
    uint64_t sent; /* events, for the figures */
};

request_step stream_open;                 /* GET /api/v1/events */
void stream_end(struct request *request); /* frees the request's stream, if it has one */

/* The writer has got to `seq`: feeds those who wait. */
void streams_feed(struct serve *serve, uint64_t seq);
/* Sends signs of life, and ends the streams of users who may not read any more. Returns when the next one is due;
 * UINT64_MAX: never. */
uint64_t streams_check(struct serve *serve, uint64_t now_ms);
void streams_close(struct serve *serve); /* tells all streams to end */
void streams_init(struct streams *streams);
void streams_free(struct streams *streams);

/* Appends the event as a server-sent event. */
void stream_render(const struct aq_event *event, struct aq_buffer *out);

#endif
