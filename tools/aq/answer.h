/* Parser of an answer in HTTP/1.1: bytes go in as they arrive, cut anywhere; pieces of the body come out. Interim
 * answers (1xx) are skipped. What leaves it open where the answer ends is refused. libevent's own client cannot be used
 * on a unix socket. */
#ifndef AQ_TOOLS_AQ_ANSWER_H
#define AQ_TOOLS_AQ_ANSWER_H

#include "schema/base/memory.h"

#include <stdbool.h>
#include <stdint.h>

enum { CLI_ANSWER_HEAD_MAX = 100 << 10 /* bytes of a head, and of what is around chunks: as much as libcurl takes */ };

enum cli_answer_state {
    CLI_ANSWER_STATUS, /* the first line */
    CLI_ANSWER_HEADER, /* a line of a header */
    CLI_ANSWER_LENGTH, /* a body of so many bytes */
    CLI_ANSWER_TO_END, /* one that ends with the connection */
    CLI_ANSWER_SIZE,   /* the size of a chunk */
    CLI_ANSWER_CHUNK,
    CLI_ANSWER_AFTER, /* the end of its line */
    CLI_ANSWER_TRAILER,
    CLI_ANSWER_DONE,
    CLI_ANSWER_BAD,     /* it is not HTTP */
    CLI_ANSWER_STOPPED, /* the receiver wanted no more */
};

struct cli_answer {                                                             /* zeroed, and `take` set: new */
    bool (*take)(void *context, long status, const char *bytes, size_t length); /* false: no more */
    void *context;
    enum cli_answer_state state;
    long status;
    uint64_t retry_after_s; /* 0: not given */
    bool closes;            /* the connection cannot be used again */
    bool is_chunked, has_length;
    uint64_t left; /* bytes of the body or of the chunk */
    struct aq_buffer line;
    size_t head; /* bytes of lines so far */
};

/* The state after these bytes. Once it is one of the last three, nothing more is taken. `used` is how many were. */
enum cli_answer_state cli_answer_feed(struct cli_answer *answer, const char *bytes, size_t length, size_t *used);
/* The connection has ended: is the answer complete? */
bool cli_answer_end(struct cli_answer *answer);
void cli_answer_close(struct cli_answer *answer);

#endif
