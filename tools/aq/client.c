#include "tools/aq/client.h"

#include "schema/base/clock.h"
#include "tools/aq/interrupt.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    PAUSE_LEAST_MS = 100,
    PAUSE_MOST_MS = 2000,
    HINT_MS = 1000,  /* a patient client says nothing of shorter gaps */
    SLICE_MS = 200,  /* an interruption is noticed within this time */
    GRACE_MS = 3000, /* an interrupted write may still get its answer, which says what was made */
    KEY_SIZE = 33,   /* 32 hexadecimal digits */
};

struct cli_client {
    struct cli_connect connect;
    unsigned timeout_s;
    uint64_t patient_until_ms; /* 0: not patient */
    struct cli_http *http;
};

struct cli_client *cli_client_with(struct cli_connect *connect, const struct cli_flags *flags, struct aq_error *error)
{
    if (sodium_init() < 0)
        aq_broken(__FILE__, __LINE__, "libsodium failed to start");
    struct cli_client *client = aq_calloc(1, sizeof *client);
    client->timeout_s = flags->timeout > 0 ? (unsigned)flags->timeout : CLI_TIMEOUT_S;
    client->connect = *connect;
    *connect = (struct cli_connect){0};
    client->http = cli_http_open(&client->connect, error);
    if (client->http != NULL)
        return client;
    cli_client_close(client);
    return NULL;
}

static struct cli_client *open_client(const struct cli_options *options, struct aq_error *error)
{
    struct cli_connect connect;
    struct cli_client *client = NULL;
    if (cli_connect_open(&connect, &options->flags, error) == 0)
        client = cli_client_with(&connect, &options->flags, error);
    cli_connect_close(&connect);
    return client;
}

enum cli_exit cli_client_open(struct cli_client **client, const struct cli_options *options)
{
    struct aq_error error = {0};
    *client = open_client(options, &error);
    return *client != NULL ? CLI_DONE : cli_fail(CLI_USAGE, "%s", error.message);
}

struct cli_client *cli_client_try(const struct cli_options *options)
{
    struct aq_error unused = {0};
    return open_client(options, &unused);
}

void cli_client_close(struct cli_client *client)
{
    if (client == NULL)
        return;
    cli_http_close(client->http);
    cli_connect_close(&client->connect);
    free(client);
}

unsigned cli_client_timeout_s(const struct cli_client *client)
{
    return client->timeout_s;
}

void cli_client_be_patient(struct cli_client *client, uint64_t end_ms)
{
    client->patient_until_ms = end_ms;
}

bool cli_client_is_patient(const struct cli_client *client)
{
    return client->patient_until_ms > aq_clock_ms();
}

struct cli_connect *cli_client_connection(struct cli_client *client)
{
    return &client->connect;
}

enum cli_exit cli_client_user(struct cli_client *client, const char **user, struct cli_reply *reply)
{
    enum cli_exit code = CLI_DONE;
    *reply = (struct cli_reply){0};
    if (client->connect.user[0] == '\0' && (code = cli_client_get(client, reply, "/api/v1/me")) == CLI_DONE) {
        const char *name = json_string_value(json_object_get(reply->data, "name"));
        free(client->connect.user);
        client->connect.user = aq_strdup(name != NULL ? name : "");
    }
    *user = client->connect.user;
    return code;
}

const struct cli_connect *cli_client_connect(const struct cli_client *client)
{
    return &client->connect;
}

void cli_url_escape(const char *text, struct aq_buffer *out)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
                     strchr("-._~", *c) != NULL;
        if (plain)
            aq_buffer_char(out, (char)*c);
        else
            aq_buffer_format(out, "%%%02X", *c);
    }
}

/* ---- one try ------------------------------------------------------------------------------------------ */

static bool take_body(void *context, long status, const char *bytes, size_t length)
{
    struct cli_reply *reply = context;
    (void)status;
    if (reply->body.length + length > CLI_ANSWER_SIZE_MAX)
        return false;
    aq_buffer_add(&reply->body, bytes, length);
    return true;
}

