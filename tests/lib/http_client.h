/* A small HTTP client for tests: one request, one answer, on libcurl; and raw sockets for what no library would send.
 */
#ifndef AQ_TESTS_LIB_HTTP_CLIENT_H
#define AQ_TESTS_LIB_HTTP_CLIENT_H

#include "schema/base/memory.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HTTP_TIMEOUT_S = 60 };

struct http_client {
    unsigned port;
    const char *login;  /* "name:token"; NULL: none */
    const char *header; /* one more header; NULL: none */
};

struct http_reply {
    long status;
    struct aq_buffer body, headers;
    json_t *json; /* NULL: the body is none */
};

void http_reply_free(struct http_reply *reply);
/* `body` NULL: none. The path may be a format. */
void http_ask(const struct http_client *client, struct http_reply *reply, const char *method, const char *body,
              const char *path);
int http_connect(unsigned port);
bool http_send(int fd, const char *text);
/* Reads until `wanted` has come, or the other side has ended. */
bool http_read_until(int fd, const char *wanted, struct aq_buffer *seen);

#endif
