#include "tools/aq/output.h"

#include "schema/base/clock.h"
#include "schema/model/application.h"
#include "schema/model/resource.h"
#include "tools/aq/interrupt.h"
#include "tools/aq/show.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE_BYTES = 256 << 10, NEWEST_BYTES = 1 << 20, ANSWER_S = 25, PAUSE_MS = 500, POLL_MS = 1000 };

/* One answer. */
struct piece {
    struct aq_buffer bytes;
    bool placed; /* the positions are known; not from the agents of older versions */
    uint64_t resource, start, next, end;
    bool complete;
};

struct reading {
    struct cli *cli;
    const struct cli_output *output;
    const struct aq_entity *asked; /* what the user has asked for, */
    const char *key;
    uint64_t resource; /* and whose output is read; 0: not known yet */
    bool as_asked;     /* the reader may read outputs of applications, and not of resources */
    uint64_t after;
    bool begun;           /* `after` counts */
    bool from_start;      /* all of it is wanted: what is missing before the first piece counts, too */
    bool told;            /* that it waits */
    uint64_t until_ms;    /* UINT64_MAX: no limit */
    struct aq_buffer all; /* to be shown as data */
};

/* ---- one answer ----------------------------------------------------------------------------------------- */

static uint64_t member(const struct cli_reply *reply, const char *name)
{
    const json_t *value = json_object_get(reply->json, name);
    return json_is_integer(value) && json_integer_value(value) > 0 ? (uint64_t)json_integer_value(value) : 0;
}

static enum cli_exit take_bytes(const struct cli_reply *reply, struct aq_buffer *bytes)
{
    const char *text = json_string_value(reply->data);
    if (text == NULL)
        return cli_fail(CLI_SERVER, "the server's answer contains no log");
    if (!json_is_true(json_object_get(reply->json, "base64"))) {
        aq_buffer_add(bytes, text, json_string_length(reply->data));
        return CLI_DONE;
    }
    size_t length = strlen(text), used = 0;
    AQ_CLEANUP_MEMORY unsigned char *raw = aq_malloc(length / 4 * 3 + 3);
    if (sodium_base642bin(raw, length / 4 * 3 + 3, text, length, NULL, &used, NULL, sodium_base64_VARIANT_ORIGINAL) !=
        0)
        return cli_fail(CLI_SERVER, "the server's answer is not valid base64");
    aq_buffer_add(bytes, raw, used);
    return CLI_DONE;
}

static enum cli_exit take_piece(const struct cli_reply *reply, struct piece *piece)
{
    aq_buffer_reset(&piece->bytes);
    piece->placed = json_object_get(reply->json, "next") != NULL;
    piece->resource = member(reply, "resource");
    piece->start = member(reply, "start");
    piece->next = member(reply, "next");
    piece->end = member(reply, "end");
    piece->complete = json_is_true(json_object_get(reply->json, "complete"));
    return take_bytes(reply, &piece->bytes);
}

/* In whole seconds, at least one. */
static unsigned patience_s(const struct reading *reading)
{
    uint64_t now_ms = aq_clock_ms();
    uint64_t left_ms = now_ms < reading->until_ms ? reading->until_ms - now_ms : 0;
    return left_ms >= ANSWER_S * UINT64_C(1000) ? ANSWER_S : (unsigned)(left_ms / 1000) + 1;
}

static void ask(const struct reading *reading, const char *query, struct cli_reply *reply)
{
    AQ_CLEANUP_BUFFER struct aq_buffer path = {0};
    if (reading->resource != 0 && !reading->as_asked)
        aq_buffer_format(&path, "/api/v1/resource/%" PRIu64 "/log%s", reading->resource, query);
    else
        aq_buffer_format(&path, "/api/v1/%s/%s/log%s", reading->asked->name, reading->key, query);
    struct cli_request request = {.method = "GET",
                                  .path = aq_buffer_string(&path),
                                  .once = reading->output->follow,
                                  .timeout_s = patience_s(reading)};
    cli_client_ask(reading->cli->client, &request, reply);
}

/* ---- patience ------------------------------------------------------------------------------------------- */

/* Nothing is wrong that time may not mend: no controller, no agent, no resource yet. */
static bool may_pass(const struct cli_reply *reply)
{
    return reply->status == 0 || reply->status / 100 == 5 || reply->status == aq_error_http(AQ_E_STATE);
}

/* The right to the output of an application is not that to the outputs of resources. True: ask again, for the output of
 * the application, which is the same until that has another resource. */
static bool may_ask_for_application(struct reading *reading, const struct cli_reply *reply)
{
    if (reply->status != aq_error_http(AQ_E_FORBIDDEN) || reading->resource == 0 || reading->as_asked ||
        reading->asked != &aq_entity_application)
        return false;
    reading->as_asked = true;
    return true;
}

