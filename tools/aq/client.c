#include "tools/aq/client.h"

#include "tools/aq/connect.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { PAUSE_LEAST_MS = 100, PAUSE_MOST_MS = 2000, CONNECT_MOST_MS = 5000 };

struct cli_client {
    struct cli_connect connect;
    unsigned timeout_s;
    CURL *handle; /* used again, so that its connection is */
};

static struct cli_client *open_client(const struct cli_options *options, struct aq_error *error)
{
    if (sodium_init() < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        aq_broken(__FILE__, __LINE__, "a library does not start");
    struct cli_client *client = aq_calloc(1, sizeof *client);
    client->timeout_s = options->flags.timeout > 0 ? (unsigned)options->flags.timeout : CLI_TIMEOUT_S;
    client->handle = curl_easy_init();
    aq_assert(client->handle != NULL);
    if (cli_connect_open(&client->connect, &options->flags, error) == 0)
        return client;
    cli_client_close(client);
    return NULL;
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
    curl_easy_cleanup(client->handle);
    cli_connect_close(&client->connect);
    free(client);
    curl_global_cleanup();
}

unsigned cli_client_timeout_s(const struct cli_client *client)
{
    return client->timeout_s;
}

const char *cli_client_server(const struct cli_client *client)
{
    return client->connect.server;
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

static void set(CURL *handle, CURLoption option, const char *text)
{
    if (curl_easy_setopt(handle, option, text) != CURLE_OK)
        aq_broken(__FILE__, __LINE__, "libcurl does not know an option");
}

static void set_up(const struct cli_client *client, CURL *handle, const char *path)
{
    struct aq_buffer url = {0};
    aq_buffer_text(&url, client->connect.server);
    aq_buffer_text(&url, path);
    set(handle, CURLOPT_URL, aq_buffer_string(&url));
    aq_buffer_free(&url);
    set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    set(handle, CURLOPT_USERNAME, client->connect.user);
    set(handle, CURLOPT_PASSWORD, client->connect.token);
    set(handle, CURLOPT_USERAGENT, "aq/" CLI_VERSION);
    curl_easy_setopt(handle, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MOST_MS);
    if (client->connect.is_local)
        set(handle, CURLOPT_PROXY, "");
}

CURL *cli_client_handle(const struct cli_client *client, const char *path)
{
    CURL *handle = curl_easy_init();
    if (handle == NULL)
        aq_broken(__FILE__, __LINE__, "out of memory");
    set_up(client, handle, path);
    return handle;
}

/* ---- one try ------------------------------------------------------------------------------------------ */

struct attempt {
    struct cli_reply *reply;
    bool too_large;
};

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct attempt *attempt = context;
    size_t length = size * count;
    if (attempt->reply->body.length + length > CLI_ANSWER_SIZE_MAX) {
        attempt->too_large = true;
        return 0;
    }
    aq_buffer_add(&attempt->reply->body, bytes, length);
    return length;
}

/* Reads the envelope; whatever is missing is made up, so that there always is a message. */
static void read_envelope(struct cli_reply *reply)
{
    json_error_t unused;
    reply->json = json_loadb(aq_buffer_string(&reply->body), reply->body.length, JSON_DECODE_ANY, &unused);
    reply->data = json_object_get(reply->json, "data");
    json_t *seq = json_object_get(reply->json, "seq");
    if (json_is_integer(seq))
        reply->seq = (uint64_t)json_integer_value(seq);
    const char *message = json_string_value(json_object_get(reply->json, "message"));
    if (message != NULL)
        snprintf(reply->message, sizeof reply->message, "%s", message);
    else if (reply->status / 100 != 2)
        snprintf(reply->message, sizeof reply->message, "the server answered with HTTP status %ld", reply->status);
    reply->exit = reply->status / 100 == 2 ? CLI_DONE : reply->status / 100 == 4 ? CLI_REFUSED : CLI_SERVER;
}

static void no_answer(const struct cli_client *client, const struct attempt *attempt, CURLcode code)
{
    struct cli_reply *reply = attempt->reply;
    reply->exit = CLI_SERVER;
    reply->status = 0;
    if (attempt->too_large)
        snprintf(reply->message, sizeof reply->message, "the answer of %s is larger than %d MiB",
                 client->connect.server, CLI_ANSWER_SIZE_MAX >> 20);
    else
        snprintf(reply->message, sizeof reply->message, "%s does not answer: %s", client->connect.server,
                 curl_easy_strerror(code));
}

static CURLcode try_once(struct cli_client *client, const struct cli_request *request, const char *key,
                         uint64_t left_ms, struct cli_reply *reply)
{
    struct attempt attempt = {.reply = reply};
    struct curl_slist *headers = NULL;
    cli_reply_close(reply);
    CURL *handle = client->handle;
    curl_easy_reset(handle); /* its connection stays */
    set_up(client, handle, request->path);
    set(handle, CURLOPT_CUSTOMREQUEST, request->method);
    headers = curl_slist_append(headers, "Accept: application/json");
    if (key != NULL)
        headers = curl_slist_append(headers, key);
    if (request->body != NULL) {
        headers = curl_slist_append(headers, "Content-Type: application/json");
        headers = curl_slist_append(headers, "Expect:"); /* else a large body waits for a word that never comes */
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(request->body));
        set(handle, CURLOPT_POSTFIELDS, request->body);
    } else if (strcmp(request->method, "POST") == 0) {
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, 0L);
        set(handle, CURLOPT_POSTFIELDS, "");
    }
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)left_ms);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &attempt);
    CURLcode code = curl_easy_perform(handle);
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &reply->status);
    if (code == CURLE_OK)
        read_envelope(reply);
    else
        no_answer(client, &attempt, code);
    curl_slist_free_all(headers);
    return code;
}

