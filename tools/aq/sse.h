/* Parser of server-sent events: bytes go in as they arrive, cut anywhere; complete events come out. Lines end with CR,
 * LF or both. "id", "event" and "data" are known; comments and other fields are skipped. An event ends with an empty
 * line; one without data is dropped. */
#ifndef AQ_TOOLS_AQ_SSE_H
#define AQ_TOOLS_AQ_SSE_H

#include "schema/base/memory.h"

#include <stdbool.h>
#include <stdint.h>

enum { CLI_SSE_LINE_MAX = 8 << 20 /* bytes of a line, and of the data of one event */ };

struct cli_sse_event {
    uint64_t id;      /* 0: has none */
    const char *name; /* "message" when it has none */
    const char *data; /* lines joined with line breaks */
    size_t length;    /* of data */
};

typedef void cli_sse_fn(void *context, const struct cli_sse_event *event); /* holds only during the call */

struct cli_sse { /* zeroed: new */
    struct aq_buffer line, data, name;
    uint64_t id;
    bool has_data, after_return;
};

/* False: a line or an event is too large; the stream cannot be used any more. */
bool cli_sse_feed(struct cli_sse *sse, const char *bytes, size_t length, cli_sse_fn *event, void *context);
void cli_sse_close(struct cli_sse *sse); /* drops an incomplete event */

#endif