/* CLI_DONE: ask again. */
static enum cli_exit wait_a_little(struct reading *reading, const char *why, uint64_t pause_ms)
{
    uint64_t now_ms = aq_clock_ms();
    enum cli_exit code = cli_say_close();
    if (code != CLI_DONE)
        return code;
    if (cli_interrupted() != 0 || (now_ms >= reading->until_ms && reading->output->silent))
        return CLI_FAILED;
    if (now_ms >= reading->until_ms)
        return cli_fail(CLI_FAILED, "the log of %s %s has not ended after %" PRIu64 " s", reading->asked->name,
                        reading->key, reading->output->timeout_s);
    if (why != NULL && !reading->told)
        cli_note("%s; waiting", why);
    reading->told = reading->told || why != NULL;
    cli_sleep_ms(reading->until_ms - now_ms < pause_ms ? reading->until_ms - now_ms : pause_ms);
    return CLI_DONE;
}

/* Asks until there is an answer. *gone: there is no log (any more). */
static enum cli_exit read_piece(struct reading *reading, const char *query, struct piece *piece, bool *gone)
{
    for (;;) {
        struct cli_reply reply;
        ask(reading, query, &reply);
        enum cli_exit code = reply.exit == CLI_DONE ? take_piece(&reply, piece) : reply.exit;
        if (may_ask_for_application(reading, &reply)) {
            cli_reply_close(&reply);
            continue;
        }
        bool wait = reply.exit != CLI_DONE && reading->output->follow && may_pass(&reply);
        *gone = reply.status == aq_error_http(AQ_E_NOT_FOUND) && reading->begun;
        if (reply.exit != CLI_DONE && !wait && !*gone)
            code = cli_reply_fail(&reply);
        else if (wait)
            code = wait_a_little(reading, reply.message, PAUSE_MS);
        else if (reading->told && code == CLI_DONE && !*gone)
            reading->told = false;
        cli_reply_close(&reply);
        if (!wait || code != CLI_DONE)
            return *gone ? CLI_DONE : code;
    }
}

/* ---- showing -------------------------------------------------------------------------------------------- */

size_t cli_output_tail(const char *text, size_t length, uint64_t lines)
{
    size_t at = length;
    while (at > 0 && lines > 0) {
        const char *newline = memrchr(text, '\n', at - 1);
        at = newline != NULL ? (size_t)(newline - text) + 1 : 0;
        lines--;
    }
    return at;
}

static void show(struct reading *reading, const char *bytes, size_t length)
{
    if (cli_wants_data(&reading->cli->options.flags) && !reading->output->follow)
        aq_buffer_add(&reading->all, bytes, length);
    else
        cli_print(bytes, length);
}

static void note_dropped(uint64_t bytes)
{
    char digits[32], grouped[48];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, bytes);
    char *out = grouped;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *out++ = ',';
        *out++ = digits[i];
    }
    *out = '\0';
    cli_note("… %s bytes were dropped", grouped);
}

static void show_piece(struct reading *reading, const struct piece *piece)
{
    if ((reading->begun || reading->from_start) && piece->placed && piece->start > reading->after)
        note_dropped(piece->start - reading->after);
    show(reading, aq_buffer_string(&piece->bytes), piece->bytes.length);
    reading->resource = piece->resource;
    reading->after = piece->next;
    reading->begun = true;
}

/* ---- from agents of older versions, which do not tell positions ------------------------------------------ */

size_t cli_log_overlap(const struct aq_buffer *old, const struct aq_buffer *new)
{
    const char *before = aq_buffer_string(old), *now = aq_buffer_string(new);
    for (size_t start = 0; start < old->length; start++) {
        size_t rest = old->length - start;
        if (rest <= new->length && memcmp(before + start, now, rest) == 0)
            return rest;
    }
    return 0;
}

/* Asks again each second, and shows what came after `piece`, which was shown. Ends when the log is gone. */
static enum cli_exit follow_unplaced(struct reading *reading, struct piece *piece)
{
    struct piece next = {0};
    bool gone = false;
    enum cli_exit code = CLI_DONE;
    while (code == CLI_DONE && !gone) {
        code = wait_a_little(reading, NULL, POLL_MS);
        if (code == CLI_DONE)
            code = read_piece(reading, "?size=1048576", &next, &gone);
        if (code != CLI_DONE || gone)
            break;
        size_t shown = cli_log_overlap(&piece->bytes, &next.bytes);
        show(reading, aq_buffer_string(&next.bytes) + shown, next.bytes.length - shown);
        struct aq_buffer swap = piece->bytes;
        piece->bytes = next.bytes;
        next.bytes = swap;
    }
    aq_buffer_free(&next.bytes);
    return code;
}

/* ---- reading -------------------------------------------------------------------------------------------- */

