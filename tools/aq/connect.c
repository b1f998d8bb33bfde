#include "tools/aq/connect.h"
#include "schema/base/utf8.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/http.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    HTTP_PORT = 80,
    TOKEN_TEXT_SIZE = CLI_TOKEN_SIZE_MAX + 2,
    TOKEN_LENGTH = 52, /* of a token that the server knows by itself; earlier builds made others */
};
#define BLANKS        " \t\r\n"
#define SOCKET_SCHEME "unix:"

static const char *variable_of(const char *name)
{
    const char *value = getenv(name);
    return value != NULL ? value : "";
}

/* The first that is set: flag, the context that a flag names, environment, context, preset. */
static const char *choose(const char *flag, const struct cli_flags *flags, const char *context, const char *variable,
                          const char *otherwise)
{
    bool named = flags->context[0] != '\0';
    const char *values[] = {flag, named ? context : "", variable_of(variable), context};
    for (size_t i = 0; i < AQ_LENGTH(values); i++)
        if (values[i][0] != '\0')
            return values[i];
    return otherwise;
}

/* ---- the address ---------------------------------------------------------------------------------------- */

/* The address is checked already. Sets what is needed to go there without libcurl, if that is possible. */
static void look_near(struct cli_connect *connect, const char *host, int port)
{
    struct in_addr v4;
    bool is_loopback =
        strcmp(host, "[::1]") == 0 || (strncmp(host, "127.", 4) == 0 && inet_pton(AF_INET, host, &v4) == 1);
    connect->host = aq_strdup(host[0] == '[' ? host + 1 : host);
    connect->host[strcspn(connect->host, "]")] = '\0';
    connect->is_local = is_loopback || strcasecmp(host, "localhost") == 0;
    connect->is_near = is_loopback && !connect->is_tls;
    if (!connect->is_near)
        return;
    const char *host_port = strstr(connect->server, "//") + 2;
    size_t length = strcspn(host_port, "/");
    connect->address = aq_strdup(connect->host);
    connect->prefix = aq_strdup(host_port + length);
    connect->host_port = aq_strdup(host_port);
    connect->host_port[length] = '\0';
    connect->port = port > 0 ? (uint16_t)port : HTTP_PORT;
}

/* "unix:/path" or "unix:///path". */
static int read_socket(struct cli_connect *connect, const char *path, struct aq_error *error)
{
    static const struct sockaddr_un address;
    if (strncmp(path, "//", 2) == 0)
        path += 2;
    if (path[0] != '/' || path[1] == '\0')
        return aq_fail(error, AQ_E_INVALID, "server is \"unix:%.200s\", but must name a socket, as " CLI_SERVER_DEFAULT,
                       path);
    if (strlen(path) >= sizeof address.sun_path)
        return aq_fail(error, AQ_E_INVALID, "server is \"unix:%.200s\", but the path of a socket has at most %zu bytes",
                       path, sizeof address.sun_path - 1);
    struct aq_buffer server = {0};
    aq_buffer_format(&server, SOCKET_SCHEME "%s", path);
    connect->server = aq_strdup(aq_buffer_string(&server));
    aq_buffer_free(&server);
    connect->is_local = connect->is_near = connect->is_socket = true;
    connect->host = aq_strdup("localhost");
    connect->host_port = aq_strdup("localhost");
    connect->address = aq_strdup(path);
    connect->prefix = aq_strdup("");
    return 0;
}

