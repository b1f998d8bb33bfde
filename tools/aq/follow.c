#include "tools/aq/follow.h"

#include "tools/aq/sse.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    SILENCE_MAX_MS = 60000, /* the server sends a sign of life every 15 s */
    PAUSE_MS = 250,         /* between two tries to connect */
    REFUSAL_SIZE_MAX = 65536,
    BURST_QUIET_MS = 50,
    BURST_MOST_MS = 500,
    POLL_MS = 1000,
};

struct cli_follow {
    struct cli_client *client;
    struct cli_follow_options options;
    uint64_t last; /* seq of the last event that was seen */
    CURLM *multi;
    CURL *handle; /* NULL: not connected */
    uint64_t heard_ms, retry_at_ms;
    uint64_t failing_since_ms; /* 0: all is well */
    bool connected;            /* there was a stream before */
    bool refused;              /* the user may not follow */
    struct cli_sse sse;
    struct aq_buffer refusal; /* body of an answer that is no stream */
    struct cli_event *events; /* read, not yet handed out */
    size_t count, next, capacity;
    struct aq_arena texts;
    enum cli_next outcome; /* CLI_NEXT_QUIET until it is over for good */
    enum cli_exit exit;
    char message[1024];
};

struct cli_follow *cli_follow_open(struct cli_client *client, const struct cli_follow_options *options)
{
    struct cli_follow *follow = aq_calloc(1, sizeof *follow);
    follow->client = client;
    follow->options = *options;
    follow->last = options->since;
    follow->outcome = CLI_NEXT_QUIET;
    follow->multi = curl_multi_init();
    aq_assert(follow->multi != NULL);
    return follow;
}

static void disconnect(struct cli_follow *follow)
{
    if (follow->handle == NULL)
        return;
    curl_multi_remove_handle(follow->multi, follow->handle);
    curl_easy_cleanup(follow->handle);
    follow->handle = NULL;
    cli_sse_close(&follow->sse);
    aq_buffer_reset(&follow->refusal);
}

void cli_follow_close(struct cli_follow *follow)
{
    if (follow == NULL)
        return;
    disconnect(follow);
    curl_multi_cleanup(follow->multi);
    aq_buffer_free(&follow->refusal);
    aq_arena_free(&follow->texts);
    free(follow->events);
    free(follow);
}

enum cli_exit cli_follow_fail(const struct cli_follow *follow)
{
    return cli_fail(follow->exit, "%s", follow->message);
}

/* ---- what arrives ------------------------------------------------------------------------------------- */

static void take_event(void *context, const struct cli_sse_event *event)
{
    struct cli_follow *follow = context;
    if (event->id <= follow->last)
        return; /* seen before the connection broke, or a message that is no event of the log */
    follow->last = event->id;
    if (follow->count == follow->capacity) {
        follow->capacity = follow->capacity ? follow->capacity * 2 : 64;
        follow->events = aq_realloc(follow->events, follow->capacity * sizeof *follow->events);
    }
    follow->events[follow->count++] = (struct cli_event){
        .seq = event->id, .text = aq_arena_text(&follow->texts, event->data, event->length), .length = event->length};
}

static size_t take_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct cli_follow *follow = context;
    size_t length = size * count;
    long status = 0;
    follow->heard_ms = cli_now_ms();
    curl_easy_getinfo(follow->handle, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200) {
        follow->failing_since_ms = 0;
        follow->connected = true;
        return cli_sse_feed(&follow->sse, bytes, length, take_event, follow) ? length : 0;
    }
    if (follow->refusal.length + length <= REFUSAL_SIZE_MAX)
        aq_buffer_add(&follow->refusal, bytes, length);
    return length;
}

/* ---- the connection ----------------------------------------------------------------------------------- */

