/* HTTP: one exchange at a time, on a connection that is kept for the next one. Two libraries do it. A numeric http
 * address of this machine, or a socket, needs no names, proxies or TLS; it is near: libevent (http_near.c). Anything
 * else is far: libcurl (http_far.c), which is loaded only when it is needed, as with all its dependencies it takes five
 * times as long to start as the rest of aq. */
#ifndef AQ_TOOLS_AQ_HTTP_H
#define AQ_TOOLS_AQ_HTTP_H

#include "tools/aq/connect.h"

enum cli_fault {
    CLI_FAULT_NONE,      /* a whole answer, whatever its status */
    CLI_FAULT_ABSENT,    /* nobody listens there */
    CLI_FAULT_BROKE,     /* the connection broke before the answer was complete */
    CLI_FAULT_STOPPED,   /* the receiver wanted no more */
    CLI_FAULT_UNTRUSTED, /* nothing was sent: no TLS, or no certificate that is trusted */
    CLI_FAULT_OTHER,     /* trying again does not help */
};

/* The same text from both. */
#define CLI_WHY_ABSENT  "Couldn't connect to server"
#define CLI_WHY_BROKE   "the connection was closed before the answer was complete"
#define CLI_WHY_NO_HTTP "its answer is not HTTP"
#define CLI_WHY_NO_TLS  "what answers there does not speak TLS; is it the port of plain http?"

/* What is said of CLI_FAULT_UNTRUSTED: the server's address, and why. */
#define CLI_UNTRUSTED_FORMAT "nothing was sent to %s: %s"

struct cli_http_request {
    const char *method, *path;   /* GET, POST or DELETE; encoded */
    const char *body;            /* JSON; NULL: none */
    const char *idempotency_key; /* NULL: none */
    bool minimal;                /* of rows that are written, only the key is wanted in the answer */
    bool anonymous;              /* without the user and the token */
    /* Takes a piece of the answer's body. False: no more. */
    bool (*take)(void *context, long status, const char *bytes, size_t length);
    void *context;
};

struct cli_http_end {
    enum cli_fault fault;
    const char *why;        /* the error's text, until the next exchange begins */
    const char *presented;  /* if the authority alone is not trusted: its fingerprint; else NULL */
    long status;            /* 0: there was no answer */
    uint64_t retry_after_s; /* 0: not given */
};

struct cli_http {
    const struct cli_http_kind *kind;
    const struct cli_connect *connect; /* the caller's; outlives the connection */
};

/* What each of the libraries offers. */
struct cli_http_kind {
    struct cli_http *(*open)(const struct cli_connect *connect, struct aq_error *error);
    void (*close)(struct cli_http *http);
    void (*start)(struct cli_http *http, const struct cli_http_request *request);
    bool (*work)(struct cli_http *http, uint64_t timeout_ms, struct cli_http_end *end);
    void (*stop)(struct cli_http *http);
};

extern const struct cli_http_kind cli_http_near, cli_http_far;

/* NULL: the library is not available. Sends nothing. */
struct cli_http *cli_http_open(const struct cli_connect *connect, struct aq_error *error) AQ_MUST_CHECK;
void cli_http_close(struct cli_http *http); /* NULL is fine */

/* Begins an exchange; none may be in progress. What `request` points to, except the key, is needed until the exchange
 * ends. */
void cli_http_start(struct cli_http *http, const struct cli_http_request *request);
/* Lets the exchange proceed, waiting for at most `timeout_ms`. True: it is over, and `end` says how. */
bool cli_http_work(struct cli_http *http, uint64_t timeout_ms, struct cli_http_end *end);
/* Gives up the exchange in progress, if any. */
void cli_http_stop(struct cli_http *http);

#endif
