/* Records as msgpack: how they are stored, logged and sent; and what arrives that no honest sender wrote. */
#include "schema/codec/check.h"
#include "schema/codec/pack.h"
#include "schema/codec/preset.h"
#include "tests/lib/sample.h"

/* The same record in three editions: fields are only ever added at the end. */
/* clang-format off */
#define older_fields(S, T)                                                                                             \
    S(T, id,   U64(1, 100), 0,      0, "number")                                                                       \
    S(T, name, NAME(1, 8),  "none", 0, "name")
AQ_DECLARE_SETTINGS(older)
AQ_DEFINE_SETTINGS(older, "thing", "as it was")

#define newer_fields(S, T)                                                                                             \
    older_fields(S, T)                                                                                                 \
    S(T, port,   U64(1, 65535),       "8001",  0, "port")                                                              \
    S(T, words,  TEXTS(0, 4),         "a,b",   0, "words")                                                             \
    S(T, colour, ENUM(sample_colour), "GREEN", 0, "colour")
AQ_DECLARE_SETTINGS(newer)
/* clang-format on */
AQ_DEFINE_SETTINGS(newer, "thing", "as it is")

static struct aq_arena arena;

static int free_arena(void **state)
{
    (void)state;
    aq_arena_free(&arena);
    return 0;
}

static struct aq_buffer pack_full(void)
{
    struct sample sample = sample_full();
    struct aq_buffer out = {0};
    aq_record_pack(&sample_record, &sample, &out);
    return out;
}

/* Reads one part (name, weight) from literal bytes. */
static void assert_part_refused(const char *bytes, size_t length, const char *expected)
{
    struct sample_part part;
    struct aq_error error = {0};
    assert_int_equal(aq_record_unpack(&sample_part_record, &part, bytes, length, true, &arena, &error), -1);
    assert_int_equal(error.code, AQ_E_INVALID);
    assert_string_equal(error.message, expected);
}
#define PART_REFUSED(bytes, expected) assert_part_refused(bytes, sizeof bytes - 1, expected)

static void a_record_is_the_array_of_its_fields(void **state)
{
    (void)state;
    struct sample_part part = {"ab", 300};
    struct aq_buffer out = {0};
    aq_record_pack(&sample_part_record, &part, &out);
    assert_int_equal(out.length, 7);
    assert_memory_equal(out.data,
                        "\x92\xA2"
                        "ab\xCD\x01\x2C",
                        7);
    aq_buffer_free(&out);
}

static void what_is_packed_is_unpacked(void **state)
{
    (void)state;
    struct sample old = sample_full(), new;
    for (int strict = 0; strict <= 1; strict++) {
        struct aq_buffer packed = pack_full();
        struct aq_error error = {0};
        if (aq_record_unpack(&sample_record, &new, packed.data, packed.length, strict, &arena, &error) != 0)
            fail_msg("%s", error.message);
        memset(packed.data, 0, packed.length); /* nothing points into the bytes */
        aq_buffer_free(&packed);
        sample_assert_equal(&old, &new);
        assert_string_equal(new.token, "sesame"); /* stored, though never shown */
        assert_int_equal(new.revision, 3);
    }
}

static void what_is_truncated_is_refused(void **state)
{
    (void)state;
    struct aq_buffer packed = pack_full();
    for (size_t length = 0; length < packed.length; length++) {
        struct sample sample;
        struct aq_error error = {0};
        char *exact = aq_malloc(length); /* so that AddressSanitizer sees a read behind the end */
        memcpy(exact, packed.data, length);
        assert_int_equal(aq_record_unpack(&sample_record, &sample, exact, length, true, &arena, &error), -1);
        assert_int_equal(error.code, AQ_E_INVALID);
        assert_memory_equal(error.message, "sample: not valid msgpack at byte ", 34);
        free(exact);
    }
    aq_buffer_char(&packed, '\0');
    struct aq_error error = {0};
    assert_int_equal(aq_pack_check(packed.data, packed.length, &error), -1);
    assert_string_equal(error.message, "1 extra bytes after a msgpack value");
    aq_buffer_free(&packed);
}

/* Every byte, turned into every other: never a crash, and what is taken strictly is valid. */
static void what_is_garbled_does_no_harm(void **state)
{
    (void)state;
    struct aq_buffer packed = pack_full();
    for (size_t i = 0; i < packed.length; i++) {
        for (unsigned value = 0; value < 256; value++) {
            struct sample sample;
            struct aq_error error = {0};
            char old = packed.data[i];
            packed.data[i] = (char)value;
            if (aq_record_unpack(&sample_record, &sample, packed.data, packed.length, true, &arena, &error) == 0) {
                for (size_t f = 0; f < sample_record.count; f++)
                    assert_int_equal(aq_field_check(&sample_record.fields[f], &sample, "x", &error), 0);
            } else {
                assert_int_equal(error.code, AQ_E_INVALID);
            }
            packed.data[i] = old;
            aq_arena_reset(&arena);
        }
    }
    aq_buffer_free(&packed);
}