/* Checks the address and takes it apart. A message repeats it only if it cannot contain a password. */
static int read_server(struct cli_connect *connect, const char *text, struct aq_error *error)
{
    if (strncmp(text, SOCKET_SCHEME, strlen(SOCKET_SCHEME)) == 0)
        return read_socket(connect, text + strlen(SOCKET_SCHEME), error);
    struct evhttp_uri *uri = evhttp_uri_parse(text);
    const char *scheme = uri ? evhttp_uri_get_scheme(uri) : NULL, *host = uri ? evhttp_uri_get_host(uri) : NULL;
    bool is_http = scheme != NULL && (strcasecmp(scheme, "http") == 0 || strcasecmp(scheme, "https") == 0);
    int status = 0;
    if (strchr(text, '@') != NULL)
        status = aq_fail(error, AQ_E_INVALID,
                         "the server's address must not contain a user or a token: use --user "
                         "and --token-file, AQ_USER and AQ_TOKEN");
    else if (!is_http || host == NULL || host[0] == '\0' || strpbrk(text, "?#") != NULL)
        status =
            aq_fail(error, AQ_E_INVALID,
                    "server is \"%.200s\", but must be an address, as https://host:8001 or " CLI_SERVER_DEFAULT, text);
    if (status == 0) {
        connect->server = aq_strdup(text);
        for (size_t n = strlen(connect->server); n > 0 && connect->server[n - 1] == '/'; n--)
            connect->server[n - 1] = '\0';
        connect->is_tls = strcasecmp(scheme, "https") == 0;
        look_near(connect, host, evhttp_uri_get_port(uri));
    }
    if (status == 0 && !connect->is_tls && !connect->is_local)
        status = aq_fail(error, AQ_E_INVALID,
                         "server is \"%.200s\", but a token goes to other machines only by https (see aq login --help)",
                         text);
    if (uri != NULL)
        evhttp_uri_free(uri);
    return status;
}

/* ---- whom to trust -------------------------------------------------------------------------------------- */

/* What vouches for the server, from one source. */
struct trust {
    const char *fingerprint, *authorities, *file; /* "": not given */
    const char *fingerprint_from, *authorities_from;
};

static int read_trust(struct cli_connect *connect, const struct trust *trust, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer authorities = {0};
    bool has_authorities = trust->authorities[0] != '\0' || trust->file[0] != '\0';
    if (trust->fingerprint[0] != '\0' && has_authorities)
        return aq_fail(error, AQ_E_INVALID, "%.200s and %.200s are both given, but one of them decides",
                       trust->fingerprint_from, trust->authorities_from);
    if (trust->file[0] != '\0' && cli_authorities_read(trust->file, &authorities, error) != 0)
        return -1;
    aq_buffer_text(&authorities, trust->authorities);
    if (authorities.length > 0)
        connect->authorities = aq_strdup(aq_buffer_string(&authorities));
    if (trust->fingerprint[0] != '\0' && aq_fingerprint_parse(trust->fingerprint, connect->fingerprint, error) != 0)
        return aq_error_context(error, "%.200s", trust->fingerprint_from);
    return 0;
}

static bool is_given(const struct trust *trust)
{
    return trust->fingerprint[0] != '\0' || trust->authorities[0] != '\0' || trust->file[0] != '\0';
}

/* The first source that says something, as with choose(). */
static int choose_trust(struct cli_connect *connect, const struct cli_flags *flags, const struct cli_context *context,
                        const char *path, struct aq_error *error)
{
    const struct trust none = {"", "", "", "", ""},
                       flag = {flags->fingerprint, "", flags->authority_file, "--fingerprint", "--authority-file"},
                       variable = {variable_of("AQ_FINGERPRINT"), "", variable_of("AQ_AUTHORITY_FILE"),
                                   "AQ_FINGERPRINT", "AQ_AUTHORITY_FILE"},
                       kept = {context->fingerprint, context->authorities, "", path, "authorities"};
    const struct trust *const order[] = {&flag, flags->context[0] != '\0' ? &kept : &none, &variable, &kept};
    if (!connect->is_tls && is_given(&flag))
        return aq_fail(error, AQ_E_INVALID, "%s is given, but %.200s is no https address, and shows no certificate",
                       flag.fingerprint[0] != '\0' ? flag.fingerprint_from : flag.authorities_from, connect->server);
    for (size_t i = 0; connect->is_tls && i < AQ_LENGTH(order); i++)
        if (is_given(order[i]))
            return read_trust(connect, order[i], error);
    return 0;
}

/* ---- the token ------------------------------------------------------------------------------------------ */