/* ---- patience ----------------------------------------------------------------------------------------- */

bool cli_may_repeat(CURLcode code, long status, bool write)
{
    switch (code) {
    case CURLE_OK:
        return status == 502 || status == 503 || status == 504;
    case CURLE_COULDNT_CONNECT:
        return write; /* a controller that restarts; who only reads is told at once */
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
        return true;
    default:
        return false;
    }
}

uint64_t cli_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void cli_sleep_ms(uint64_t ms)
{
    struct timespec pause = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    while (nanosleep(&pause, &pause) != 0 && errno == EINTR)
        continue;
}

/* "Idempotency-Key: <32 hexadecimal digits>" */
static void make_key(char out[64])
{
    unsigned char random[16];
    randombytes_buf(random, sizeof random);
    int used = snprintf(out, 64, "Idempotency-Key: ");
    sodium_bin2hex(out + used, 64 - (size_t)used, random, sizeof random);
}

enum cli_exit cli_client_ask(struct cli_client *client, const struct cli_request *request, struct cli_reply *reply)
{
    char key[64];
    bool write = strcmp(request->method, "GET") != 0, told = false;
    uint64_t timeout_ms = (request->timeout_s ? request->timeout_s : client->timeout_s) * UINT64_C(1000);
    uint64_t end_ms = cli_now_ms() + timeout_ms, pause_ms = PAUSE_LEAST_MS;
    *reply = (struct cli_reply){0};
    make_key(key);
    for (;;) {
        uint64_t started_ms = cli_now_ms(), left_ms = started_ms < end_ms ? end_ms - started_ms : 1;
        CURLcode code = try_once(client, request, write ? key : NULL, left_ms, reply);
        if (request->once || !cli_may_repeat(code, reply->status, write))
            return reply->exit;
        curl_off_t after_s = 0;
        curl_easy_getinfo(client->handle, CURLINFO_RETRY_AFTER, &after_s);
        uint64_t wanted_ms = after_s > 0 && after_s < 86400 ? (uint64_t)after_s * 1000 : pause_ms;
        if (cli_now_ms() + wanted_ms >= end_ms)
            return reply->exit;
        if (!told)
            cli_note("%s; trying again for %" PRIu64 " s", reply->message, (end_ms - cli_now_ms()) / 1000);
        told = true;
        cli_sleep_ms(wanted_ms);
        pause_ms = pause_ms * 2 < PAUSE_MOST_MS ? pause_ms * 2 : PAUSE_MOST_MS;
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