static void claims_are_checked_before_memory_is_taken(void **state)
{
    (void)state;
    const char *const lies[] = {"\xDD\xFF\xFF\xFF\xFF", /* an array of 4 billion */
                                "\xDF\xFF\xFF\xFF\xFF", /* a map of 4 billion */
                                "\xDB\xFF\xFF\xFF\xFF", /* 4 GiB of text */
                                "\xC6\xFF\xFF\xFF\xFF", /* 4 GiB of bytes */
                                "\xC9\xFF\xFF\xFF\xFF" /* an extension */};
    struct aq_error error = {0};
    for (size_t i = 0; i < AQ_LENGTH(lies); i++) {
        assert_int_equal(aq_pack_check(lies[i], 5, &error), -1);
        assert_string_equal(error.message, "not valid msgpack at byte 0 of 5");
        PART_REFUSED("\xDD\xFF\xFF\xFF\xFF", "part: not valid msgpack at byte 0 of 5");
    }
    assert_int_equal(aq_pack_check("", 0, &error), -1);
    assert_int_equal(aq_pack_check("\xC1", 1, &error), -1);                 /* never used by msgpack */
    assert_int_equal(aq_pack_check("\x92\xDC\xFF\xFF\x01", 5, &error), -1); /* the lie one level down */
}

static void every_kind_of_value_is_walked(void **state)
{
    (void)state;
    const struct {
        const char *bytes;
        size_t length;
    } rows[] = {
        {"\xC0", 1},
        {"\xC2", 1},
        {"\xC3", 1},
        {"\x7F", 1},
        {"\xE0", 1},
        {"\xCC\x01", 2},
        {"\xCD\x01\x02", 3},
        {"\xCE\x01\x02\x03\x04", 5},
        {"\xCF\x01\x02\x03\x04\x05\x06\x07\x08", 9},
        {"\xD0\x01", 2},
        {"\xD3\x01\x02\x03\x04\x05\x06\x07\x08", 9},
        {"\xCA\x01\x02\x03\x04", 5},
        {"\xCB\x01\x02\x03\x04\x05\x06\x07\x08", 9},
        {"\xC4\x01\x02", 3},
        {"\xC5\x00\x01\x02", 4},
        {"\xC6\x00\x00\x00\x01\x02", 6},
        {"\xD9\x01z", 3},
        {"\xDA\x00\x01z", 4},
        {"\xDB\x00\x00\x00\x01z", 6},
        {"\x90", 1},
        {"\x80", 1},
        {"\x82\x01\x02\x03\x91\x04", 6},
        {"\xDC\x00\x02\x01\x02", 5},
        {"\xDD\x00\x00\x00\x01\x90", 6},
        {"\xDE\x00\x01\x01\x02", 5},
        {"\xDF\x00\x00\x00\x01\x01\x02", 7},
    };
    struct aq_error error = {0};
    for (size_t i = 0; i < AQ_LENGTH(rows); i++) {
        if (aq_pack_check(rows[i].bytes, rows[i].length, &error) != 0)
            fail_msg("row %zu: %s", i, error.message);
        assert_int_equal(aq_pack_check(rows[i].bytes, rows[i].length - 1, &error), -1);
    }
}

static void depth_and_size_are_bounded(void **state)
{
    (void)state;
    char nested[10001];
    struct aq_error error = {0};
    memset(nested, '\x91', sizeof nested);
    for (size_t depth = 0; depth <= 17; depth++) {
        nested[depth] = '\x01';
        assert_int_equal(aq_pack_check(nested, depth + 1, &error), depth <= AQ_PACK_DEPTH_MAX ? 0 : -1);
        nested[depth] = '\x91';
    }
    nested[10000] = '\x01';
    assert_int_equal(aq_pack_check(nested, sizeof nested, &error), -1);
    assert_string_equal(error.message, "msgpack is nested more than 16 levels deep");

    char *large = aq_calloc(1, AQ_PACK_SIZE_MAX + 1);
    assert_int_equal(aq_pack_check(large, AQ_PACK_SIZE_MAX + 1, &error), -1);
    assert_int_equal(error.code, AQ_E_TOO_LARGE);
    assert_string_equal(error.message, "message is 16777217 bytes long, more than 16777216");
    free(large);
}

