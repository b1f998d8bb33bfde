/* Talking to a controller over REST: one question, one answer, and the patience between them.
 *
 * A write carries a random Idempotency-Key, so that it may be sent again, and happens once: when the connection breaks,
 * or the answer is 502, 503 or 504, it is repeated with the same key until the time is over, as often as the server's
 * Retry-After allows. A read is repeated too, except when nobody listens. The token goes into the Authorization header
 * and nowhere else: into no message, and through no proxy to an address of this machine. */
#ifndef AQ_TOOLS_AQ_CLIENT_H
#define AQ_TOOLS_AQ_CLIENT_H

#include "tools/aq/http.h"
#include "tools/aq/say.h"

#include <jansson.h>

enum { CLI_ANSWER_SIZE_MAX = 64 << 20 };

struct cli_client;

/* Finds out whom to ask, who asks, and the token: flags first, then the environment, then the defaults. Sends nothing.
 * A failure (no token to be read, an address that is none) is told on standard error: CLI_USAGE. */
enum cli_exit cli_client_open(struct cli_client **client, const struct cli_options *options) AQ_MUST_CHECK;
/* The same without a word: NULL when it fails. */
struct cli_client *cli_client_try(const struct cli_options *options);
void cli_client_close(struct cli_client *client); /* NULL is fine */

struct cli_request {
    const char *method;
    const char *path;   /* with its query, encoded: "/api/v1/application/?limit=2" */
    const char *body;   /* JSON; NULL: none */
    bool minimal;       /* of what is written, the key alone is wanted back */
    bool once;          /* never repeated, whatever happens */
    unsigned timeout_s; /* 0: the client's */
};

struct cli_reply {
    enum cli_exit exit; /* CLI_DONE: 2xx */
    long status;        /* 0: there was no answer */
    char message[1024]; /* the server's, or why there was no answer */
    struct aq_buffer body;
    json_t *json; /* the whole answer; NULL: it is no JSON */
    json_t *data; /* its member, borrowed; NULL: none */
    uint64_t seq; /* what it is true at; 0: not told */
};

/* Always fills `reply`, which the caller closes. Says nothing by itself, but that it tries again. Returns reply->exit.
 */
enum cli_exit cli_client_ask(struct cli_client *client, const struct cli_request *request, struct cli_reply *reply);
/* GET of a path, made like printf. */
enum cli_exit cli_client_get(struct cli_client *client, struct cli_reply *reply, const char *format, ...)
    AQ_PRINTF(3, 4);
void cli_reply_close(struct cli_reply *reply);
/* Says why on standard error; returns reply->exit. */
enum cli_exit cli_reply_fail(const struct cli_reply *reply);

/* Appends `text` as one part of a path or a query. */
void cli_url_escape(const char *text, struct aq_buffer *out);

unsigned cli_client_timeout_s(const struct cli_client *client);
/* For whoever streams, on a connection of its own. */
const struct cli_connect *cli_client_connect(const struct cli_client *client);

/* May a request that came to this be sent again? */
bool cli_may_repeat(const struct cli_http_end *end, bool write);

uint64_t cli_now_ms(void); /* monotonic */
void cli_sleep_ms(uint64_t ms);

#endif
