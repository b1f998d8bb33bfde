/* REST from the first byte: a real server on loopback, with a real log. Input: a byte; after 'a' or 'u', a request that
 * gets the Authorization header of an admin or a user after its first line; after another byte, bytes that are sent
 * unchanged.
 *
 * The server answers in HTTP or not at all, its JSON is valid, no answer reports an internal error, and the server
 * keeps running. */
#include "schema/model/application.h"
#include "schema/model/resource.h"
#include "tests/lib/fuzz.h"
#include "tests/lib/fuzz_cluster.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { ANSWER_MAX = 1 << 20, PATIENCE_MS = 100, CONNECT_TRIES = 200 };

/* As in corpus/http/basic_good. */
static const char token[] = "aq_fuzzfuzzfuzzfuzzfuzzfuzzfuzzfuzzfuzzfuzzfuz2nhOYc";
static struct fuzz_cluster place;
static struct sockaddr_in address;

/* ---- the server --------------------------------------------------------------------------------------------- */

static void make_user(const char *name, const char *role)
{
    struct aq_error error = {0};
    char hash[TOKEN_HASH_SIZE];
    fuzz_must(token_is_whole(token));
    token_hash(token, hash);
    struct aq_user_create user = {.name = name, .role = role, .hash = hash, .project = ""};
    fuzz_must(test_ask(&place.cluster, &aq_command_user_create, &user, "aquarium", NULL, &error) > 0);
}

static void begin(void)
{
    struct aq_error error = {0};
    struct aq_application_create create = {.project = "", .label = "mac", .metadata = "{\"a\":{\"b\":[1]}}"};
    struct aq_resource_start start = {1, "n1", "w", "127.0.0.1", ""};
    fuzz_cluster_start(&place, true);
    make_user("admin", AQ_ROLE_ADMIN);
    make_user("ann", AQ_ROLE_USER);
    test_make_node(&place.cluster, "n1", 2);
    for (int i = 0; i < 3; i++)
        fuzz_must(test_ask(&place.cluster, &aq_command_application_create, &create, "admin", NULL, &error) > 0);
    fuzz_must(test_ask(&place.cluster, &aq_command_resource_start, &start, "node:n1", NULL, &error) > 0);
    address =
        (struct sockaddr_in){.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)test_read_number(place.cluster.directory, AQ_FILE_API_PORT)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void end(void)
{
    fuzz_cluster_stop(&place);
}

/* ---- one input ---------------------------------------------------------------------------------------------- */

/* "admin:" and "ann:" before the token, in base64. */
static void make_request(struct fuzz_input *in, struct aq_buffer *out)
{
    static const char admin[] =
        "Authorization: Basic YWRtaW46YXFfZnV6emZ1enpmdXp6ZnV6emZ1enpmdXp6ZnV6emZ1enpmdXp6ZnV6emZ1ejJuaE9ZYw==\r\n";
    static const char user[] =
        "Authorization: Basic YW5uOmFxX2Z1enpmdXp6ZnV6emZ1enpmdXp6ZnV6emZ1enpmdXp6ZnV6emZ1enpmdXoybmhPWWM=\r\n";
    char who = (char)fuzz_take(in, 1);
    const uint8_t *line = in->size > 0 ? memchr(in->data, '\n', in->size) : NULL;
    if (line != NULL && (who == 'a' || who == 'u')) {
        size_t length = (size_t)(line - in->data) + 1;
        aq_buffer_add(out, in->data, length);
        aq_buffer_text(out, who == 'a' ? admin : user);
        in->data += length;
        in->size -= length;
    }
    aq_buffer_add(out, in->data, in->size);
}

/* The body of the first answer; NULL: its head is incomplete. `length`: the announced length of the body. */
static const char *find_body(const char *answer, size_t *length)
{
    const char *end = strstr(answer, "\r\n\r\n"), *said = strstr(answer, "Content-Length: ");
    *length = said != NULL && end != NULL && said < end ? strtoul(said + strlen("Content-Length: "), NULL, 10) : 0;
    return end != NULL ? end + 4 : NULL;
}

static bool has_no_body(const struct aq_buffer *request)
{
    return strncmp(aq_buffer_string(request), "HEAD", 4) == 0;
}

static bool is_whole(const struct aq_buffer *request, const struct aq_buffer *answer)
{
    size_t length;
    const char *body = find_body(aq_buffer_string(answer), &length);
    if (body == NULL || strncmp(answer->data, "HTTP/1.1 100", 12) == 0)
        return false;
    if (length > 0)
        return strlen(body) >= length || has_no_body(request);
    return strstr(answer->data, "chunked") == NULL || strstr(body, "0\r\n\r\n") != NULL;
}

/* Connects. On a busy machine there may be no free port for a moment, or a signal may interrupt. */
static int reach(void)
{
    struct timeval patience = {.tv_usec = PATIENCE_MS * 1000};
    struct linger hard = {.l_onoff = 1}; /* closes with a reset: no port stays in TIME_WAIT */
    for (int tries = 0; tries < CONNECT_TRIES; tries++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        fuzz_must(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
        fuzz_must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard) == 0);
        if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
            return fd;
        fprintf(stderr, "connect: %s\n", strerror(errno));
        close(fd);
        usleep(10000);
    }
    fuzz_must(!"the server can be reached");
    return -1;
}

/* Sends everything, shuts the direction down, and reads until the server has answered or is silent for too long. */
static void exchange(const struct aq_buffer *request, struct aq_buffer *answer)
{
    char chunk[16384];
    ssize_t got = 0;
    int fd = reach();
    if (send(fd, request->data, request->length, MSG_NOSIGNAL) >= 0) {
        /* The HTTP library misses a shutdown that arrives together with data. */
        (void)poll(&(struct pollfd){fd, POLLIN, 0}, 1, 2);
        (void)shutdown(fd, SHUT_WR);
    }
    while (!is_whole(request, answer) && answer->length < ANSWER_MAX && (got = recv(fd, chunk, sizeof chunk, 0)) > 0)
        aq_buffer_add(answer, chunk, (size_t)got);
    close(fd);
}

/* Checks the first answer, if it is complete. */
static void check_answer(const struct aq_buffer *request, const char *answer)
{
    size_t length;
    const char *body = find_body(answer, &length), *type = strstr(answer, "Content-Type: application/json\r\n");
    if (answer[0] == '\0')
        return;
    fuzz_must(strncmp(answer, "HTTP/1.", 7) == 0);
    int status = atoi(answer + strcspn(answer, " "));
    fuzz_must(status >= 100 && status < 600 && status != 500);
    if (has_no_body(request) || body == NULL || type == NULL || type > body || strlen(body) < length || length == 0)
        return;
    json_t *json = json_loadb(body, length, JSON_DECODE_ANY, NULL);
    fuzz_must(json != NULL);
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct aq_buffer request = {0}, answer = {0};
    fuzz_cluster_next(begin, end);
    make_request(&in, &request);
    exchange(&request, &answer);
    check_answer(&request, aq_buffer_string(&answer));
    aq_buffer_free(&request);
    aq_buffer_free(&answer);
    return 0;
}
