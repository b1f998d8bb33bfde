#include "tools/aq/follow.h"

#include "schema/base/clock.h"
#include "tools/aq/interrupt.h"
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
    HINT_MS = 1000, /* of shorter gaps nothing is said */
    POLL_MS = 1000, /* at most; at the beginning, when most happens, more often */
    POLL_LEAST_MS = 50,
    POLL_SHARE = 8, /* of the time that has passed */
};

struct cli_follow {
    struct cli_client *client;
    struct cli_follow_options options;
    uint64_t last; /* seq of the last event that was seen */
    struct cli_http *http;
    bool under_way;
    uint64_t opened_ms, heard_ms, retry_at_ms;
    uint64_t failing_since_ms; /* 0: all is well */
    bool connected;            /* there was a stream before */
    bool ended;                /* and it has ended since */
    bool renewed;              /* after that, another one has begun */
    bool told;                 /* that it is trying again */
    bool refused;              /* the user may not follow the log */
    struct cli_sse sse;
    struct aq_buffer path;    /* of the current request */
    struct aq_buffer refusal; /* body of an answer that is not a stream */
    struct cli_event *events; /* read, not yet returned */
    size_t count, next, capacity;
    struct aq_arena texts;
    enum cli_next outcome; /* CLI_NEXT_QUIET until it is over for good */
    enum cli_exit exit;
    char message[1024];
};

struct cli_follow *cli_follow_open(struct cli_client *client, const struct cli_follow_options *options)
{
    struct cli_follow *follow = aq_calloc(1, sizeof *follow);
    struct aq_error unused;
    follow->client = client;
    follow->options = *options;
    follow->last = options->since;
    follow->opened_ms = aq_clock_ms();
    follow->outcome = CLI_NEXT_QUIET;
    follow->http = cli_http_open(cli_client_connect(client), &unused);
    aq_assert(follow->http != NULL); /* the client could open one */
    return follow;
}

static void disconnect(struct cli_follow *follow)
{
    cli_http_stop(follow->http);
    follow->under_way = false;
    cli_sse_close(&follow->sse);
    aq_buffer_reset(&follow->refusal);
}

void cli_follow_close(struct cli_follow *follow)
{
    if (follow == NULL)
        return;
    disconnect(follow);
    cli_http_close(follow->http);
    aq_buffer_free(&follow->path);
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
        return; /* seen before the connection broke, or a message that is not an event of the log */
    follow->last = event->id;
    AQ_GROW(follow->events, follow->count, follow->capacity);
    follow->events[follow->count++] = (struct cli_event){
        .seq = event->id, .text = aq_arena_text(&follow->texts, event->data, event->length), .length = event->length};
}

static bool take_bytes(void *context, long status, const char *bytes, size_t length)
{
    struct cli_follow *follow = context;
    follow->heard_ms = aq_clock_ms();
    if (status == 200) {
        follow->failing_since_ms = 0;
        follow->told = false;
        follow->connected = true;
        follow->renewed = follow->renewed || follow->ended;
        follow->ended = false;
        return cli_sse_feed(&follow->sse, bytes, length, take_event, follow);
    }
    if (follow->refusal.length + length <= REFUSAL_SIZE_MAX)
        aq_buffer_add(&follow->refusal, bytes, length);
    return true;
}

/* ---- the connection ----------------------------------------------------------------------------------- */

static void reconnect(struct cli_follow *follow)
{
    aq_buffer_reset(&follow->path);
    aq_buffer_format(&follow->path, "/api/v1/events?since=%" PRIu64, follow->last);
    if (follow->options.entity != NULL)
        aq_buffer_format(&follow->path, "&entity=%s", follow->options.entity);
    if (follow->options.key != NULL) {
        aq_buffer_text(&follow->path, "&key=");
        cli_url_escape(follow->options.key, &follow->path);
    }
    if (!follow->options.forever)
        aq_buffer_text(&follow->path, "&follow=false");
    follow->heard_ms = aq_clock_ms();
    follow->under_way = true;
    struct cli_http_request request = {
        .method = "GET", .path = aq_buffer_string(&follow->path), .take = take_bytes, .context = follow};
    cli_http_start(follow->http, &request);
}

/* Describes what went wrong. */
static void explain(struct cli_follow *follow, const struct cli_http_end *end)
{
    json_error_t unused;
    json_t *json = json_loadb(aq_buffer_string(&follow->refusal), follow->refusal.length, 0, &unused);
    const char *message = json_string_value(json_object_get(json, "message"));
    follow->exit = end->status / 100 == 4 ? CLI_REFUSED : CLI_SERVER;
    if (message != NULL)
        snprintf(follow->message, sizeof follow->message, "%s", message);
    else if (end->fault == CLI_FAULT_NONE && end->status != 200)
        snprintf(follow->message, sizeof follow->message, "the server answered with HTTP status %ld", end->status);
    else
        snprintf(follow->message, sizeof follow->message,
                 end->fault == CLI_FAULT_UNTRUSTED ? CLI_UNTRUSTED_FORMAT : "the event stream of %s broke: %s",
                 cli_client_connect(follow->client)->server, end->why ? end->why : "it ended");
    json_decref(json);
}

