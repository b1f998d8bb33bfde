/* A small HTTP client on libcurl, and raw sockets for what no library would send. */
#ifndef AQ_TESTS_LIB_HTTP_CLIENT_H
#define AQ_TESTS_LIB_HTTP_CLIENT_H

#include "schema/base/memory.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct http_client {
    unsigned port;
    const char *login;     /* "name:token"; NULL: none */
    const char *header;    /* one more header; NULL: none */
    CURL *curl;            /* whose connection is kept; NULL: a new one for each request */
    unsigned timeout_s;    /* 0: a minute */
    const char *authority; /* file with the certificate that vouches for the server, which has TLS; NULL: none */
    const char *socket;    /* path of a local socket to connect to; NULL: none */
};

struct http_reply {
    long status;     /* 0: no answer */
    const char *why; /* the reason why there is no answer; else NULL */
    struct aq_buffer body, headers;
    json_t *json; /* NULL: the body is not JSON */
};

void http_reply_free(struct http_reply *reply);
/* Sends a request and waits for the answer, which replaces what `reply` held. `body` NULL: none. */
void http_ask(const struct http_client *client, struct http_reply *reply, const char *method, const char *body,
              const char *path);

/* Connects to the port; aborts when that fails. */
int http_connect(unsigned port);
bool http_send(int fd, const char *text);
/* Reads until `wanted` has come, or the peer has closed the connection. */
bool http_read_until(int fd, const char *wanted, struct aq_buffer *seen);

/* A member of a JSON object; "" or 0 when there is none. */
const char *json_text(const json_t *object, const char *name);
uint64_t json_number(const json_t *object, const char *name);

#endif
