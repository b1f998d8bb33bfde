/* Records shown, and read in part, where they lie packed: the same as by way of a struct, for every record that there
 * is; and damaged ones. */
#include "schema/codec/entry.h"
#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/codec/packed.h"
#include "schema/codec/preset.h"
#include "schema/model/command.h"
#include "schema/model/entity.h"
#include "schema/model/event.h"
#include "schema/model/vote.h"
#include "schema/wire/messages.h"
#include "tests/lib/chance.h"
#include "tests/lib/sample.h"

#include <inttypes.h>
#include <jansson.h>

static struct aq_arena arena;

static int free_arena(void **state)
{
    (void)state;
    aq_arena_free(&arena);
    return 0;
}

/* ---- records of random content ---------------------------------------------------------------------------- */

static uint64_t random_value(void)
{
    uint64_t power = UINT64_C(1) << draw(64);
    if (draw(2))
        return draw(UINT64_MAX) >> draw(64);
    if (draw(2))
        for (power = 1; power < UINT64_MAX / 10 && draw(8) != 0;)
            power *= 10;
    return power - 1 + draw(3);
}

static bool any_bytes; /* else texts are UTF-8 */

static const char *random_bytes(void)
{
    size_t length = draw(71);
    char *text = aq_arena_alloc(&arena, length + 1);
    for (size_t i = 0; i < length; i++)
        text[i] = (char)(1 + draw(255));
    return text;
}

static const char *random_text(void)
{
    if (any_bytes && draw(2))
        return random_bytes();
    static const char *const pieces[] = {"a",    "bench-00001", "\"",           "\\", "\n", "\t",
                                         "\x01", "\x7F",        "\xE2\x82\xAC", " ",  "7"};
    struct aq_buffer text = {0};
    for (uint64_t n = draw(4) ? draw(12) : 0; n > 0; n--)
        aq_buffer_text(&text, pieces[draw(AQ_LENGTH(pieces))]);
    const char *copy = aq_arena_text(&arena, aq_buffer_string(&text), text.length);
    aq_buffer_free(&text);
    return copy;
}

static void random_record(const struct aq_record *record, void *object);

static void random_list(const struct aq_field *field, struct aq_list *list)
{
    size_t size = field->type == AQ_TYPE_TEXTS ? sizeof(char *) : field->record->size;
    list->count = (uint32_t)draw(4);
    list->items = list->count > 0 ? aq_arena_alloc(&arena, list->count * size) : NULL;
    for (uint32_t i = 0; i < list->count; i++) {
        if (field->type == AQ_TYPE_TEXTS)
            AQ_TEXT_ITEM(*list, i) = random_text();
        else
            random_record(field->record, (char *)list->items + i * size);
    }
}

static void random_field(const struct aq_field *field, void *at)
{
    struct aq_bytes *bytes = at;
    switch (field->type) {
    case AQ_TYPE_TEXT:
    case AQ_TYPE_NAME:
        *(const char **)at = random_text();
        break;
    case AQ_TYPE_DOCUMENT:
        *(const char **)at = draw(3) == 0 ? "" : draw(2) ? "{}" : "{\"a\":[1,\"two\\n\"]}";
        break;
    case AQ_TYPE_BYTES:
        bytes->data = (const unsigned char *)random_text(); /* any bytes will do */
        bytes->length = strlen((const char *)bytes->data);
        break;
    case AQ_TYPE_TEXTS:
    case AQ_TYPE_LIST:
        random_list(field, at);
        break;
    case AQ_TYPE_RECORD:
        random_record(field->record, at);
        break;
    case AQ_TYPE_ENUM:
        *(uint32_t *)at = (uint32_t)draw(field->words->count);
        break;
    case AQ_TYPE_BOOL:
        *(bool *)at = draw(2);
        break;
    default:
        *(uint64_t *)at = draw(4) ? random_value() : 0;
    }
}

static void random_record(const struct aq_record *record, void *object)
{
    aq_record_init(record, object, &arena);
    for (size_t i = 0; i < record->count; i++)
        random_field(&record->fields[i], AQ_AT(object, &record->fields[i]));
}

/* Calls `check` with records of every declaration, packed. */
typedef void check_fn(const struct aq_record *record, const struct aq_buffer *packed);

