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
#include <unistd.h>

enum { HTTP_PORT = 80, TOKEN_TEXT_SIZE = CLI_TOKEN_SIZE_MAX + 2 };

static const char *variable_of(const char *name)
{
    const char *value = getenv(name);
    return value != NULL ? value : "";
}

/* The first that is set: flag, the context that a flag names, environment, context, default. */
static const char *choose(const char *flag, const struct cli_flags *flags, const char *context, const char *variable,
                          const char *otherwise)
{
    bool named = flags->context[0] != '\0';
    const char *values[] = {flag, named ? context : "", variable_of(variable), context, otherwise};
    size_t i = 0;
    while (values[i][0] == '\0')
        i++;
    return values[i];
}

/* The address is checked already. Sets what is needed to go there without libcurl, if that is possible. */
static void look_near(struct cli_connect *connect, const char *scheme, const char *host, int port)
{
    struct in_addr v4;
    bool is_loopback =
        strcmp(host, "[::1]") == 0 || (strncmp(host, "127.", 4) == 0 && inet_pton(AF_INET, host, &v4) == 1);
    connect->is_local = is_loopback || strcasecmp(host, "localhost") == 0;
    connect->is_near = is_loopback && strcasecmp(scheme, "http") == 0;
    if (!connect->is_near)
        return;
    const char *authority = strstr(connect->server, "//") + 2;
    size_t length = strcspn(authority, "/");
    connect->address = aq_strdup(host[0] == '[' ? "::1" : host);
    connect->prefix = aq_strdup(authority + length);
    connect->authority = aq_strdup(authority);
    connect->authority[length] = '\0';
    connect->port = port > 0 ? (uint16_t)port : HTTP_PORT;
}

/* Checks the address and takes it apart. A message repeats it only if it cannot contain a password. */
static int read_server(struct cli_connect *connect, const char *text, struct aq_error *error)
{
    struct evhttp_uri *uri = evhttp_uri_parse(text);
    const char *scheme = uri ? evhttp_uri_get_scheme(uri) : NULL, *host = uri ? evhttp_uri_get_host(uri) : NULL;
    bool is_http = scheme != NULL && (strcasecmp(scheme, "http") == 0 || strcasecmp(scheme, "https") == 0);
    int status = 0;
    if (strchr(text, '@') != NULL)
        status = aq_fail(error, AQ_E_INVALID,
                         "the server's address must not contain a user or a token: use --user "
                         "and --token-file, AQ_USER and AQ_TOKEN");
    else if (!is_http || host == NULL || host[0] == '\0' || strpbrk(text, "?#") != NULL)
        status = aq_fail(error, AQ_E_INVALID, "server is \"%.200s\", but must be an address such as %s", text,
                         CLI_SERVER_DEFAULT);
    if (status == 0) {
        connect->server = aq_strdup(text);
        for (size_t n = strlen(connect->server); n > 0 && connect->server[n - 1] == '/'; n--)
            connect->server[n - 1] = '\0';
        look_near(connect, scheme, host, evhttp_uri_get_port(uri));
    }
    if (uri != NULL)
        evhttp_uri_free(uri);
    return status;
}

/* Reads the whole file, which is small, into `token`. */
static int read_token_file(const char *path, char token[TOKEN_TEXT_SIZE], struct aq_error *error)
{
    const size_t size = TOKEN_TEXT_SIZE - 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
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
                             "name other places)",
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

static int read_token(struct cli_connect *connect, const struct cli_flags *flags, const char *context, const char *path,
                      struct aq_error *error)
{
    char text[TOKEN_TEXT_SIZE];
    const char *where = "";
    const char *plain = plain_token(flags, context, path, &where);
    if (plain != NULL) {
        if (strlen(plain) > CLI_TOKEN_SIZE_MAX)
            return aq_fail(error, AQ_E_INVALID, "%.200s is longer than %d bytes", where, CLI_TOKEN_SIZE_MAX);
        snprintf(text, sizeof text, "%s", plain);
    } else {
        where = choose(flags->token_file, flags, "", "AQ_TOKEN_FILE", CLI_TOKEN_FILE_DEFAULT);
        if (read_token_file(where, text, error) != 0)
            return -1;
    }
    size_t length = strcspn(text, " \t\r\n"), rest = strspn(text + length, " \t\r\n");
    bool good = length > 0 && text[length + rest] == '\0';
    text[length] = '\0';
    for (const char *c = text; *c != '\0'; c++)
        good = good && *c > 0x20 && *c < 0x7F;
    if (good) {
        connect->token = aq_strdup(text);
        connect->token_from = aq_strdup(where);
    }
    sodium_memzero(text, sizeof text);
    return good ? 0 : aq_fail(error, AQ_E_INVALID, "%.200s does not hold a token: one word of plain characters", where);
}

int cli_connect_read(struct cli_connect *connect, const struct cli_flags *flags, const struct cli_context *context,
                     const char *path, struct aq_error *error)
{
    static const struct cli_context none = {"", "", ""};
    *connect = (struct cli_connect){0};
    if (context == NULL)
        context = &none;
    const char *server = choose(flags->server, flags, context->server, "AQ_SERVER", CLI_SERVER_DEFAULT);
    /* A token goes to the server that it is for, and to no other one unless a flag says so. */
    if (flags->context[0] == '\0' && context->server[0] != '\0' && strcmp(server, context->server) != 0)
        context = &none;
    const char *user = choose(flags->user, flags, context->user, "AQ_USER", CLI_USER_DEFAULT);
    if (!aq_name_is_good(user, strlen(user)))
        return aq_fail(error, AQ_E_INVALID, "user is \"%.100s\", but a name has only letters, digits, '.', '_' and '-'",
                       user);
    connect->user = aq_strdup(user);
    if (read_server(connect, server, error) != 0)
        return -1;
    return read_token(connect, flags, context->token, path, error);
}

/* Is there a value that a context could give? */
static bool wants_context(const struct cli_flags *flags)
{
    bool has_server = flags->server[0] != '\0' || variable_of("AQ_SERVER")[0] != '\0';
    bool has_user = flags->user[0] != '\0' || variable_of("AQ_USER")[0] != '\0';
    bool has_token =
        flags->token_file[0] != '\0' || variable_of("AQ_TOKEN")[0] != '\0' || variable_of("AQ_TOKEN_FILE")[0] != '\0';
    return flags->context[0] != '\0' || !has_server || !has_user || !has_token;
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
    free(connect->address);
    free(connect->authority);
    free(connect->prefix);
    *connect = (struct cli_connect){0};
}
