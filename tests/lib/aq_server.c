#include "tests/lib/aq_server.h"

#include "tests/lib/directory.h"
#include "tools/aq/nouns.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct aq_server server = {.mutex = PTHREAD_MUTEX_INITIALIZER};
const char *server_tls_priorities;
char aq_out[TEXT_SIZE], aq_err[TEXT_SIZE];

/* ---- the server ----------------------------------------------------------------------------------------- */

static void server_copy_header(struct MHD_Connection *connection, const char *name, char *out, size_t size)
{
    const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    snprintf(out, size, "%s", value ? value : "");
}

static enum MHD_Result server_add_argument(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    char *line = context;
    size_t used = strlen(line);
    (void)kind;
    snprintf(line + used, 256 - used, "%s%s=%s", strchr(line, '?') ? "&" : "?", name, value ? value : "");
    return MHD_YES;
}

static const struct answer *server_choose(const char *method, const char *line)
{
    for (unsigned i = 0; i < ANSWERS_MAX && server.answers[i].method != NULL; i++) {
        const struct answer *answer = &server.answers[i];
        const char *url = line + strlen(method) + 1;
        if (strcmp(answer->method, method) != 0 || strncmp(url, answer->url, strlen(answer->url)) != 0)
            continue;
        if (answer->times != 0 && server.used[i] == answer->times)
            continue;
        server.used[i]++;
        return answer;
    }
    return NULL;
}

static enum MHD_Result server_respond(struct MHD_Connection *connection, struct seen *seen, const char *method)
{
    pthread_mutex_lock(&server.mutex);
    const struct answer *answer = server_choose(method, seen->line);
    if (server.seen_count < SEEN_MAX)
        server.seen[server.seen_count++] = *seen;
    pthread_mutex_unlock(&server.mutex);
    if (answer != NULL && answer->status == BREAKS)
        return MHD_NO;
    static char unexpected[] = "{\"message\":\"the test does not expect this request\",\"data\":null}";
    const char *body = answer ? answer->body : unexpected;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(body), (void *)(uintptr_t)body, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result = MHD_queue_response(connection, answer ? answer->status : 400, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result server_handle(void *context, struct MHD_Connection *connection, const char *url,
                                     const char *method, const char *version, const char *data, size_t *size,
                                     void **request)
{
    struct seen *seen = *request;
    (void)context;
    (void)version;
    if (seen == NULL) {
        *request = seen = aq_calloc(1, sizeof *seen);
        snprintf(seen->line, sizeof seen->line, "%s %s", method, url);
        MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, server_add_argument, seen->line);
        server_copy_header(connection, "Idempotency-Key", seen->key, sizeof seen->key);
        server_copy_header(connection, "Authorization", seen->user, sizeof seen->user);
        server_copy_header(connection, "Prefer", seen->prefer, sizeof seen->prefer);
        return MHD_YES;
    }
    if (*size > 0) {
        size_t used = strlen(seen->body);
        snprintf(seen->body + used, sizeof seen->body - used, "%.*s", (int)*size, data);
        *size = 0;
        return MHD_YES;
    }
    return server_respond(connection, seen, method);
}

static void server_forget_request(void *context, struct MHD_Connection *connection, void **request,
                                  enum MHD_RequestTerminationCode how)
{
    (void)context;
    (void)connection;
    (void)how;
    free(*request);
}

int server_start(const char *host, const struct test_server_identity *identity)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    server.host = host;
    struct MHD_OptionItem tls[4] = {{MHD_OPTION_END, 0, NULL}};
    if (identity != NULL) {
        tls[0] =
            (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)aq_buffer_string(&identity->key)};
        tls[1] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0,
                                         (void *)(uintptr_t)aq_buffer_string(&identity->chain)};
        tls[2] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    }
    if (identity != NULL && server_tls_priorities != NULL) {
        tls[2] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)server_tls_priorities};
        tls[3] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    }
    server.daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | (identity != NULL ? MHD_USE_TLS : 0), 0, NULL,
                                     NULL, server_handle, NULL, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&any,
                                     MHD_OPTION_NOTIFY_COMPLETED, server_forget_request, NULL, MHD_OPTION_ARRAY, tls,
                                     MHD_OPTION_END);
    if (server.daemon == NULL)
        return -1;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server.daemon, MHD_DAEMON_INFO_BIND_PORT);
    snprintf(server.address, sizeof server.address, "%s://%s:%u", identity != NULL ? "https" : "http", host,
             (unsigned)info->port);
    return 0;
}

int server_start_at_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    snprintf(server.address, sizeof server.address, "unix:%s", path);
    server.host = "127.0.0.1";
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unlink(path);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 16) != 0)
        return -1;
    server.daemon =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, server_handle, NULL, MHD_OPTION_LISTEN_SOCKET,
                         listener, MHD_OPTION_NOTIFY_COMPLETED, server_forget_request, NULL, MHD_OPTION_END);
    return server.daemon != NULL ? 0 : -1;
}

