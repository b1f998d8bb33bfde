/* The server, the user and the token of aq: from flags, else from the context that --context names, else from the
 * environment, else from the context in use (contexts.h), else the presets. A token goes over TLS, or does not leave
 * this machine. At a
 * socket none is needed: the server knows the account that asks. */
#ifndef AQ_TOOLS_AQ_CONNECT_H
#define AQ_TOOLS_AQ_CONNECT_H

#include "tools/aq/contexts.h"
#include "tools/aq/options.h"
#include "tools/aq/trust.h"

enum { CLI_TOKEN_SIZE_MAX = 4096 };

struct cli_connect {
    char *server;     /* "http://127.0.0.1:8001", without a slash at the end, or "unix:/path" */
    char *user;       /* "": nobody is named: the token says who it is; at a socket without one, the account does */
    char *token;      /* NULL: none; wiped when it is no longer needed */
    char *token_from; /* the variable or file that it was read from */
    char *host;       /* of the address, without brackets */
    bool is_local;    /* the address is one of this machine: never through a proxy */
    bool is_tls;
    char fingerprint[AQ_FINGERPRINT_SIZE]; /* of an authority that must vouch for the server; "": any trusted one */
    char *authorities;                  /* certificates of those that may do so, as PEM; NULL: those of this machine */
    bool is_near;                       /* local, numeric, and without TLS; only then these are set: */
    bool is_socket;                     /* it is a unix socket */
    char *address, *host_port, *prefix; /* "::1" or the socket's path, "[::1]:8001", "" or "/path" */
    uint16_t port;
};

/* AQ_SERVER, AQ_USER, AQ_TOKEN, AQ_TOKEN_FILE, AQ_FINGERPRINT, AQ_AUTHORITY_FILE. Messages name the file of a token,
 * never its content. */
int cli_connect_open(struct cli_connect *connect, const struct cli_flags *flags, struct aq_error *error) AQ_MUST_CHECK;
/* The same with this context, which was read from `path`; NULL: none. */
int cli_connect_read(struct cli_connect *connect, const struct cli_flags *flags, const struct cli_context *context,
                     const char *path, struct aq_error *error) AQ_MUST_CHECK;
/* The parts of that: all but the token; then the token, from a file ("-": standard input), or as it was typed, which is
 * wiped. `from` is for messages. */
int cli_connect_to(struct cli_connect *connect, const struct cli_flags *flags, const struct cli_context *context,
                   const char *path, struct aq_error *error) AQ_MUST_CHECK;
int cli_connect_read_token(struct cli_connect *connect, const char *path, struct aq_error *error) AQ_MUST_CHECK;
int cli_connect_give_token(struct cli_connect *connect, char *text, const char *from,
                           struct aq_error *error) AQ_MUST_CHECK;
void cli_connect_name_user(struct cli_connect *connect, const char *user);
/* Are both addresses the same, but for slashes at their ends? */
bool cli_connect_is_same(const char *server, const char *other);
void cli_connect_close(struct cli_connect *connect); /* after a failure too */

/* What a context keeps of it; the texts are those of `connect`. */
struct cli_context cli_context_of(const struct cli_connect *connect);

#endif
