/* Commands: from a body to the writer, and from its outcome to an answer.
 *
 * The records are in the request's arena. The request rests until the writer has called back, so they stay valid
 * whatever the client does. */
#include "controller/serve/answer.h"
#include "controller/serve/rows.h"
#include "controller/serve/steps.h"
#include "controller/state/kept_rows.h"
#include "controller/state/references.h"
#include "schema/base/utf8.h"
#include "schema/codec/command.h"
#include "schema/codec/entry.h"
#include "schema/codec/json.h"
#include "schema/model/join_token.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ID_SIZE = 65 };

struct write {
    struct writer_request request;
    void **records;
    bool batch; /* the body was an array, so the answer is one */
    char (*ids)[ID_SIZE];
    const char **tokens; /* NULL: the command makes no token */
    bool sealed;         /* the body has secrets */
    uint64_t earlier[DOOR_FINGERPRINTS_MAX];
    struct aq_error missing; /* the path names a row that there is not */
    struct aq_bytes rows;    /* those that are not rendered yet */
};

/* ---- the body --------------------------------------------------------------------------------------------- */

static int read_item(struct request *request, struct write *write, json_t *item, void **record)
{
    const struct aq_command *command = request->command;
    *record = aq_arena_alloc(&request->arena, command->record->size);
    if (aq_command_from_json(command, request->key, item, NULL, *record, &request->arena, &request->error) != 0)
        return -1;
    return door_seal(request->backend->door, command, *record, write->request.dry_run, &request->arena, &write->sealed,
                     &request->error);
}

static int read_items(struct request *request, struct write *write, json_t *json)
{
    write->batch = json_is_array(json) && request->command->kind == AQ_CREATES;
    size_t count = write->batch ? json_array_size(json) : 1;
    if (count == 0 || count > AQ_BATCH_COMMANDS_MAX)
        return aq_fail(&request->error, AQ_E_INVALID, "the array has %zu items, but must have 1 to %d", count,
                       AQ_BATCH_COMMANDS_MAX);
    write->request.count = (uint32_t)count;
    write->records = aq_arena_alloc(&request->arena, count * sizeof *write->records);
    write->ids = aq_arena_alloc(&request->arena, count * sizeof *write->ids);
    for (size_t i = 0; i < count; i++) {
        json_t *item = write->batch ? json_array_get(json, i) : json;
        if (read_item(request, write, item, &write->records[i]) == 0)
            continue;
        return write->batch ? aq_error_context(&request->error, "item %zu", i + 1) : -1;
    }
    return 0;
}

static int read_body(struct request *request, struct write *write)
{
    const struct aq_buffer *body = &request->body;
    bool empty = strspn(aq_buffer_string(body), " \t\r\n") == body->length;
    bool needed = request->command->kind == AQ_CREATES || request->command->kind == AQ_UPDATES;
    if (empty && needed)
        return aq_fail(&request->error, AQ_E_INVALID, "the body is empty, but must be a JSON object");
    if (!aq_utf8_is_good(aq_buffer_string(body), body->length))
        return aq_fail(&request->error, AQ_E_INVALID, "the body is not UTF-8");
    json_auto_t *json = empty ? json_object() : aq_json_parse(body->data, body->length, &request->error);
    return json != NULL ? read_items(request, write, json) : -1;
}

/* ---- headers ---------------------------------------------------------------------------------------------- */

static uint64_t fingerprint(const struct request *request)
{
    static const char *const methods[] = {[METHOD_GET] = "GET", [METHOD_POST] = "POST", [METHOD_DELETE] = "DELETE"};
    unsigned char bytes[crypto_generichash_BYTES_MIN];
    crypto_generichash_state hash;
    const char *method = methods[request->method];
    crypto_generichash_init(&hash, NULL, 0, sizeof bytes);
    crypto_generichash_update(&hash, (const unsigned char *)method, strlen(method) + 1);
    crypto_generichash_update(&hash, (const unsigned char *)request->path, strlen(request->path) + 1);
    crypto_generichash_update(&hash, (const unsigned char *)aq_buffer_string(&request->body), request->body.length);
    crypto_generichash_final(&hash, bytes, sizeof bytes);
    uint64_t number;
    memcpy(&number, bytes, sizeof number);
    return number;
}

/* The log holds it, and whoever has the log could try values for a secret until they fit. */
static void take_sealed_fingerprints(struct request *request, struct write *write)
{
    const uint64_t plain = write->request.fingerprint;
    const uint32_t count = door_fingerprints(request->backend->door, plain, write->earlier);
    write->request.fingerprint = count > 0 ? write->earlier[0] : 0;
    write->request.earlier = write->earlier;
    write->request.earlier_count = count;
}