/* Reads the envelope; fills in what is missing, so that there always is a message. */
static void read_envelope(const struct cli_connect *connect, struct cli_reply *reply)
{
    json_error_t unused;
    reply->json = json_loadb(aq_buffer_string(&reply->body), reply->body.length, JSON_DECODE_ANY, &unused);
    reply->data = json_object_get(reply->json, "data");
    json_t *seq = json_object_get(reply->json, "seq");
    if (json_is_integer(seq))
        reply->seq = (uint64_t)json_integer_value(seq);
    const char *message = json_string_value(json_object_get(reply->json, "message"));
    if (message != NULL && reply->status == 401 && connect->token != NULL) /* says which credentials were used */
        snprintf(reply->message, sizeof reply->message, "%s: %s%s%stoken from %s", message,
                 connect->user[0] != '\0' ? "user " : "", connect->user, connect->user[0] != '\0' ? ", " : "",
                 connect->token_from);
    else if (message != NULL)
        snprintf(reply->message, sizeof reply->message, "%s", message);
    else if (reply->status / 100 != 2)
        snprintf(reply->message, sizeof reply->message, "the server answered with HTTP status %ld", reply->status);
    reply->exit = reply->status / 100 == 2 ? CLI_DONE : reply->status / 100 == 4 ? CLI_REFUSED : CLI_SERVER;
}

static const char *hint(const struct cli_client *client, const struct cli_http_end *end)
{
    if (end->fault != CLI_FAULT_ABSENT)
        return "";
    if (strcmp(client->connect.server, CLI_SERVER_DEFAULT) != 0)
        return " (does a controller run there?)";
    return " (does a controller run on this machine? For a cluster elsewhere: aq login https://HOST:8001)";
}

static void no_answer(const struct cli_client *client, const struct cli_http_end *end, struct cli_reply *reply)
{
    reply->exit = CLI_SERVER;
    reply->status = 0;
    if (end->presented != NULL)
        snprintf(reply->presented, sizeof reply->presented, "%s", end->presented);
    if (end->fault == CLI_FAULT_STOPPED)
        snprintf(reply->message, sizeof reply->message, "the answer of %s is larger than %d MiB",
                 client->connect.server, CLI_ANSWER_SIZE_MAX >> 20);
    else if (end->fault == CLI_FAULT_UNTRUSTED)
        snprintf(reply->message, sizeof reply->message, CLI_UNTRUSTED_FORMAT, client->connect.server, end->why);
    else
        snprintf(reply->message, sizeof reply->message, "%s does not answer: %s%s", client->connect.server, end->why,
                 hint(client, end));
}

static struct cli_http_end try_once(struct cli_client *client, const struct cli_http_request *request, uint64_t end_ms,
                                    struct cli_reply *reply)
{
    struct cli_http_end end;
    bool over, interrupted = false;
    cli_reply_close(reply);
    cli_http_start(client->http, request);
    for (uint64_t now = aq_clock_ms();; now = aq_clock_ms()) {
        if (!interrupted && cli_interrupted() != 0) {
            uint64_t grace_ms = request->idempotency_key != NULL ? GRACE_MS : 0;
            end_ms = now + grace_ms < end_ms ? now + grace_ms : end_ms;
            interrupted = true;
        }
        uint64_t left_ms = now < end_ms ? end_ms - now : 0;
        over = cli_http_work(client->http, left_ms < SLICE_MS ? left_ms : SLICE_MS, &end);
        if (over || left_ms == 0)
            break;
    }
    if (!over) {
        cli_http_stop(client->http);
        end =
            (struct cli_http_end){.fault = CLI_FAULT_OTHER, .why = interrupted ? "interrupted" : "Timeout was reached"};
    }
    reply->status = end.status;
    if (end.fault == CLI_FAULT_NONE)
        read_envelope(&client->connect, reply);
    else
        no_answer(client, &end, reply);
    return end;
}

/* ---- patience ----------------------------------------------------------------------------------------- */

bool cli_may_repeat(const struct cli_http_end *end, bool write)
{
    switch (end->fault) {
    case CLI_FAULT_NONE:
        return end->status == 502 || end->status == 503 || end->status == 504;
    case CLI_FAULT_ABSENT:
        return write; /* the controller may be restarting; reads fail at once */
    case CLI_FAULT_BROKE:
        return true;
    default:
        return false;
    }
}