static int server_start_socket(void **state)
{
    char path[96];
    (void)state;
    snprintf(path, sizeof path, "%s/api.sock", getenv("TMPDIR"));
    return server_start_at_socket(path);
}

static int server_start_near(void **state)
{
    (void)state;
    return server_start("127.0.0.1", NULL);
}

static int server_start_far(void **state)
{
    (void)state;
    return server_start("localhost", NULL); /* a name, so that aq uses libcurl */
}

static int server_start_tls(void **state)
{
    struct test_authority *authority = test_authority_make("authority", TEST_VALID, NULL);
    struct test_server_identity identity;
    (void)state;
    test_server_identity_make(&identity, authority, "127.0.0.1", TEST_VALID);
    int status = server_start("127.0.0.1", &identity);
    setenv("AQ_FINGERPRINT", authority->fingerprint, 1);
    test_server_identity_free(&identity);
    test_authority_free(authority);
    return status;
}

int server_stop(void **state)
{
    (void)state;
    MHD_stop_daemon(server.daemon);
    return 0;
}

int server_forget(void **state)
{
    (void)state;
    pthread_mutex_lock(&server.mutex);
    memset(server.answers, 0, sizeof server.answers);
    memset(server.used, 0, sizeof server.used);
    memset(server.seen, 0, sizeof server.seen);
    server.seen_count = 0;
    pthread_mutex_unlock(&server.mutex);
    return 0;
}

void server_answers(const struct answer *answers, size_t count)
{
    pthread_mutex_lock(&server.mutex);
    memcpy(server.answers, answers, count * sizeof *answers);
    pthread_mutex_unlock(&server.mutex);
}

/* ---- aq ------------------------------------------------------------------------------------------------- */

static void take_back(int fd, FILE *file, int kept, char *text)
{
    fflush(NULL);
    dup2(kept, fd);
    close(kept);
    rewind(file);
    size_t length = fread(text, 1, TEXT_SIZE - 1, file);
    text[length] = '\0';
    fclose(file);
}

enum cli_exit aq_run_at(const char *address, const char *line)
{
    static char copy[1024];
    struct cli cli = {0};
    struct aq_error error = {0};
    char *argv[64] = {"aq", "--server", (char *)(uintptr_t)address};
    int argc = address != NULL ? 3 : 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
        argv[argc++] = word;
    assert_int_equal(cli_options_parse(&cli.options, argc, argv, &error), 0);
    fflush(NULL);
    FILE *out = tmpfile(), *err = tmpfile();
    int kept_out = dup(STDOUT_FILENO), kept_err = dup(STDERR_FILENO);
    dup2(fileno(out), STDOUT_FILENO);
    dup2(fileno(err), STDERR_FILENO);
    enum cli_exit code = cli_run(&cli);
    cli_client_close(cli.client);
    take_back(STDOUT_FILENO, out, kept_out, aq_out);
    take_back(STDERR_FILENO, err, kept_err, aq_err);
    cli_options_close(&cli.options);
    return code;
}

enum cli_exit aq_run(const char *line)
{
    return aq_run_at(server.address, line);
}

void aq_server_set_environment(void)
{
    static const char *const unset[] = {"AQ_CONTEXT", "AQ_SERVER", "AQ_TOKEN_FILE", "AQ_FINGERPRINT",
                                        "AQ_AUTHORITY_FILE"};
    for (size_t i = 0; i < AQ_LENGTH(unset); i++)
        unsetenv(unset[i]);
    setenv("AQ_TOKEN", "aq_secret", 1);
    setenv("AQ_USER", "admin", 1);
    setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
    cli_say_open();
}

int aq_server_run_tests(const char *name, const struct CMUnitTest *tests, size_t count)
{
    static const struct {
        const char *name;
        CMFixtureFunction start;
    } ways[] = {{"near", server_start_near},
                {"at a socket", server_start_socket},
                {"far", server_start_far},
                {"over TLS", server_start_tls}};
    char directory[64], group[128];
    int failed = 0;
    test_make_directory(directory, sizeof directory, "/tmp", "aq-server");
    setenv("TMPDIR", directory, 1); /* where a text that was edited is kept */
    aq_server_set_environment();
    for (size_t i = 0; i < AQ_LENGTH(ways); i++) {
        snprintf(group, sizeof group, "%s, %s", name, ways[i].name);
        failed += _cmocka_run_group_tests(group, tests, count, ways[i].start, server_stop);
    }
    test_remove_tree(directory);
    return failed;
}

void assert_seen(unsigned index, const char *line)
{
    assert_in_range(index, 0, server.seen_count - 1);
    assert_string_equal(server.seen[index].line, line);
}
