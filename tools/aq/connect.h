/* The server, the user and the token of aq: from flags, else from the context that --context names, else from the
 * environment, else from the context in use (contexts.h), else the defaults. */
#ifndef AQ_TOOLS_AQ_CONNECT_H
#define AQ_TOOLS_AQ_CONNECT_H

#include "tools/aq/contexts.h"
#include "tools/aq/options.h"

enum { CLI_TOKEN_SIZE_MAX = 4096 };

struct cli_connect {
    char *server; /* "http://127.0.0.1:8001", without a slash at the end */
    char *user;
    char *token;                        /* wiped when it is no longer needed */
    char *token_from;                   /* the variable or file that it was read from */
    bool is_local;                      /* the address is one of this machine: never through a proxy */
    bool is_near;                       /* and is numeric, and without TLS; only then these are set: */
    char *address, *authority, *prefix; /* "::1", "[::1]:8001", "" or "/path" */
    uint16_t port;
};

/* AQ_SERVER, AQ_USER, AQ_TOKEN, AQ_TOKEN_FILE. Messages name the file, never its content. */
int cli_connect_open(struct cli_connect *connect, const struct cli_flags *flags, struct aq_error *error) AQ_MUST_CHECK;
/* The same with this context, which was read from `path`; NULL: none. */
int cli_connect_read(struct cli_connect *connect, const struct cli_flags *flags, const struct cli_context *context,
                     const char *path, struct aq_error *error) AQ_MUST_CHECK;
void cli_connect_close(struct cli_connect *connect); /* after a failure too */

#endif