/* A patient client goes on after all but a refusal and a failure that the server has explained. */
static bool goes_on(const struct cli_client *client, const struct cli_http_end *end, bool write)
{
    if (cli_interrupted() != 0)
        return false;
    bool no_answer =
        end->fault != CLI_FAULT_NONE && end->fault != CLI_FAULT_STOPPED && end->fault != CLI_FAULT_UNTRUSTED;
    return cli_may_repeat(end, write) || (cli_client_is_patient(client) && no_answer);
}

void cli_sleep_ms(uint64_t ms)
{
    struct timespec pause = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    while (cli_interrupted() == 0 && nanosleep(&pause, &pause) != 0 && errno == EINTR)
        continue;
}

static void make_key(char out[KEY_SIZE])
{
    unsigned char random[(KEY_SIZE - 1) / 2];
    randombytes_buf(random, sizeof random);
    sodium_bin2hex(out, KEY_SIZE, random, sizeof random);
}

/* How long a request is repeated, and since when it has failed. */
struct patience {
    const struct cli_client *client;
    uint64_t end_ms, failing_since_ms, pause_ms;
    bool told;
};

/* Pauses before the next try; false: the time is over. */
static bool pause_before_next(struct patience *patience, const struct cli_reply *reply, uint64_t after_s)
{
    uint64_t now = aq_clock_ms(), wanted_ms = after_s > 0 && after_s < 86400 ? after_s * 1000 : patience->pause_ms;
    uint64_t quiet_ms = cli_client_is_patient(patience->client) ? HINT_MS : 0;
    if (patience->failing_since_ms == 0)
        patience->failing_since_ms = now;
    if (patience->end_ms != UINT64_MAX && now + wanted_ms >= patience->end_ms)
        return false;
    if (!patience->told && now - patience->failing_since_ms >= quiet_ms) {
        if (patience->end_ms == UINT64_MAX)
            cli_note("%s; trying again", reply->message);
        else
            cli_note("%s; trying again for %" PRIu64 " s", reply->message, (patience->end_ms - now) / 1000);
        patience->told = true;
    }
    cli_sleep_ms(wanted_ms);
    patience->pause_ms = patience->pause_ms * 2 < PAUSE_MOST_MS ? patience->pause_ms * 2 : PAUSE_MOST_MS;
    return cli_interrupted() == 0;
}

enum cli_exit cli_client_ask(struct cli_client *client, const struct cli_request *request, struct cli_reply *reply)
{
    char key[KEY_SIZE];
    bool write = strcmp(request->method, "GET") != 0, patient = cli_client_is_patient(client);
    uint64_t timeout_ms = (request->timeout_s ? request->timeout_s : client->timeout_s) * UINT64_C(1000);
    struct patience patience = {.client = client, .end_ms = aq_clock_ms() + timeout_ms, .pause_ms = PAUSE_LEAST_MS};
    struct cli_http_request sent = {.method = request->method,
                                    .path = request->path,
                                    .body = request->body,
                                    .idempotency_key = write ? key : NULL,
                                    .minimal = request->minimal,
                                    .anonymous = request->anonymous,
                                    .take = take_body,
                                    .context = reply};
    *reply = (struct cli_reply){0};
    make_key(key);
    if (patient)
        patience.end_ms = client->patient_until_ms;
    for (;;) {
        uint64_t most_ms = aq_clock_ms() + timeout_ms; /* of one try */
        struct cli_http_end end = try_once(client, &sent, most_ms < patience.end_ms ? most_ms : patience.end_ms, reply);
        if (request->once || !goes_on(client, &end, write) || !pause_before_next(&patience, reply, end.retry_after_s))
            return reply->exit;
    }
}

enum cli_exit cli_client_get(struct cli_client *client, struct cli_reply *reply, const char *format, ...)
{
    char *path;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&path, format, args);
    va_end(args);
    aq_assert(length >= 0);
    struct cli_request request = {.method = "GET", .path = path};
    cli_client_ask(client, &request, reply);
    free(path);
    return reply->exit;
}

void cli_reply_close(struct cli_reply *reply)
{
    aq_buffer_free(&reply->body);
    json_decref(reply->json);
    *reply = (struct cli_reply){0};
}

enum cli_exit cli_reply_fail(const struct cli_reply *reply)
{
    return cli_fail(reply->exit, "%s", reply->message);
}
