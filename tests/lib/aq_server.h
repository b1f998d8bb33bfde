/* An HTTP server with canned answers, and aq run against it in this process: what aq printed, and what it sent. */
#ifndef AQ_TESTS_LIB_AQ_SERVER_H
#define AQ_TESTS_LIB_AQ_SERVER_H

#include "tests/lib/certificates.h"
#include "tests/lib/cmocka.h"
#include "tools/aq/help.h"

#include <pthread.h>

enum { ANSWERS_MAX = 16, SEEN_MAX = 64, TEXT_SIZE = 16384, BREAKS = 0 };

/* The answer to one kind of request. The server takes the first row that matches and is not used up. */
struct answer {
    const char *method, *url; /* a prefix of the request's */
    unsigned status;          /* BREAKS: closes the connection without an answer */
    const char *body;
    unsigned times; /* 0: always */
};

struct seen {
    char line[256]; /* "POST /api/v1/label/?dry_run=true" */
    char key[128];  /* Idempotency-Key */
    char user[128]; /* Authorization */
    char prefer[64];
    char body[1024];
};

struct aq_server {
    pthread_mutex_t mutex;
    struct MHD_Daemon *daemon;
    struct answer answers[ANSWERS_MAX];
    unsigned used[ANSWERS_MAX];
    struct seen seen[SEEN_MAX];
    unsigned seen_count;
    const char *host; /* "127.0.0.1" or "localhost" */
    char address[96];
};

extern struct aq_server server;

/* ---- the server ----------------------------------------------------------------------------------------- */

/* Listens on a free port of 127.0.0.1, which `host` must mean; with `identity` over TLS, else plain. */
extern const char *server_tls_priorities; /* GnuTLS's words, for the next start; NULL: its preset */
int server_start(const char *host, const struct test_server_identity *identity);
/* Listens on the unix socket `path`. */
int server_start_at_socket(const char *path);
int server_stop(void **state);
int server_forget(void **state);
void server_answers(const struct answer *answers, size_t count);

#define ANSWERS(...)                                                                                                   \
    server_answers((const struct answer[]){__VA_ARGS__}, AQ_LENGTH(((const struct answer[]){__VA_ARGS__})))

/* ---- aq ------------------------------------------------------------------------------------------------- */

/* Standard output and error of the last run. */
extern char aq_out[TEXT_SIZE], aq_err[TEXT_SIZE];

/* Runs `aq` with the words of the line against a server at the address; NULL: none is on the line. */
enum cli_exit aq_run_at(const char *address, const char *line);
/* The same against this server. */
enum cli_exit aq_run(const char *line);
/* Runs the tests against 127.0.0.1 and a unix socket, where aq speaks HTTP itself, against a name, where libcurl does,
 * and over TLS. */
int aq_server_run_tests(const char *name, const struct CMUnitTest *tests, size_t count);
/* The environment in which those run: a user with a token, no context of whoever runs the tests. */
void aq_server_set_environment(void);

#define SERVER_TEST(name) cmocka_unit_test_setup(name, server_forget)

void assert_seen(unsigned index, const char *line);

#endif