static void reconnect(struct cli_follow *follow)
{
    struct aq_buffer path = {0};
    aq_buffer_format(&path, "/api/v1/events?since=%" PRIu64, follow->last);
    if (follow->options.entity != NULL)
        aq_buffer_format(&path, "&entity=%s", follow->options.entity);
    if (!follow->options.forever)
        aq_buffer_text(&path, "&follow=false");
    follow->handle = cli_client_handle(follow->client, aq_buffer_string(&path));
    aq_buffer_free(&path);
    follow->heard_ms = cli_now_ms();
    curl_easy_setopt(follow->handle, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(follow->handle, CURLOPT_WRITEDATA, follow);
    CURLMcode failed = curl_multi_add_handle(follow->multi, follow->handle);
    aq_assert(failed == CURLM_OK);
}

/* Words for what went wrong. */
static void explain(struct cli_follow *follow, CURLcode code, long status)
{
    json_error_t unused;
    json_t *json = json_loadb(aq_buffer_string(&follow->refusal), follow->refusal.length, 0, &unused);
    const char *message = json_string_value(json_object_get(json, "message"));
    follow->exit = status / 100 == 4 ? CLI_REFUSED : CLI_SERVER;
    if (message != NULL)
        snprintf(follow->message, sizeof follow->message, "%s", message);
    else if (code == CURLE_OK && status != 200)
        snprintf(follow->message, sizeof follow->message, "the server answered with HTTP status %ld", status);
    else
        snprintf(follow->message, sizeof follow->message, "the event stream of %s broke: %s",
                 cli_client_server(follow->client), curl_easy_strerror(code));
    json_decref(json);
}

/* The connection has ended: true when it is to be opened again, at retry_at_ms. */
static bool goes_on(struct cli_follow *follow, CURLcode code, long status)
{
    uint64_t now = cli_now_ms();
    bool may = follow->connected && (code == CURLE_OK ? status == 200 : code != CURLE_WRITE_ERROR);
    may = may || cli_may_repeat(code, status, false);
    explain(follow, code, status);
    disconnect(follow);
    if (follow->failing_since_ms == 0)
        follow->failing_since_ms = now;
    follow->retry_at_ms = now + PAUSE_MS;
    return may &&
           follow->retry_at_ms - follow->failing_since_ms < cli_client_timeout_s(follow->client) * UINT64_C(1000);
}

/* Lets the connection work. CLI_NEXT_QUIET: nothing new is known. */
static enum cli_next work(struct cli_follow *follow)
{
    int running, left;
    const CURLMsg *message;
    if (follow->handle == NULL && cli_now_ms() >= follow->retry_at_ms)
        reconnect(follow);
    curl_multi_perform(follow->multi, &running);
    while ((message = curl_multi_info_read(follow->multi, &left)) != NULL) {
        long status = 0;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
        if (code == CURLE_OK && status == 200 && !follow->options.forever) {
            disconnect(follow);
            return CLI_NEXT_ENDED;
        }
        return goes_on(follow, code, status) ? CLI_NEXT_QUIET : CLI_NEXT_BROKEN;
    }
    if (follow->handle != NULL && cli_now_ms() - follow->heard_ms > SILENCE_MAX_MS)
        return goes_on(follow, CURLE_OPERATION_TIMEDOUT, 0) ? CLI_NEXT_QUIET : CLI_NEXT_BROKEN;
    return CLI_NEXT_QUIET;
}

enum cli_next cli_follow_next(struct cli_follow *follow, int timeout_ms, struct cli_event *event)
{
    uint64_t end_ms = timeout_ms < 0 ? UINT64_MAX : cli_now_ms() + (uint64_t)timeout_ms;
    for (;;) {
        if (follow->next < follow->count) {
            *event = follow->events[follow->next++];
            return CLI_NEXT_EVENT;
        }
        if (follow->outcome != CLI_NEXT_QUIET)
            return follow->outcome;
        follow->next = follow->count = 0;
        aq_arena_reset(&follow->texts);
        follow->outcome = work(follow);
        if (follow->count > 0 || follow->outcome != CLI_NEXT_QUIET)
            continue;
        uint64_t now = cli_now_ms();
        if (now >= end_ms)
            return CLI_NEXT_QUIET;
        curl_multi_poll(follow->multi, NULL, 0, end_ms - now < PAUSE_MS ? (int)(end_ms - now) : PAUSE_MS, NULL);
    }
}

enum cli_next cli_follow_change(struct cli_follow *follow, int timeout_ms)
{
    struct cli_event event;
    if (!follow->refused) {
        enum cli_next next = cli_follow_next(follow, timeout_ms, &event);
        uint64_t end_ms = cli_now_ms() + BURST_MOST_MS;
        while (next == CLI_NEXT_EVENT && cli_now_ms() < end_ms &&
               (next = cli_follow_next(follow, BURST_QUIET_MS, &event)) == CLI_NEXT_QUIET)
            return CLI_NEXT_EVENT;
        follow->refused = next == CLI_NEXT_BROKEN && follow->exit == CLI_REFUSED;
        if (!follow->refused)
            return next;
    }
    cli_sleep_ms(timeout_ms < 0 || timeout_ms > POLL_MS ? POLL_MS : (uint64_t)timeout_ms);
    return CLI_NEXT_EVENT;
}