static int take_idempotency_key(struct request *request, struct write *write)
{
    const char *key = request_header(request, "Idempotency-Key");
    if (request->error.code != AQ_OK)
        return -1;
    if (key == NULL || write->request.dry_run)
        return 0;
    size_t length = strlen(key);
    bool good = length >= 1 && length <= AQ_KEY_SIZE_MAX;
    for (size_t i = 0; i < length; i++)
        good = good && key[i] >= 0x20 && key[i] < 0x7F;
    if (!good)
        return aq_fail(&request->error, AQ_E_INVALID,
                       "Idempotency-Key must have 1 to %d printable characters; it has %zu", AQ_KEY_SIZE_MAX, length);
    write->request.key = aq_arena_text(&request->arena, key, length);
    write->request.fingerprint = fingerprint(request);
    if (write->sealed)
        take_sealed_fingerprints(request, write);
    return 0;
}

/* "Prefer: return=minimal" (RFC 7240). The header may hold other preferences, which are ignored. */
static int take_preference(struct request *request)
{
    static const char minimal[] = "return=minimal";
    const char *at = request_header(request, "Prefer");
    while (at != NULL && *at != '\0') {
        at += strspn(at, " \t,");
        size_t length = strcspn(at, " \t,;");
        request->minimal |= length == sizeof minimal - 1 && strncasecmp(at, minimal, length) == 0;
        at += strcspn(at, ",");
    }
    return request->error.code == AQ_OK ? 0 : -1;
}

/* ---- the outcome ------------------------------------------------------------------------------------------ */

static void answer_message(struct request *request, const struct write *write)
{
    const struct aq_command *command = request->command;
    const char *title = answer_title(request, request->entity->name);
    const char *dry = write->request.dry_run ? " (dry run: nothing was changed)" : "";
    const bool unchanged = command->kind == AQ_CREATES && !write->request.changed;
    const char *past = unchanged ? "unchanged" : aq_command_past(command);
    if (write->batch)
        answer_open(request, "%" PRIu32 " %s %s%s", write->request.count, request->entity->plural, past, dry);
    else if (past == NULL)
        answer_open(request, "%s %s %s%s", title, request->key, command->verb, dry);
    else
        answer_open(request, "%s %s%s", title, past, dry);
}

static void render_key(struct request *request, const char *id)
{
    const struct aq_field *key = aq_entity_key(request->entity);
    aq_buffer_format(&request->out, "{\"%s\":", key->name);
    if (aq_field_is_number(key) && id[0] != '\0')
        aq_buffer_text(&request->out, id);
    else
        aq_json_string(id, strlen(id), &request->out);
    aq_buffer_char(&request->out, '}');
}

/* The row as the command left it, for that is what the answer's seq is about. Its key alone, if the caller wants no
 * more or the row is not known any more. */
static void render_row(struct request *request, struct write *write, uint32_t item)
{
    struct aq_bytes row = {0};
    size_t begun = request->out.length;
    if (!kept_rows_take(&write->rows, &row) || !row_show_kept(request, request->entity, &row, write->ids[item])) {
        request->out.length = begun;
        render_key(request, write->ids[item]);
    }
    if (write->tokens == NULL || write->request.repeated)
        return;
    aq_assert(request->out.data[request->out.length - 1] == '}');
    request->out.length--;
    answer_member(request, "token");
    aq_json_string(write->tokens[item], strlen(write->tokens[item]), &request->out);
    aq_buffer_char(&request->out, '}');
}

static void add_warnings(struct request *request, struct aq_buffer *warnings)
{
    if (warnings->length == 0)
        return;
    answer_member(request, "warnings");
    for (const char *line = aq_buffer_string(warnings); *line != '\0';) {
        size_t length = strcspn(line, "\n");
        aq_buffer_char(&request->out, line == warnings->data ? '[' : ',');
        aq_json_string(line, length, &request->out);
        line += length + (line[length] == '\n');
    }
    aq_buffer_char(&request->out, ']');
}

static enum outcome answer_rows(struct request *request, struct write *write)
{
    answer_message(request, write);
    write->rows = (struct aq_bytes){(const unsigned char *)write->request.rows.data, write->request.rows.length};
    if (write->batch)
        aq_buffer_char(&request->out, '[');
    for (uint32_t i = 0; i < write->request.count; i++) {
        if (i > 0)
            aq_buffer_char(&request->out, ',');
        if (request->command->kind == AQ_DELETES)
            aq_buffer_text(&request->out, "null");
        else
            render_row(request, write, i);
    }
    if (write->batch)
        aq_buffer_char(&request->out, ']');
    if (write->request.repeated) {
        answer_member(request, "repeated");
        aq_buffer_text(&request->out, "true");
    }
    if (!write->request.changed) {
        answer_member(request, "unchanged");
        aq_buffer_text(&request->out, "true");
    }
    if (request->command == &aq_command_join_token_create && issuer_warning(request->backend->issuer) != NULL)
        aq_buffer_format(&write->request.warnings, "%s\n", issuer_warning(request->backend->issuer));
    add_warnings(request, &write->request.warnings);
    return answer_close(request);
}