/* The workload has ended; its application may have another one by now. */
static enum cli_exit find_later_workload(struct reading *reading, struct piece *piece, bool *over)
{
    const uint64_t ended = reading->resource;
    enum cli_exit code;
    bool gone = false;
    do {
        reading->resource = 0;
        code = read_piece(reading, "?size=1", piece, &gone); /* the newest byte */
        *over = gone || (piece->resource == ended && piece->complete) || !piece->placed;
        reading->resource = ended;
    } while (code == CLI_DONE && !*over && piece->resource == ended &&
             (code = wait_a_little(reading, NULL, PAUSE_MS)) == CLI_DONE);
    if (code != CLI_DONE || *over)
        return code;
    cli_note("%s %s goes on with resource %" PRIu64, reading->asked->name, reading->key, piece->resource);
    reading->resource = piece->resource;
    reading->after = 0;
    return CLI_DONE;
}

static bool is_asked_as_application(const struct reading *reading)
{
    return reading->asked == &aq_entity_application;
}

/* The application has another resource: what was left of the first one's output cannot be asked for any more. */
static bool is_of_another(struct reading *reading, const struct piece *piece)
{
    if (!reading->as_asked || piece->resource == reading->resource)
        return false;
    cli_note("%s %s goes on with resource %" PRIu64 "; without the permission resource.log, the end of the output of "
             "resource %" PRIu64 " is not shown",
             reading->asked->name, reading->key, piece->resource, reading->resource);
    reading->resource = piece->resource;
    reading->after = 0;
    return true;
}

/* Goes on after the first piece, which was shown. */
static enum cli_exit read_on(struct reading *reading, struct piece *piece)
{
    const uint64_t end = piece->end;
    const bool follow = reading->output->follow;
    enum cli_exit code = CLI_DONE;
    while (code == CLI_DONE && (follow || reading->after < end)) {
        char query[96];
        bool gone = false, over = false;
        if (piece->complete && reading->after >= piece->end && !is_asked_as_application(reading))
            break;
        if (piece->complete && reading->after >= piece->end) {
            code = find_later_workload(reading, piece, &over);
            if (over)
                break;
            continue;
        }
        snprintf(query, sizeof query, "?after=%" PRIu64 "&size=%d%s", reading->after, PIECE_BYTES,
                 follow ? "&follow=true" : "");
        code = cli_say_close();
        if (code == CLI_DONE && follow && (aq_clock_ms() >= reading->until_ms || cli_interrupted() != 0))
            code = wait_a_little(reading, NULL, 0);
        uint64_t asked_ms = aq_clock_ms();
        if (code == CLI_DONE)
            code = read_piece(reading, query, piece, &gone);
        if (code != CLI_DONE || gone || !piece->placed)
            break;
        if (is_of_another(reading, piece)) {
            if (!follow)
                break;
            *piece = (struct piece){.bytes = piece->bytes, .placed = true};
            continue;
        }
        show_piece(reading, piece);
        if (follow && piece->bytes.length == 0 && !piece->complete && aq_clock_ms() - asked_ms < PAUSE_MS)
            code = wait_a_little(reading, NULL, PAUSE_MS); /* too many wait, so the server does not */
    }
    return code;
}

static enum cli_exit read_all(struct reading *reading, struct piece *piece)
{
    const struct cli_output *output = reading->output;
    char query[64];
    bool gone = false;
    reading->from_start = output->lines == CLI_ALL_LINES && output->size == 0;
    if (!reading->from_start)
        snprintf(query, sizeof query, "?size=%" PRIu64, output->size > 0 ? output->size : (uint64_t)NEWEST_BYTES);
    else
        snprintf(query, sizeof query, "?after=0&size=%d", PIECE_BYTES);
    enum cli_exit code = read_piece(reading, query, piece, &gone);
    if (code != CLI_DONE)
        return code;
    if (output->lines != CLI_ALL_LINES) {
        size_t skipped = cli_output_tail(aq_buffer_string(&piece->bytes), piece->bytes.length, output->lines);
        piece->bytes.length -= skipped;
        if (skipped > 0)
            memmove(piece->bytes.data, piece->bytes.data + skipped, piece->bytes.length);
    }
    show_piece(reading, piece);
    if (piece->placed)
        return read_on(reading, piece);
    return output->follow ? follow_unplaced(reading, piece) : CLI_DONE;
}

enum cli_exit cli_output_show(struct cli *cli, const struct aq_entity *entity, const char *key,
                              const struct cli_output *output)
{
    struct piece piece = {0};
    struct reading reading = {
        .cli = cli,
        .output = output,
        .asked = entity,
        .key = key,
        .until_ms = output->timeout_s > 0 ? aq_clock_ms() + output->timeout_s * 1000 : UINT64_MAX,
    };
    enum cli_exit code = read_all(&reading, &piece);
    if (code == CLI_DONE && cli_wants_data(&cli->options.flags) && !output->follow) {
        json_t *text = json_stringn(aq_buffer_string(&reading.all), reading.all.length);
        cli_show_data(text ? text : json_null(), &cli->options.flags);
        json_decref(text);
    }
    aq_buffer_free(&reading.all);
    aq_buffer_free(&piece.bytes);
    return code;
}