static void each_round(const struct aq_record *record, unsigned rounds, check_fn *check)
{
    struct aq_buffer packed = {0};
    for (unsigned i = 0; i < rounds; i++) {
        aq_arena_reset(&arena);
        void *object = aq_arena_alloc(&arena, record->size);
        random_record(record, object);
        aq_buffer_reset(&packed);
        aq_record_pack(record, object, &packed);
        check(record, &packed);
    }
    aq_buffer_free(&packed);
}

static void each_record(unsigned rounds, check_fn *check)
{
    static const struct aq_record *const others[] = {&sample_record, &aq_entry_record, &aq_ballot_record,
                                                     &aq_vote_record};
    const struct aq_entity *entity;
    const struct aq_command *command;
    const struct aq_event_type *event;
    for (size_t i = 0; i < AQ_LENGTH(others); i++)
        each_round(others[i], rounds, check);
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++)
        each_round(entity->record, rounds, check);
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++)
        each_round(command->record, rounds, check);
    for (size_t i = 0; (event = aq_event_type_at(i)) != NULL; i++)
        each_round(event->record, rounds, check);
    for (int type = AQ_MSG_NONE + 1; type < aq_message_type_count; type++)
        each_round(aq_message_record((enum aq_message_type)type), rounds, check);
}

/* ---- the tests -------------------------------------------------------------------------------------------- */

/* Both ways come to the same, or both refuse with the same words. The bytes lie in memory of exactly their size, so
 * that the sanitizers see one that is read too many. */
static bool shows_the_same(const struct aq_record *record, const char *bytes, size_t length)
{
    struct aq_buffer straight = {0}, around = {0};
    struct aq_error one = {0}, other = {0};
    char *exact = aq_malloc(length);
    memcpy(exact, bytes, length);
    void *object = aq_arena_alloc(&arena, record->size);
    aq_buffer_text(&straight, "before");
    aq_buffer_text(&around, "before");
    bool good = aq_packed_to_json(record, exact, length, &straight, &one) == 0;
    if (aq_record_unpack(record, object, exact, length, false, &arena, &other) == 0)
        aq_record_to_json(record, object, &around);
    assert_string_equal(straight.data, around.data);
    assert_int_equal(straight.length, around.length);
    assert_int_equal(one.code, other.code);
    assert_string_equal(one.message, other.message);
    assert_int_equal(good, one.code == AQ_OK);
    assert_int_equal(good, straight.length > strlen("before"));
    free(exact);
    aq_buffer_free(&straight);
    aq_buffer_free(&around);
    return good;
}

static void check_whole(const struct aq_record *record, const struct aq_buffer *packed)
{
    assert_true(shows_the_same(record, packed->data, packed->length));
}

static void a_packed_record_shows_as_its_struct_does(void **state)
{
    (void)state;
    each_record(50, check_whole);
    any_bytes = true;
    each_record(50, check_whole);
    any_bytes = false;
}

/* As an older edition packed it, which knew fewer fields. */
static void check_older(const struct aq_record *record, const struct aq_buffer *packed)
{
    struct aq_packed in = {(const unsigned char *)packed->data, (const unsigned char *)packed->data + packed->length};
    size_t count = 0;
    assert_true(aq_packed_array(&in, &count));
    const unsigned char *fields = in.at;
    for (size_t known = 0; known <= count; known++) {
        struct aq_buffer older = {0};
        const char head[] = {'\xDC', 0, (char)known};
        aq_buffer_add(&older, head, sizeof head);
        aq_buffer_add(&older, fields, (size_t)(in.at - fields));
        assert_true(shows_the_same(record, older.data, older.length));
        aq_buffer_free(&older);
        assert_true(known == count || aq_packed_skip(&in));
    }
}

static void an_older_edition_s_record_shows_presets(void **state)
{
    (void)state;
    each_record(5, check_older);
}

static void value_is(const struct aq_field *field, const void *object, json_t *value);

static void record_is(const struct aq_record *record, const void *object, json_t *value)
{
    size_t shown = 0;
    for (size_t i = 0; i < record->count; i++) {
        const struct aq_field *field = &record->fields[i];
        json_t *member = json_object_get(value, field->name);
        assert_int_equal(member == NULL, (field->rules & AQ_SECRET) != 0);
        shown += member != NULL;
        if (member != NULL)
            value_is(field, object, member);
    }
    assert_int_equal(json_object_size(value), shown);
}

