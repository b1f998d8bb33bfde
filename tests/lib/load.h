/* A load generator for HTTP: one thread, epoll, persistent connections with one request at a time. It is cheap compared
 * with what it measures: requests are ready texts, and of an answer it parses only the head.
 *
 *     struct load load;
 *     load_open(&load, port, login, 64);
 *     load_run(&load, 2.0, 0, fill, context);   fill() gives each next request
 *     ... load.answers / load.seconds ...
 *     load_close(&load); */
#ifndef AQ_TESTS_LIB_LOAD_H
#define AQ_TESTS_LIB_LOAD_H

#include "schema/base/memory.h"
#include "tests/lib/bench.h"

#include <gnutls/gnutls.h>

enum { LOAD_HEAD_MAX = 4096, LOAD_READ_SIZE = 256 << 10, LOAD_TIMES_MAX = 1 << 20, LOAD_WAIT_MS = 60000 };

struct load_connection {
    int fd;
    gnutls_session_t session; /* NULL: no TLS */
    struct aq_buffer request;
    size_t sent;
    bool busy;
    double begun;
    char head[LOAD_HEAD_MAX]; /* of the answer, until it is complete */
    size_t head_length;
    size_t body_left;
    bool in_body;
};

struct load {
    unsigned port, count;
    gnutls_certificate_credentials_t credentials; /* NULL: no TLS */
    char authorization[256];
    struct load_connection *connections;
    int epoll;
    char *scratch;
    struct aq_buffer *keep; /* bodies are appended to it; NULL: dropped */

    /* About the last run. */
    uint64_t begun, answers, refused, bytes;
    double seconds;
    double *times; /* of the first LOAD_TIMES_MAX answers, in seconds */
    size_t time_count;
};

/* Writes the next request with load_get() or load_post(). */
typedef void load_fill_fn(struct load *load, void *context, struct aq_buffer *out);
void load_get(struct load *load, const char *path, struct aq_buffer *out);
void load_post(struct load *load, const char *path, const char *body, size_t length, struct aq_buffer *out);
/* `login` is "name:token"; NULL: none. */
void load_open(struct load *load, unsigned port, const char *login, unsigned count);
/* The same with TLS. The server's certificate is not checked. */
void load_open_secure(struct load *load, unsigned port, const char *login, unsigned count);
void load_close(struct load *load);

/* ---- sending ------------------------------------------------------------------------------------------- */

/* ---- receiving ----------------------------------------------------------------------------------------- */

/* Runs for `seconds`, or until `requests` were sent (0: no limit), and then waits for all answers. */
void load_run(struct load *load, double seconds, uint64_t requests, load_fill_fn *fill, void *context);
double load_rate(const struct load *load);

/* ---- the same request each time -------------------------------------------------------------------- */

void load_fill_same(struct load *load, void *context, struct aq_buffer *out);
/* Sends one request, with `post` as its body unless that is NULL. Appends the body of the answer to `body`. */
void load_ask(unsigned port, const char *login, const char *path, const char *post, struct aq_buffer *body);

#endif