/* Reads the whole file, which is small, into `token`. */
static int read_token_file(const char *path, char token[TOKEN_TEXT_SIZE], struct aq_error *error)
{
    const size_t size = TOKEN_TEXT_SIZE - 1;
    int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    size_t used = 0;
    ssize_t got = -1;
    while (fd >= 0 && used < size && (got = read(fd, token + used, size - used)) > 0)
        used += (size_t)got;
    int number = errno;
    if (fd >= 0)
        close(fd);
    if (fd < 0 || got < 0)
        return aq_fail_errno(error, number,
                             "no token: %.200s cannot be read (AQ_TOKEN, AQ_TOKEN_FILE and --token-file "
                             "name other places; aq login keeps one)",
                             path);
    if (used == size)
        return aq_fail(error, AQ_E_INVALID, "token file %.200s is larger than %d bytes", path, CLI_TOKEN_SIZE_MAX);
    token[used] = '\0';
    if (strlen(token) != used)
        return aq_fail(error, AQ_E_INVALID, "token file %.200s contains a NUL byte", path);
    return 0;
}

/* A token that is no file: of the context or the variable. NULL: it is in a file. `where` names it. */
static const char *plain_token(const struct cli_flags *flags, const char *context, const char *path, const char **where)
{
    bool named = flags->context[0] != '\0';
    bool in_variable = variable_of("AQ_TOKEN")[0] != '\0' || variable_of("AQ_TOKEN_FILE")[0] != '\0';
    if (flags->token_file[0] != '\0')
        return NULL;
    *where = path;
    if (context[0] != '\0' && (named || !in_variable))
        return context;
    *where = "AQ_TOKEN";
    return variable_of("AQ_TOKEN")[0] != '\0' ? variable_of("AQ_TOKEN") : NULL;
}

void cli_connect_name_user(struct cli_connect *connect, const char *user)
{
    char *copy = aq_strdup(user);
    free(connect->user);
    connect->user = copy;
}

int cli_connect_give_token(struct cli_connect *connect, char *text, const char *from, struct aq_error *error)
{
    size_t begin = strspn(text, BLANKS), length = strcspn(text + begin, BLANKS), end = begin + length;
    bool good = length > 0 && length <= CLI_TOKEN_SIZE_MAX && text[end + strspn(text + end, BLANKS)] == '\0';
    for (size_t i = begin; i < end; i++)
        good = good && text[i] > 0x20 && text[i] < 0x7F;
    if (good) {
        connect->token = aq_strdup(text + begin);
        connect->token[length] = '\0';
        connect->token_from = aq_strdup(from);
        if (connect->user[0] == '\0' && length != TOKEN_LENGTH)
            cli_connect_name_user(connect, CLI_USER_DEFAULT);
    }
    sodium_memzero(text, strlen(text));
    return good ? 0 : aq_fail(error, AQ_E_INVALID, "%.200s does not hold a token: one word of plain characters", from);
}

int cli_connect_read_token(struct cli_connect *connect, const char *path, struct aq_error *error)
{
    char text[TOKEN_TEXT_SIZE];
    if (read_token_file(path, text, error) != 0)
        return -1;
    return cli_connect_give_token(connect, text, strcmp(path, "-") == 0 ? "standard input" : path, error);
}

static int read_token(struct cli_connect *connect, const struct cli_flags *flags, const char *context, const char *path,
                      struct aq_error *error)
{
    const char *where = "";
    const char *plain = plain_token(flags, context, path, &where);
    if (plain != NULL) {
        char *copy = aq_strdup(plain);
        int status = cli_connect_give_token(connect, copy, where, error);
        free(copy);
        return status;
    }
    where = choose(flags->token_file, flags, "", "AQ_TOKEN_FILE", NULL);
    if (where == NULL && connect->is_socket && connect->user[0] == '\0')
        return 0; /* the server knows the account that asks */
    if (where == NULL)
        return aq_fail(error, AQ_E_INVALID,
                       "no token%s%.64s for %.200s: aq login keeps one, --token-file and AQ_TOKEN_FILE name a file, "
                       "AQ_TOKEN is one",
                       connect->user[0] != '\0' ? " of user " : "", connect->user, connect->server);
    return cli_connect_read_token(connect, where, error);
}

bool cli_connect_is_same(const char *server, const char *other)
{
    size_t length = strlen(server), other_length = strlen(other);
    while (length > 0 && server[length - 1] == '/')
        length--;
    while (other_length > 0 && other[other_length - 1] == '/')
        other_length--;
    return length == other_length && strncmp(server, other, length) == 0;
}

/* A context without anything in it. */
static const struct cli_context no_context = {"", "", "", "", ""};