static void list_is(const struct aq_field *field, const struct aq_list *list, json_t *value)
{
    assert_true(json_is_array(value));
    assert_int_equal(json_array_size(value), list->count);
    for (uint32_t i = 0; i < list->count; i++) {
        json_t *item = json_array_get(value, i);
        if (field->type == AQ_TYPE_TEXTS)
            assert_string_equal(json_string_value(item), AQ_TEXT_ITEM(*list, i));
        else
            record_is(field->record, (const char *)list->items + i * field->record->size, item);
    }
}

/* What another reader of JSON takes it for. */
static void value_is(const struct aq_field *field, const void *object, json_t *value)
{
    bool plain = aq_field_is_number(field) || field->type == AQ_TYPE_ENUM || field->type == AQ_TYPE_BOOL;
    uint64_t number = plain ? aq_field_number(field, object) : 0;
    switch (field->type) {
    case AQ_TYPE_TEXT:
    case AQ_TYPE_NAME:
        if (!json_is_null(value) || field->refers == NULL || aq_field_text(field, object)[0] != '\0')
            assert_string_equal(json_string_value(value), aq_field_text(field, object));
        break;
    case AQ_TYPE_TEXTS:
    case AQ_TYPE_LIST:
        list_is(field, AQ_AT_CONST(object, field), value);
        break;
    case AQ_TYPE_RECORD:
        record_is(field->record, AQ_AT_CONST(object, field), value);
        break;
    case AQ_TYPE_BOOL:
        assert_int_equal(json_is_true(value), number != 0);
        break;
    case AQ_TYPE_ENUM:
        assert_string_equal(json_string_value(value), field->words->words[number]);
        break;
    case AQ_TYPE_U64:
    case AQ_TYPE_DURATION:
        if (json_is_string(value))
            assert_true(number > INT64_MAX);
        else
            assert_int_equal(json_integer_value(value), number);
        break;
    default:
        break; /* times, amounts, documents and bytes have tests of their own */
    }
}

static void check_parsed(const struct aq_record *record, const struct aq_buffer *packed)
{
    struct aq_buffer shown = {0};
    struct aq_error error = {0};
    void *object = aq_arena_alloc(&arena, record->size);
    assert_int_equal(aq_packed_to_json(record, packed->data, packed->length, &shown, &error), 0);
    assert_int_equal(aq_record_unpack(record, object, packed->data, packed->length, false, &arena, &error), 0);
    json_error_t why;
    json_t *json = json_loadb(shown.data, shown.length, JSON_REJECT_DUPLICATES, &why);
    if (json == NULL)
        fail_msg("%s: %s: %s", record->name, why.text, shown.data);
    record_is(record, object, json);
    json_decref(json);
    aq_buffer_free(&shown);
}

static void what_is_shown_is_json_of_the_same_values(void **state)
{
    (void)state;
    each_record(20, check_parsed);
}

static void check_cut(const struct aq_record *record, const struct aq_buffer *packed)
{
    for (size_t length = packed->length < 300 ? 0 : packed->length - 300; length < packed->length; length++)
        assert_false(shows_the_same(record, packed->data, length));
}

static void a_record_that_was_cut_is_refused(void **state)
{
    (void)state;
    each_record(2, check_cut);
}

/* Some changes make another good record: then that is shown. */
static void check_damaged(const struct aq_record *record, const struct aq_buffer *packed)
{
    char *bytes = aq_malloc(packed->length);
    for (int i = 0; i < 20; i++) {
        memcpy(bytes, packed->data, packed->length);
        bytes[draw(packed->length)] = (char)draw(UINT64_MAX);
        shows_the_same(record, bytes, packed->length);
    }
    free(bytes);
}

static void a_damaged_record_is_refused_or_another_one(void **state)
{
    (void)state;
    any_bytes = true;
    each_record(20, check_damaged);
    any_bytes = false;
}

