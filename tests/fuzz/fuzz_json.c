/* JSON from outside: bodies of requests, documents written into files. Input: a line with the name of a command or
 * another record, then JSON.
 *
 * An accepted command packs to bytes that another process accepts, and any record is shown as valid JSON. */
#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/model/command.h"
#include "tests/lib/fuzz.h"

#include <jansson.h>
#include <string.h>

static void check_record(const struct aq_record *record, const void *object)
{
    struct aq_arena arena = {0};
    struct aq_buffer packed = {0}, text = {0};
    struct aq_error error = {0};
    void *back = aq_arena_alloc(&arena, record->size);
    aq_record_pack(record, object, &packed);
    if (aq_command_named(record->name) != NULL)
        fuzz_must(aq_record_unpack(record, back, packed.data, packed.length, true, &arena, &error) == 0);
    aq_record_to_json(record, object, &text);
    json_t *json = aq_json_parse(text.data, text.length, &error);
    fuzz_must(json_is_object(json));
    json_decref(json);
    aq_buffer_free(&packed);
    aq_buffer_free(&text);
    aq_arena_free(&arena);
}

/* Canonicalizing a document twice, or merging it with itself or with nothing, changes nothing. */
static void check_document(const json_t *json)
{
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    const char *text = aq_json_compact(json, &arena);
    json_t *back = aq_json_parse(text, strlen(text), &error);
    fuzz_must(back != NULL);
    fuzz_must(strcmp(aq_json_compact(back, &arena), text) == 0);
    json_decref(back);
    fuzz_must((aq_json_check_document(text, "document", &error) == 0) == json_is_object(json));
    if (json_is_object(json)) {
        fuzz_must(strcmp(aq_json_merge(text, "{}", &arena), text) == 0);
        fuzz_must(strcmp(aq_json_merge("{}", text, &arena), text) == 0);
        fuzz_must(strcmp(aq_json_merge(text, text, &arena), text) == 0);
    }
    aq_arena_free(&arena);
}

static void read_record(const struct aq_record *record, const json_t *json)
{
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    void *object = aq_arena_alloc(&arena, record->size);
    int status = aq_record_from_json(record, object, json, NULL, &arena, &error);
    fuzz_check_error(status, &error);
    if (status == 0)
        check_record(record, object);
    aq_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct aq_error error = {0};
    const struct aq_record *record = fuzz_take_record(&in);
    if (record == NULL)
        return -1;
    char *text = fuzz_rest(&in, false);
    json_t *json = aq_json_parse(text, in.size, &error);
    fuzz_check_error(json == NULL, &error);
    if (json != NULL) {
        check_document(json);
        read_record(record, json);
    }
    json_decref(json);
    free(text);
    return 0;
}
