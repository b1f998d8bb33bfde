#include "tools/aq/connect.h"

#include "tools/aq/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TOKEN_TEXT_SIZE = CLI_TOKEN_SIZE_MAX + 2 };

/* The first that says something: flag, environment, default. */
static const char *choose(const char *flag, const char *variable, const char *otherwise)
{
    if (flag[0] != '\0')
        return flag;
    const char *value = getenv(variable);
    return value != NULL && value[0] != '\0' ? value : otherwise;
}

static bool is_local_host(const char *host)
{
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0;
}

/* Checks the address and takes it apart. What it says is repeated only when no password can be in it. */
static int read_server(struct cli_connect *connect, const char *text, struct aq_error *error)
{
    char *host = NULL, *user = NULL, *scheme = NULL, *query = NULL;
    CURLU *url = curl_url();
    bool is_url = url != NULL && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
                  curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                  curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK;
    bool has_user = curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_OK || strchr(text, '@') != NULL;
    bool has_query = curl_url_get(url, CURLUPART_QUERY, &query, 0) == CURLUE_OK;
    int status = 0;
    if (has_user)
        status = aq_fail(error, AQ_E_INVALID,
                         "the server's address must not hold a user or a token: there are --user "
                         "and --token-file, AQ_USER and AQ_TOKEN");
    else if (!is_url || has_query || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
        status = aq_fail(error, AQ_E_INVALID, "server is \"%.200s\", but must be an address such as %s", text,
                         CLI_SERVER_DEFAULT);
    connect->is_local = host != NULL && is_local_host(host);
    connect->server = aq_strdup(text);
    for (size_t n = strlen(connect->server); n > 0 && connect->server[n - 1] == '/'; n--)
        connect->server[n - 1] = '\0';
    curl_free(host);
    curl_free(user);
    curl_free(scheme);
    curl_free(query);
    curl_url_cleanup(url);
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
                             "say where else it is)",
                             path);
    if (used == size)
        return aq_fail(error, AQ_E_INVALID, "token file %.200s is larger than %d bytes", path, CLI_TOKEN_SIZE_MAX);
    token[used] = '\0';
    if (strlen(token) != used)
        return aq_fail(error, AQ_E_INVALID, "token file %.200s holds a NUL byte", path);
    return 0;
}

static int read_token(struct cli_connect *connect, const char *flag, struct aq_error *error)
{
    char text[TOKEN_TEXT_SIZE];
    const char *variable = getenv("AQ_TOKEN");
    const char *where = "AQ_TOKEN";
    if (flag[0] == '\0' && variable != NULL && variable[0] != '\0') {
        if (strlen(variable) > CLI_TOKEN_SIZE_MAX)
            return aq_fail(error, AQ_E_INVALID, "AQ_TOKEN is longer than %d bytes", CLI_TOKEN_SIZE_MAX);
        snprintf(text, sizeof text, "%s", variable);
    } else {
        where = choose(flag, "AQ_TOKEN_FILE", CLI_TOKEN_FILE_DEFAULT);
        if (read_token_file(where, text, error) != 0)
            return -1;
    }
    size_t length = strcspn(text, " \t\r\n"), rest = strspn(text + length, " \t\r\n");
    bool good = length > 0 && text[length + rest] == '\0';
    text[length] = '\0';
    for (const char *c = text; *c != '\0'; c++)
        good = good && *c > 0x20 && *c < 0x7F;
    if (good)
        connect->token = aq_strdup(text);
    sodium_memzero(text, sizeof text);
    return good ? 0 : aq_fail(error, AQ_E_INVALID, "%.200s does not hold a token: one word of plain characters", where);
}

int cli_connect_open(struct cli_connect *connect, const struct cli_flags *flags, struct aq_error *error)
{
    *connect = (struct cli_connect){0};
    const char *user = choose(flags->user, "AQ_USER", CLI_USER_DEFAULT);
    if (!aq_name_is_good(user, strlen(user)))
        return aq_fail(error, AQ_E_INVALID, "user is \"%.100s\", but a name has only letters, digits, '.', '_' and '-'",
                       user);
    connect->user = aq_strdup(user);
    if (read_server(connect, choose(flags->server, "AQ_SERVER", CLI_SERVER_DEFAULT), error) != 0)
        return -1;
    return read_token(connect, flags->token_file, error);
}

void cli_connect_close(struct cli_connect *connect)
{
    if (connect->token != NULL)
        sodium_memzero(connect->token, strlen(connect->token));
    free(connect->server);
    free(connect->user);
    free(connect->token);
    *connect = (struct cli_connect){0};
}