/* How long it is tried again after it broke. */
static bool has_patience(const struct cli_follow *follow)
{
    if ((follow->connected && follow->options.forever) || cli_client_is_patient(follow->client))
        return true;
    return follow->retry_at_ms - follow->failing_since_ms < cli_client_timeout_s(follow->client) * UINT64_C(1000);
}

/* The connection has ended: true if it must be opened again, at retry_at_ms. */
static bool goes_on(struct cli_follow *follow, const struct cli_http_end *end)
{
    uint64_t now = aq_clock_ms();
    bool lasts = follow->connected || cli_client_is_patient(follow->client);
    bool refused = end->fault == CLI_FAULT_STOPPED || end->fault == CLI_FAULT_UNTRUSTED;
    bool may = lasts && (end->fault == CLI_FAULT_NONE ? end->status == 200 : !refused);
    may = may || cli_may_repeat(end, false);
    explain(follow, end);
    disconnect(follow);
    follow->ended = follow->connected;
    if (follow->failing_since_ms == 0)
        follow->failing_since_ms = now;
    follow->retry_at_ms = now + PAUSE_MS;
    if (!may || !has_patience(follow))
        return false;
    if (!follow->told && now - follow->failing_since_ms >= HINT_MS) {
        cli_note("%s; trying again", follow->message);
        follow->told = true;
    }
    return true;
}

/* Lets the connection work for at most `timeout_ms`. CLI_NEXT_QUIET: nothing new. */
static enum cli_next work(struct cli_follow *follow, uint64_t timeout_ms)
{
    static const struct cli_http_end silent = {.fault = CLI_FAULT_OTHER, .why = "nothing was heard for a minute"};
    struct cli_http_end end;
    if (!follow->under_way && aq_clock_ms() < follow->retry_at_ms) {
        cli_sleep_ms(timeout_ms);
        return CLI_NEXT_QUIET;
    }
    if (!follow->under_way)
        reconnect(follow);
    if (cli_http_work(follow->http, timeout_ms, &end)) {
        if (end.fault == CLI_FAULT_NONE && end.status == 200 && !follow->options.forever) {
            disconnect(follow);
            return CLI_NEXT_ENDED;
        }
        return goes_on(follow, &end) ? CLI_NEXT_QUIET : CLI_NEXT_BROKEN;
    }
    if (aq_clock_ms() - follow->heard_ms > SILENCE_MAX_MS)
        return goes_on(follow, &silent) ? CLI_NEXT_QUIET : CLI_NEXT_BROKEN;
    return CLI_NEXT_QUIET;
}

/* `to_renewal`: returns early when another stream has begun. */
static enum cli_next next_event(struct cli_follow *follow, int timeout_ms, bool to_renewal, struct cli_event *event)
{
    uint64_t end_ms = timeout_ms < 0 ? UINT64_MAX : aq_clock_ms() + (uint64_t)timeout_ms;
    for (;;) {
        if (follow->next < follow->count) {
            *event = follow->events[follow->next++];
            return CLI_NEXT_EVENT;
        }
        if (follow->outcome != CLI_NEXT_QUIET)
            return follow->outcome;
        follow->next = follow->count = 0;
        aq_arena_reset(&follow->texts);
        uint64_t now = aq_clock_ms(), left_ms = end_ms > now ? end_ms - now : 0;
        follow->outcome = work(follow, left_ms < PAUSE_MS ? left_ms : PAUSE_MS);
        const bool enough = left_ms == 0 || cli_interrupted() != 0 || (to_renewal && follow->renewed);
        if (follow->count == 0 && follow->outcome == CLI_NEXT_QUIET && enough)
            return CLI_NEXT_QUIET;
    }
}

enum cli_next cli_follow_next(struct cli_follow *follow, int timeout_ms, struct cli_event *event)
{
    return next_event(follow, timeout_ms, false, event);
}

uint64_t cli_follow_pause_ms(uint64_t passed_ms)
{
    uint64_t share_ms = passed_ms / POLL_SHARE;
    return share_ms < POLL_LEAST_MS ? POLL_LEAST_MS : share_ms > POLL_MS ? POLL_MS : share_ms;
}

enum cli_next cli_follow_change(struct cli_follow *follow, int timeout_ms)
{
    struct cli_event event;
    if (!follow->refused) {
        enum cli_next next = next_event(follow, timeout_ms, true, &event);
        uint64_t end_ms = aq_clock_ms() + BURST_MOST_MS;
        while (next == CLI_NEXT_EVENT && aq_clock_ms() < end_ms &&
               (next = cli_follow_next(follow, BURST_QUIET_MS, &event)) == CLI_NEXT_QUIET)
            return CLI_NEXT_EVENT;
        /* A stream ends with the rights that it began with, and another one may have no event to tell. */
        if (next == CLI_NEXT_QUIET && follow->renewed)
            next = CLI_NEXT_EVENT;
        follow->renewed = false;
        follow->refused = next == CLI_NEXT_BROKEN && follow->exit == CLI_REFUSED;
        if (!follow->refused)
            return next;
    }
    uint64_t pause_ms = cli_follow_pause_ms(aq_clock_ms() - follow->opened_ms);
    cli_sleep_ms(timeout_ms < 0 || (uint64_t)timeout_ms > pause_ms ? pause_ms : (uint64_t)timeout_ms);
    return CLI_NEXT_EVENT;
}