static enum outcome outcome_step(struct request *request)
{
    struct write *write = request->work;
    request_set_seq(request, write->request.seq);
    door_settle(request->backend->door, &write->request);
    if (write->request.error.code != AQ_OK) {
        request->error = write->request.error;
        if (write->missing.code != AQ_OK && request->error.code == AQ_E_NOT_FOUND)
            request->error = write->missing;
        if (write->batch && write->request.failed_item > 0)
            aq_error_context(&request->error, "item %" PRIu32, write->request.failed_item);
        return answer_error(request);
    }
    if (!write->request.dry_run)
        return answer_rows(request, write);
    answer_message(request, write);
    aq_buffer_text(&request->out, write->request.events.length ? write->request.events.data : "[]");
    add_warnings(request, &write->request.warnings);
    return answer_close(request);
}

static void drop_write(struct request *request)
{
    struct write *write = request->work;
    for (uint32_t i = 0; write->tokens != NULL && i < write->request.count; i++)
        sodium_memzero((char *)(uintptr_t)write->tokens[i], strlen(write->tokens[i]));
    aq_buffer_free(&write->request.events);
    aq_buffer_free(&write->request.rows);
    aq_buffer_free(&write->request.warnings);
}

/* Runs on the writer's thread. */
static void decided(struct writer_request *request)
{
    request_wake(request->context);
}

static void make_tokens(struct request *request, struct write *write)
{
    write->tokens = aq_arena_alloc(&request->arena, write->request.count * sizeof *write->tokens);
    for (uint32_t i = 0; i < write->request.count; i++)
        write->tokens[i] = token_fill(request->command, write->records[i], request->backend->issuer, &request->arena);
}

/* ---- the row ------------------------------------------------------------------------------------------------ */

static bool goes_by_names(const struct aq_entity *entity)
{
    return entity->group != NULL || entity->own_name != NULL || entity->pair[0] != NULL;
}

/* A row may be called by something else than its key, which is what the command takes. One that is gone has a key that
 * no row has: when the request is a repeat, it is answered as before, and else refused as `missing` says. So is one
 * that the caller may not see: its number is not told. */
static int find_key(struct request *request, struct write *write)
{
    static const char none[] = "9223372036854775807";
    struct state_txn *txn;
    struct state_key key;
    if (request->key == NULL || !goes_by_names(request->entity) || aq_command_key(request->command) == NULL)
        return 0;
    if (request_read(request, &txn) != 0)
        return -1;
    int status = row_refer(request, txn, request->entity, request->key, &key, &request->error);
    if (status == 0 && request->entity->own_name == NULL)
        (void)state_fail_unseen(txn, request->entity, request->key, &key, &write->missing);
    if (state_failed(txn, &request->error))
        status = -1;
    state_end(txn);
    if (status != 0 && request->error.code == AQ_E_NOT_FOUND) {
        write->missing = request->error;
        request->error = (struct aq_error){0};
        request->key = none;
        return 0;
    }
    if (status != 0)
        return -1;
    char *shown = aq_arena_alloc(&request->arena, ID_SIZE);
    state_key_show(request->entity, &key, shown, ID_SIZE);
    request->key = shown;
    return 0;
}

/* ---- begin ------------------------------------------------------------------------------------------------- */

static int read_command(struct request *request, struct write *write)
{
    if (aq_command_check_caller(request->command, &request->caller, &request->error) != 0)
        return -1;
    if (query_take_bool(&request->query, "dry_run", &write->request.dry_run, &request->error) != 0 ||
        query_end(&request->query, &request->error) != 0 || take_preference(request) != 0 ||
        find_key(request, write) != 0)
        return -1;
    const int failed = read_body(request, write) != 0 || take_idempotency_key(request, write) != 0 ? -1 : 0;
    if (write->sealed)
        sodium_memzero(request->body.data, request->body.length);
    return failed;
}

/* The body may have come long after the head, by which the caller was known. */
static int reread_caller(struct request *request)
{
    struct state_txn *txn;
    if (writer_seq(request->backend->writer) == request->seq)
        return 0;
    if (request_read(request, &txn) != 0)
        return -1;
    state_end(txn);
    return 0;
}

enum outcome write_begin(struct request *request)
{
    struct write *write = aq_arena_alloc(&request->arena, sizeof *write);
    request->work = write;
    request->drop = drop_write;
    if (reread_caller(request) != 0 || read_command(request, write) != 0)
        return answer_error(request);
    write->request.command = request->command;
    write->request.records = (const void *const *)write->records;
    write->request.caller = request->caller;
    write->request.done = decided;
    write->request.context = request;
    write->request.ids = write->ids;
    const struct visible visible = request_visible(request, NULL, request->command->entity);
    request->minimal = request->minimal || visible_somewhere(&visible) == AQ_SCOPE_NONE;
    write->request.wants_rows = !request->minimal && !write->request.dry_run;
    if (token_is_made_by(request->command))
        make_tokens(request, write);
    request->step = outcome_step;
    if (writer_submit(request->backend->writer, &write->request, &request->error) == 0)
        return RESTING;
    write->request.error = request->error;
    door_settle(request->backend->door, &write->request);
    return answer_error(request);
}
