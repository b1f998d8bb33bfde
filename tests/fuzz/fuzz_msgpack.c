/* Packed records from other processes and from disk. Input: a line with the name of a record, then msgpack.
 *
 * A record that a strict read accepts can be shown in every form, and any record that is read packs to bytes of the
 * same record. Rows of the tables are read without strictness; that must be safe for any bytes, too. */
#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/codec/text.h"
#include "tests/lib/fuzz.h"

#include <jansson.h>

static void show(const struct aq_record *record, const void *object, bool strict)
{
    struct aq_buffer json = {0}, text = {0};
    struct aq_error error = {0};
    aq_record_to_json(record, object, &json);
    for (size_t i = 0; i < record->count; i++)
        aq_field_to_text(&record->fields[i], object, &text);
    if (strict && json.length < 65536) {
        json_t *back = aq_json_parse(json.data, json.length, &error);
        fuzz_must(back != NULL);
        json_decref(back);
    }
    aq_buffer_free(&json);
    aq_buffer_free(&text);
}

/* A packed record must be shown like its struct, and refused in the same cases. */
static void check_packed(const struct aq_record *record, const void *object, const char *bytes, size_t length)
{
    struct aq_buffer shown = {0}, expected = {0};
    struct aq_error error = {0};
    int status = aq_packed_to_json(record, bytes, length, &shown, &error);
    fuzz_check_error(status, &error);
    fuzz_must((status == 0) == (object != NULL));
    if (object != NULL)
        aq_record_to_json(record, object, &expected);
    fuzz_must(strcmp(aq_buffer_string(&shown), aq_buffer_string(&expected)) == 0 && shown.length == expected.length);
    aq_buffer_free(&shown);
    aq_buffer_free(&expected);
}

/* A record that a strict read accepts is read in the same way in place. */
static void check_same(const struct aq_record *record, const void *object, const char *bytes, size_t length)
{
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    void *other = aq_arena_alloc(&arena, record->size);
    fuzz_must(aq_record_unpack(record, other, bytes, length, false, &arena, &error) == 0);
    fuzz_must(fuzz_equal(record, object, other));
    aq_arena_free(&arena);
}

static void check_round(const struct aq_record *record, const void *object)
{
    struct aq_arena arena = {0};
    struct aq_buffer packed = {0};
    struct aq_error error = {0};
    void *back = aq_arena_alloc(&arena, record->size), *copy = aq_arena_alloc(&arena, record->size);
    aq_record_pack(record, object, &packed);
    fuzz_must(aq_pack_check(packed.data, packed.length, &error) == 0);
    fuzz_must(aq_record_unpack(record, back, packed.data, packed.length, false, &arena, &error) == 0);
    aq_record_copy(record, copy, back, &arena);
    fuzz_must(fuzz_equal(record, object, copy));
    aq_buffer_free(&packed);
    aq_arena_free(&arena);
}

static void read_record(const struct aq_record *record, const char *bytes, size_t length, bool strict)
{
    struct aq_arena arena = {0};
    struct aq_error error = {0}, check = {0};
    void *object = aq_arena_alloc(&arena, record->size);
    int whole = aq_pack_check(bytes, length, &check);
    fuzz_check_error(whole, &check);
    int status = aq_record_unpack(record, object, bytes, length, strict, &arena, &error);
    fuzz_check_error(status, &error);
    fuzz_must(status != 0 || whole == 0);
    if (status == 0) {
        show(record, object, strict);
        check_round(record, object);
        if (strict)
            check_same(record, object, bytes, length);
    }
    if (!strict)
        check_packed(record, status == 0 ? object : NULL, bytes, length);
    aq_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    const struct aq_record *record = fuzz_take_record(&in);
    if (record == NULL)
        return -1;
    char *bytes = fuzz_rest(&in, false);
    read_record(record, bytes, in.size, true);
    read_record(record, bytes, in.size, false);
    free(bytes);
    return 0;
}