static void types_are_always_checked(void **state)
{
    (void)state;
    struct sample_part part;
    struct aq_error error = {0};
    assert_int_equal(aq_record_unpack(&sample_part_record, &part, "\x92\x01\x01", 3, false, &arena, &error), -1);
    assert_string_equal(error.message, "name has the wrong type: must be a text");
    PART_REFUSED("\x92\xA1z\xFF", "weight has the wrong type: must be a whole number"); /* -1 */
    PART_REFUSED("\x92\xA1z\xC0", "weight has the wrong type: must be a whole number"); /* nil */
    PART_REFUSED("\x92\xA1z\xCB\x3F\xF0\x00\x00\x00\x00\x00\x00", "weight has the wrong type: must be a whole number");
    PART_REFUSED("\x81\xA1z\x01", "part has the wrong type: must be a list of its fields");
    PART_REFUSED("\x92\xA3z\x00y\x01", "name contains a NUL byte");
}

static void values_are_checked_when_strict(void **state)
{
    (void)state;
    PART_REFUSED("\x92\xA0\x01", "name is 0 bytes long, less than 1");
    PART_REFUSED("\x92\xA1z\xCD\x03\xE9", "weight is 1001 kg, more than 1000 kg");
    PART_REFUSED("\x92\xA1/\x01", "name is \"/\", but a name has only letters, digits, '.', '_' and '-', and begins "
                                  "with a letter or digit");
    PART_REFUSED("\x92\xA2\xC0\x80\x01", "name is not valid UTF-8");
    PART_REFUSED("\x92\xA3\xED\xA0\x80\x01", "name is not valid UTF-8");
    struct sample_part part;
    struct aq_error error = {0};
    assert_int_equal(aq_record_unpack(&sample_part_record, &part, "\x92\xA1z\xCD\x03\xE9", 6, false, &arena, &error),
                     0);
    assert_int_equal(part.weight, 1001); /* our own bytes: bounds may have changed since */
}

static void a_shorter_record_keeps_its_presets(void **state)
{
    (void)state;
    struct older old = {.id = 7, .name = "seven"};
    struct newer new;
    struct aq_buffer packed = {0};
    struct aq_error error = {0};
    aq_record_pack(&older_record, &old, &packed);
    assert_int_equal(aq_record_unpack(&newer_record, &new, packed.data, packed.length, true, &arena, &error), 0);
    assert_int_equal(new.id, 7);
    assert_string_equal(new.name, "seven");
    assert_int_equal(new.port, 8001);
    assert_int_equal(new.words.count, 2);
    assert_string_equal(AQ_TEXT_ITEM(new.words, 1), "b");
    assert_int_equal(new.colour, SAMPLE_GREEN);
    aq_buffer_free(&packed);
    assert_int_equal(aq_record_unpack(&newer_record, &new, "\x90", 1, false, &arena, &error), 0);
    assert_string_equal(new.name, "none");
}

static void what_must_be_given_is_missed_when_strict(void **state)
{
    (void)state;
    struct sample_part part;
    struct aq_error error = {0};
    PART_REFUSED("\x90", "name is missing");
    assert_int_equal(aq_record_unpack(&sample_part_record, &part, "\x90", 1, false, &arena, &error), 0);
    assert_string_equal(part.name, "");
    /* The weight alone may be missing. */
    assert_int_equal(aq_record_unpack(&sample_part_record, &part, "\x91\xA1x", 3, true, &arena, &error), 0);
    assert_string_equal(part.name, "x");
}

static void a_longer_record_is_refused(void **state)
{
    (void)state;
    struct older old;
    struct newer new;
    struct aq_buffer packed = {0};
    struct aq_error error = {0};
    aq_record_init(&newer_record, &new, &arena);
    aq_record_pack(&newer_record, &new, &packed);
    assert_int_equal(aq_record_unpack(&older_record, &old, packed.data, packed.length, false, &arena, &error), -1);
    assert_string_equal(error.message, "thing has 5 fields, but only 2 are known: written by a newer version?");
    aq_buffer_free(&packed);
}

/* As an older program has it, which does not know the newest fields. */
static int unpack_with(const struct aq_record *record, size_t fields, const struct aq_buffer *packed, void *object,
                       struct aq_error *error)
{
    struct aq_record older = *record;
    older.count = fields;
    return aq_record_unpack(&older, object, packed->data, packed->length, true, &arena, error);
}