static void what_a_damaged_row_is_refused_for(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        const char *words;
    } rows[] = {
#define ROW(bytes, words) {bytes, sizeof bytes - 1, words}
        ROW("", "part: not valid msgpack at byte 0 of 0"),
        ROW("\x01", "part has the wrong type: must be a list of its fields"),
        ROW("\x81\x01\x01", "part has the wrong type: must be a list of its fields"),
        ROW("\xDB\x00\x00\x00\x00", "part has the wrong type: must be a list of its fields"),
        ROW("\x92\x01\x01", "name has the wrong type: must be a text"),
        ROW("\x92\xC4\x01z\x01", "name has the wrong type: must be a text"),
        ROW("\x92\xA1\0\x01", "name contains a NUL byte"),
        ROW("\x92\xA1z\xA1z", "weight has the wrong type: must be a whole number"),
        ROW("\x92\xA1z\xFF", "weight has the wrong type: must be a whole number"),
        ROW("\x92\xA1z\xD0\x80", "weight has the wrong type: must be a whole number"),
        ROW("\x92\xA1z\xCD\x01", "part: not valid msgpack at byte 3 of 5"),
        ROW("\x92\xA1z\x01\x01", "part: 1 extra bytes after a msgpack value"),
        ROW("\x93\xA1z\x01\x01", "part has 3 fields, but only 2 are known: written by a newer version?"),
        ROW("\xDD\xFF\xFF\xFF\xFF", "part: not valid msgpack at byte 0 of 5"),
        ROW("\x92\xDB\xFF\xFF\xFF\xFF", "part: not valid msgpack at byte 1 of 6"),
#undef ROW
    };
    for (size_t i = 0; i < AQ_LENGTH(rows); i++) {
        struct aq_buffer out = {0};
        struct aq_error error = {0};
        assert_false(shows_the_same(&sample_part_record, rows[i].bytes, rows[i].length));
        assert_int_equal(aq_packed_to_json(&sample_part_record, rows[i].bytes, rows[i].length, &out, &error), -1);
        assert_string_equal(error.message, rows[i].words);
        assert_int_equal(error.code, AQ_E_INVALID);
        aq_buffer_free(&out);
    }
}

/* Other encoders may choose longer forms than ours; so may ours one day. */
static void every_form_of_a_value_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
    } rows[] = {
#define ROW(bytes) {bytes, sizeof bytes - 1}
        ROW("\x92\xA1z\x07"),
        ROW("\xDC\x00\x02\xD9\x01z\xCC\x07"),
        ROW("\xDD\x00\x00\x00\x02\xDA\x00\x01z\xCD\x00\x07"),
        ROW("\x92\xDB\x00\x00\x00\x01z\xCE\x00\x00\x00\x07"),
        ROW("\x92\xA1z\xCF\x00\x00\x00\x00\x00\x00\x00\x07"),
        ROW("\x92\xA1z\xD0\x07"),
        ROW("\x92\xA1z\xD1\x00\x07"),
        ROW("\x92\xA1z\xD2\x00\x00\x00\x07"),
        ROW("\x92\xA1z\xD3\x00\x00\x00\x00\x00\x00\x00\x07"),
#undef ROW
    };
    for (size_t i = 0; i < AQ_LENGTH(rows); i++) {
        struct aq_buffer out = {0};
        struct aq_error error = {0};
        assert_true(shows_the_same(&sample_part_record, rows[i].bytes, rows[i].length));
        assert_int_equal(aq_packed_to_json(&sample_part_record, rows[i].bytes, rows[i].length, &out, &error), 0);
        assert_string_equal(out.data, "{\"name\":\"z\",\"weight\":7}");
        aq_buffer_free(&out);
    }
}

/* ---- texts and numbers ------------------------------------------------------------------------------------ */