/* The context, unless it is for another server than the one that was chosen: what is for one server is sent to no other
 * one, unless a flag says so. */
static const struct cli_context *context_for(const char *server, const struct cli_flags *flags,
                                             const struct cli_context *context)
{
    bool differs = context->server[0] != '\0' && !cli_connect_is_same(server, context->server);
    return flags->context[0] == '\0' && differs ? &no_context : context;
}

int cli_connect_to(struct cli_connect *connect, const struct cli_flags *flags, const struct cli_context *context,
                   const char *path, struct aq_error *error)
{
    *connect = (struct cli_connect){0};
    if (context == NULL)
        context = &no_context;
    const char *server = choose(flags->server, flags, context->server, "AQ_SERVER", CLI_SERVER_DEFAULT);
    context = context_for(server, flags, context);
    const char *user = choose(flags->user, flags, context->user, "AQ_USER", "");
    if (user[0] != '\0' && !aq_name_is_good(user, strlen(user)))
        return aq_fail(error, AQ_E_INVALID, "user is \"%.100s\", but a name has only letters, digits, '.', '_' and '-'",
                       user);
    connect->user = aq_strdup(user);
    return read_server(connect, server, error) == 0 ? choose_trust(connect, flags, context, path, error) : -1;
}

int cli_connect_read(struct cli_connect *connect, const struct cli_flags *flags, const struct cli_context *context,
                     const char *path, struct aq_error *error)
{
    if (cli_connect_to(connect, flags, context, path, error) != 0)
        return -1;
    context = context_for(connect->server, flags, context != NULL ? context : &no_context);
    return read_token(connect, flags, context->token, path, error);
}

/* Is there a value that a context could give? */
static bool wants_context(const struct cli_flags *flags)
{
    const char *server = flags->server[0] != '\0' ? flags->server : variable_of("AQ_SERVER");
    bool has_user = flags->user[0] != '\0' || variable_of("AQ_USER")[0] != '\0';
    bool has_token =
        flags->token_file[0] != '\0' || variable_of("AQ_TOKEN")[0] != '\0' || variable_of("AQ_TOKEN_FILE")[0] != '\0';
    bool has_trust = strncasecmp(server, "https", strlen("https")) != 0 || flags->fingerprint[0] != '\0' ||
                     flags->authority_file[0] != '\0' || variable_of("AQ_FINGERPRINT")[0] != '\0' ||
                     variable_of("AQ_AUTHORITY_FILE")[0] != '\0';
    return flags->context[0] != '\0' || server[0] == '\0' || !has_user || !has_token || !has_trust;
}

int cli_connect_open(struct cli_connect *connect, const struct cli_flags *flags, struct aq_error *error)
{
    struct aq_arena arena = {0};
    struct cli_context context = {0};
    AQ_CLEANUP_BUFFER struct aq_buffer path = {0};
    *connect = (struct cli_connect){0};
    const char *name = wants_context(flags) ? cli_contexts_chosen(flags->context, &arena) : NULL;
    int status = 0;
    if (name != NULL)
        status = cli_contexts_read(name, &context, &arena, error) == 0 ? cli_contexts_path(name, &path, error) : -1;
    if (status == 0)
        status = cli_connect_read(connect, flags, name != NULL ? &context : NULL, aq_buffer_string(&path), error);
    if (name != NULL && context.token != NULL)
        sodium_memzero((char *)(uintptr_t)context.token, strlen(context.token));
    aq_arena_free(&arena);
    return status;
}

void cli_connect_close(struct cli_connect *connect)
{
    if (connect->token != NULL)
        sodium_memzero(connect->token, strlen(connect->token));
    free(connect->server);
    free(connect->user);
    free(connect->token);
    free(connect->token_from);
    free(connect->host);
    free(connect->authorities);
    free(connect->address);
    free(connect->host_port);
    free(connect->prefix);
    *connect = (struct cli_connect){0};
}

struct cli_context cli_context_of(const struct cli_connect *connect)
{
    return (struct cli_context){.server = connect->server,
                                .user = connect->user,
                                .token = connect->token != NULL ? connect->token : "",
                                .fingerprint = connect->fingerprint,
                                .authorities = connect->authorities != NULL ? connect->authorities : ""};
}