static void what_is_not_used_is_left_out_at_the_end(void **state)
{
    (void)state;
    struct sample sample, read;
    struct sample_part part = {.name = ""};
    struct aq_error error = {0};
    aq_record_init(&sample_record, &sample, &arena);
    sample.count = 3;
    sample.name = "ab";
    for (size_t last = 0; last < 2; last++) {
        AQ_CLEANUP_BUFFER struct aq_buffer packed = {0};
        const struct aq_field *inner = aq_record_field(&sample_record, "first");
        const size_t used = last == 0 ? (size_t)(inner - sample_record.fields) + 1 : sample_record.count;
        sample.revision = last;
        aq_record_pack_briefly(&sample_record, &sample, &packed);
        assert_int_equal(unpack_with(&sample_record, used, &packed, &read, &error),
                         -1); /* its first part has no name */
        assert_string_equal(error.message, "first.name is 0 bytes long, less than 1");
        sample.first.name = "x";
        aq_buffer_reset(&packed);
        aq_record_pack_briefly(&sample_record, &sample, &packed);
        assert_int_equal(unpack_with(&sample_record, used, &packed, &read, &error), 0);
        assert_int_equal(read.count, 3);
        assert_string_equal(read.name, "ab");
        assert_string_equal(read.first.name, "x");
        assert_int_equal(unpack_with(&sample_record, used - 1, &packed, &read, &error), -1);
        assert_int_equal(unpack_with(&sample_record, sample_record.count, &packed, &read, &error), 0);
        assert_int_equal(read.revision, last);
        sample.first.name = "";
    }
    AQ_CLEANUP_BUFFER struct aq_buffer packed = {0};
    aq_record_pack_briefly(&sample_part_record, &part, &packed); /* what is required is there even so */
    assert_int_equal(packed.length, 2);
    assert_memory_equal(packed.data, "\x91\xA0", 2);
}

/* Words are added at the end as well: a number that has none must not become an index. */
static void an_unknown_word_is_refused(void **state)
{
    (void)state;
    struct newer new = {.id = 1, .name = "a", .port = 1, .colour = sample_colour_count};
    for (int strict = 0; strict <= 1; strict++) {
        struct aq_buffer packed = {0};
        struct aq_error error = {0};
        struct newer read;
        aq_record_pack(&newer_record, &new, &packed);
        assert_int_equal(aq_record_unpack(&newer_record, &read, packed.data, packed.length, strict, &arena, &error),
                         -1);
        assert_string_equal(error.message, "colour is 3, more than 2");
        aq_buffer_free(&packed);
    }
}

static void a_fingerprint_knows_names_types_and_words(void **state)
{
    (void)state;
    assert_true(aq_record_fingerprint(&older_record) != aq_record_fingerprint(&newer_record));
    assert_true(aq_record_fingerprint(&newer_record) == aq_record_fingerprint(&newer_record));
    struct aq_field fields[2];
    struct aq_record changed = older_record;
    memcpy(fields, older_record.fields, sizeof fields);
    changed.fields = fields;
    fields[0].most = 1000; /* bounds and help may change */
    fields[0].help = "other words";
    assert_true(aq_record_fingerprint(&changed) == aq_record_fingerprint(&older_record));
    fields[0].type = AQ_TYPE_DURATION; /* the meaning of stored bytes may not */
    assert_true(aq_record_fingerprint(&changed) != aq_record_fingerprint(&older_record));
    fields[0] = older_record.fields[0];
    fields[0].name = "number";
    assert_true(aq_record_fingerprint(&changed) != aq_record_fingerprint(&older_record));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_the_array_of_its_fields),
        cmocka_unit_test(what_is_packed_is_unpacked),
        cmocka_unit_test(what_is_truncated_is_refused),
        cmocka_unit_test(what_is_garbled_does_no_harm),
        cmocka_unit_test(claims_are_checked_before_memory_is_taken),
        cmocka_unit_test(every_kind_of_value_is_walked),
        cmocka_unit_test(depth_and_size_are_bounded),
        cmocka_unit_test(types_are_always_checked),
        cmocka_unit_test(values_are_checked_when_strict),
        cmocka_unit_test(a_shorter_record_keeps_its_presets),
        cmocka_unit_test(what_must_be_given_is_missed_when_strict),
        cmocka_unit_test(a_longer_record_is_refused),
        cmocka_unit_test(what_is_not_used_is_left_out_at_the_end),
        cmocka_unit_test(an_unknown_word_is_refused),
        cmocka_unit_test(a_fingerprint_knows_names_types_and_words),
    };
    return cmocka_run_group_tests_name("schema: pack", tests, NULL, free_arena);
}