/* Texts are copied by words of 8 and 4 bytes: so every length, with what must be escaped at every place. */
static void a_text_is_escaped_wherever_it_must_be(void **state)
{
    (void)state;
    static const struct {
        const char *character, *escaped;
    } rows[] = {{"\"", "\\\""},      {"\\", "\\\\"},      {"\n", "\\n"},    {"\t", "\\t"}, {"\x01", "\\u0001"},
                {"\x1F", "\\u001f"}, {"\x7F", "\\u007f"}, {"\x80", "\x80"}, {" ", " "},    {"\xFF", "\xFF"},
                {"!", "!"},          {"[", "["},          {"\xA2", "\xA2"} /* '"' + 0x80 */};
    for (size_t i = 0; i < AQ_LENGTH(rows); i++)
        for (size_t length = 0; length <= 40; length++)
            for (size_t place = 0; place < length; place++) {
                struct aq_buffer out = {0}, expected = {0};
                struct sample_part part = {0};
                char text[64];
                memset(text, 'x', length);
                text[length] = '\0';
                aq_buffer_format(&expected, "{\"name\":\"%.*s%s%s\",\"weight\":0}", (int)place, text, rows[i].escaped,
                                 text + place + 1);
                text[place] = rows[i].character[0];
                part.name = text;
                aq_record_to_json(&sample_part_record, &part, &out);
                assert_string_equal(out.data, expected.data);
                aq_buffer_reset(&out);
                aq_record_pack(&sample_part_record, &part, &out);
                assert_true(shows_the_same(&sample_part_record, out.data, out.length));
                out.data[(length < 32 ? 2 : 3) + place] = '\0'; /* behind the heads of array and text */
                assert_false(shows_the_same(&sample_part_record, out.data, out.length));
                aq_buffer_free(&out);
                aq_buffer_free(&expected);
            }
}

static void a_number_has_all_its_digits(void **state)
{
    (void)state;
    uint64_t power = 1;
    for (int digits = 1; digits <= 20; digits++, power *= 10) {
        const uint64_t numbers[] = {power - 1, power, power + 1, digits == 20 ? UINT64_MAX : power * 9};
        for (size_t i = 0; i < AQ_LENGTH(numbers); i++) {
            struct aq_buffer out = {0};
            char expected[32];
            snprintf(expected, sizeof expected, "%" PRIu64, numbers[i]);
            aq_buffer_u64(&out, numbers[i]);
            assert_string_equal(out.data, expected);
            aq_buffer_free(&out);
        }
    }
}

/* ---- some of the fields ----------------------------------------------------------------------------------- */

static void check_some(const struct aq_record *record, const struct aq_buffer *packed)
{
    struct aq_error error = {0};
    uint64_t wanted = draw(UINT64_MAX);
    void *some = aq_arena_alloc(&arena, record->size), *all = aq_arena_alloc(&arena, record->size),
         *none = aq_arena_alloc(&arena, record->size);
    assert_int_equal(aq_record_unpack(record, all, packed->data, packed->length, false, &arena, &error), 0);
    assert_int_equal(aq_record_unpack_some(record, some, packed->data, packed->length, wanted, &arena, &error), 0);
    aq_record_init(record, none, &arena);
    struct aq_buffer got = {0}, expected = {0};
    for (size_t i = 0; i < record->count; i++) {
        aq_field_to_json(&record->fields[i], some, &got);
        aq_field_to_json(&record->fields[i], wanted >> i & 1 ? all : none, &expected);
    }
    assert_string_equal(aq_buffer_string(&got), aq_buffer_string(&expected));
    for (size_t length = packed->length < 100 ? 0 : packed->length - 100; length < packed->length; length++)
        assert_int_equal(aq_record_unpack_some(record, some, packed->data, length, wanted, &arena, &error), -1);
    aq_buffer_free(&got);
    aq_buffer_free(&expected);
}

static void only_the_fields_that_are_wanted_are_read(void **state)
{
    (void)state;
    each_record(3, check_some);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_packed_record_shows_as_its_struct_does, free_arena),
        cmocka_unit_test_teardown(an_older_edition_s_record_shows_presets, free_arena),
        cmocka_unit_test_teardown(what_is_shown_is_json_of_the_same_values, free_arena),
        cmocka_unit_test_teardown(a_record_that_was_cut_is_refused, free_arena),
        cmocka_unit_test_teardown(a_damaged_record_is_refused_or_another_one, free_arena),
        cmocka_unit_test_teardown(what_a_damaged_row_is_refused_for, free_arena),
        cmocka_unit_test_teardown(every_form_of_a_value_is_read, free_arena),
        cmocka_unit_test_teardown(a_text_is_escaped_wherever_it_must_be, free_arena),
        cmocka_unit_test_teardown(a_number_has_all_its_digits, free_arena),
        cmocka_unit_test_teardown(only_the_fields_that_are_wanted_are_read, free_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
