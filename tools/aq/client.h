/* A client of a controller's REST interface: one request, one answer, and retries in between.
 *
 * A write carries a random Idempotency-Key, so that it happens once even if it is sent again: when the connection
 * breaks or the answer is 502, 503 or 504, it is repeated with the same key until the time is over, at the pace of the
 * server's Retry-After. A read is repeated too, except when nobody listens; a patient client repeats it whatever
 * hinders it, until its time is over, and only an answer that refuses it ends that. The token is sent in the
 * Authorization header and nowhere else: it is in no message, and passes no proxy on the way to an address of this
 * machine. */
#ifndef AQ_TOOLS_AQ_CLIENT_H
#define AQ_TOOLS_AQ_CLIENT_H

#include "tools/aq/http.h"
#include "tools/aq/say.h"

#include <jansson.h>

enum { CLI_ANSWER_SIZE_MAX = 64 << 20 };

struct cli_client;

/* Finds the server, the user and the token: from flags, else the environment, else the presets. Sends nothing. A
 * failure (the token cannot be read, the address is invalid) is reported on standard error: CLI_USAGE. */
enum cli_exit cli_client_open(struct cli_client **client, const struct cli_options *options) AQ_MUST_CHECK;
/* The same without a message: NULL when it fails. */
struct cli_client *cli_client_try(const struct cli_options *options);
/* The same for a connection that is known, which is moved into the client; NULL with `error`. */
struct cli_client *cli_client_with(struct cli_connect *connect, const struct cli_flags *flags,
                                   struct aq_error *error) AQ_MUST_CHECK;
void cli_client_close(struct cli_client *client); /* NULL is fine */

struct cli_request {
    const char *method;
    const char *path;   /* with its query, encoded: "/api/v1/application/?limit=2" */
    const char *body;   /* JSON; NULL: none */
    bool minimal;       /* of rows that are written, only the key is wanted in the answer */
    bool once;          /* never repeated */
    bool anonymous;     /* without the user and the token */
    unsigned timeout_s; /* 0: the client's */
};

struct cli_reply {
    enum cli_exit exit; /* CLI_DONE: 2xx */
    long status;        /* 0: there was no answer */
    char message[1024]; /* the server's, or why there was no answer */
    struct aq_buffer body;
    json_t *json;                        /* the whole answer; NULL: it is not JSON */
    json_t *data;                        /* its member, borrowed; NULL: none */
    char presented[AQ_FINGERPRINT_SIZE]; /* of an authority that is not trusted, and that alone; "": none */
    uint64_t seq;                        /* that the answer is true at; 0: not given */
};

/* From now on requests are repeated until `end_ms` of aq_clock_ms(), UINT64_MAX: for ever; 0: patient no more. For what
 * waits, and outlasts a controller that restarts. */
void cli_client_be_patient(struct cli_client *client, uint64_t end_ms);
bool cli_client_is_patient(const struct cli_client *client);

/* Always fills `reply`, which the caller closes. Prints nothing, except that it tries again. Returns reply->exit. */
enum cli_exit cli_client_ask(struct cli_client *client, const struct cli_request *request, struct cli_reply *reply);
/* GET of a path, made like printf. */
enum cli_exit cli_client_get(struct cli_client *client, struct cli_reply *reply, const char *format, ...)
    AQ_PRINTF(3, 4);
void cli_reply_close(struct cli_reply *reply);
/* Prints the reason on standard error; returns reply->exit. */
enum cli_exit cli_reply_fail(const struct cli_reply *reply);

/* Appends `text` as one part of a path or a query. */
void cli_url_escape(const char *text, struct aq_buffer *out);

/* Who the requests come from, as the server knows it; it is asked if nobody was named. `reply` is filled, and the
 * caller's. */
enum cli_exit cli_client_user(struct cli_client *client, const char **user, struct cli_reply *reply);

unsigned cli_client_timeout_s(const struct cli_client *client);
/* For streams, on a connection of their own. */
const struct cli_connect *cli_client_connect(const struct cli_client *client);
/* To give it a user or a token, between two requests. */
struct cli_connect *cli_client_connection(struct cli_client *client);

/* May a request with this answer be sent again? */
bool cli_may_repeat(const struct cli_http_end *end, bool write);

/* Ends early when interrupted (interrupt.h). */
void cli_sleep_ms(uint64_t ms);

#endif
