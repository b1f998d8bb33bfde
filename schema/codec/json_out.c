/* Writes records as JSON, from their structs or directly from packed bytes. Both write a value with the same functions.
 */
#include "schema/base/put.h"
#include "schema/codec/json.h"
#include "schema/codec/json_string.h"
#include "schema/codec/number.h"
#include "schema/codec/packed.h"
#include "schema/codec/preset.h"

#include <sodium.h>

/* ---- values ------------------------------------------------------------------------------------------- */

static char *put_null(char *at)
{
    memcpy(at, "null", 4);
    return at + 4;
}

static inline char *put_time(char *at, uint64_t time_ms)
{
    if (time_ms == 0)
        return put_null(at);
    *at++ = '"';
    at += aq_time_to_text(time_ms, at);
    *at = '"';
    return at + 1;
}

static inline char *put_integer(char *at, const struct aq_field *field, uint64_t value)
{
    if (value == 0 && field->refers != NULL)
        return put_null(at);
    if (value <= INT64_MAX)
        return aq_put_u64(at, value);
    *at++ = '"'; /* larger numbers overflow in most readers of JSON */
    at = aq_put_u64(at, value);
    *at = '"';
    return at + 1;
}

/* Writes a number of any type but enum. `at` has room for AQ_PUT_NUMBER_MAX bytes. */
static char *put_number(char *at, const struct aq_field *field, uint64_t value)
{
    const enum aq_type some = aq_type_of_some(field->type);
    bool quoted = some == AQ_TYPE_SIZE || value > INT64_MAX;
    if (field->type == AQ_TYPE_U64)
        return put_integer(at, field, value);
    if (field->type == AQ_TYPE_TIME)
        return put_time(at, value);
    if (value == 0 && some != field->type)
        return put_null(at);
    if (field->type == AQ_TYPE_U64_OR_NONE)
        return put_integer(at, field, value - 1);
    if (field->type == AQ_TYPE_DURATION && !quoted)
        return aq_put_u64(at, value);
    *at = '"';
    at = aq_number_put(field, value, at + quoted);
    *at = '"';
    return at + quoted;
}

static void word_to_json(const struct aq_words *words, uint64_t value, struct aq_buffer *out)
{
    static const struct aq_spelled unknown = {"\"?\"", 3};
    const struct aq_spelled *word = value < words->count ? &words->quoted[value] : &unknown;
    aq_buffer_add(out, word->text, word->length);
}

static void bytes_to_json(const void *data, size_t length, struct aq_buffer *out)
{
    size_t size = sodium_base64_ENCODED_LEN(length, sodium_base64_VARIANT_ORIGINAL);
    aq_buffer_room(out, size + 2);
    char *at = out->data + out->length;
    *at++ = '"';
    sodium_bin2base64(at, size, data, length, sodium_base64_VARIANT_ORIGINAL);
    at += size - 1; /* without its NUL */
    *at++ = '"';
    aq_buffer_put(out, at);
}

/* ---- from structs ------------------------------------------------------------------------------------- */

static void list_to_json(const struct aq_field *field, const struct aq_list *list, struct aq_buffer *out)
{
    aq_buffer_char(out, '[');
    for (uint32_t i = 0; i < list->count; i++) {
        if (i > 0)
            aq_buffer_char(out, ',');
        if (field->type == AQ_TYPE_TEXTS)
            aq_json_string(AQ_TEXT_ITEM(*list, i), strlen(AQ_TEXT_ITEM(*list, i)), out);
        else
            aq_record_to_json(field->record, (const char *)list->items + i * field->record->size, out);
    }
    aq_buffer_char(out, ']');
}

void aq_field_to_json(const struct aq_field *field, const void *object, struct aq_buffer *out)
{
    const void *at = AQ_AT_CONST(object, field);
    const char *text;
    switch (field->type) {
    case AQ_TYPE_TEXT:
    case AQ_TYPE_NAME:
        text = aq_field_text(field, object);
        if (text[0] == '\0' && field->refers != NULL)
            aq_buffer_text(out, "null");
        else
            aq_json_string(text, strlen(text), out);
        break;
    case AQ_TYPE_DOCUMENT:
        text = aq_field_text(field, object);
        aq_json_copy(text[0] ? text : "{}", text[0] ? strlen(text) : 2, out);
        break;
    case AQ_TYPE_BYTES:
        bytes_to_json(((const struct aq_bytes *)at)->data, ((const struct aq_bytes *)at)->length, out);
        break;
    case AQ_TYPE_TEXTS:
    case AQ_TYPE_LIST:
        list_to_json(field, at, out);
        break;
    case AQ_TYPE_RECORD:
        aq_record_to_json(field->record, at, out);
        break;
    case AQ_TYPE_ENUM:
        word_to_json(field->words, aq_field_number(field, object), out);
        break;
    default:
        aq_buffer_room(out, AQ_PUT_NUMBER_MAX);
        aq_buffer_put(out, put_number(out->data + out->length, field, aq_field_number(field, object)));
    }
}

/* Every member begins with a comma; replaces the first comma by the bracket. */
static void close_object(struct aq_buffer *out, size_t begun)
{
    if (out->length == begun)
        aq_buffer_char(out, '{');
    else
        out->data[begun] = '{';
    aq_buffer_char(out, '}');
}

/* Writes the fields from `first` on. */
static void fields_to_json(const struct aq_record *record, size_t first, const void *object, struct aq_buffer *out)
{
    for (size_t i = first; i < record->count; i++) {
        const struct aq_field *field = &record->fields[i];
        if (field->rules & AQ_SECRET)
            continue;
        aq_buffer_add(out, field->member.text, field->member.length);
        aq_field_to_json(field, object, out);
    }
}

void aq_record_to_json(const struct aq_record *record, const void *object, struct aq_buffer *out)
{
    size_t begun = out->length;
    fields_to_json(record, 0, object, out);
    close_object(out, begun);
}

/* ---- from packed records ------------------------------------------------------------------------------ */

struct transcoding {
    struct aq_packed in;
    struct aq_buffer *out;
    char *limit; /* end of the room in `out` */
    struct aq_packed_whole whole;
};

static char *packed_record(struct transcoding *transcoding, const struct aq_record *record, const char *name, char *at);

/* Sets the buffer's length to what has been written. */
static void set_end(struct transcoding *transcoding, char *at)
{
    aq_buffer_put(transcoding->out, at);
}

/* Returns where to write next, with room for `more`, after something was appended to the buffer itself. */
static char *reserve(struct transcoding *transcoding, size_t more)
{
    aq_buffer_room(transcoding->out, more);
    transcoding->limit = transcoding->out->data + transcoding->out->capacity - 1;
    return transcoding->out->data + transcoding->out->length;
}

static inline char *make_room(struct transcoding *transcoding, char *at, size_t more)
{
    if ((size_t)(transcoding->limit - at) >= more)
        return at;
    set_end(transcoding, at);
    return reserve(transcoding, more);
}

static char *fail_packed_value(const struct transcoding *transcoding, const char *name, const char *right)
{
    (void)aq_packed_refuse(&transcoding->whole, name, right);
    return NULL;
}

static char *fail_packed_number(const struct transcoding *transcoding, const struct aq_field *field)
{
    return fail_packed_value(transcoding, field->name, "a whole number");
}

static char *fail_packed_nul(const struct transcoding *transcoding, const char *name)
{
    (void)aq_packed_refuse_nul(&transcoding->whole, name);
    return NULL;
}

/* Writes a text with characters to escape; its first quote is written. */
static char *escaped_text(struct transcoding *transcoding, const char *name, char *at, const char *text, size_t length)
{
    if (memchr(text, '\0', length) != NULL)
        return fail_packed_nul(transcoding, name);
    set_end(transcoding, at);
    aq_json_string_rest(text, length, transcoding->out);
    return reserve(transcoding, 0);
}

static char *escaped_document(struct transcoding *transcoding, const char *name, char *at, const char *text,
                              size_t length)
{
    if (memchr(text, '\0', length) != NULL)
        return fail_packed_nul(transcoding, name);
    set_end(transcoding, at);
    aq_json_copy(text, length, transcoding->out);
    return reserve(transcoding, 0);
}

static inline __attribute__((always_inline)) char *packed_text(struct transcoding *transcoding, struct aq_packed *in,
                                                               const char *name, bool refers, char *at)
{
    const char *text;
    size_t length;
    if (!aq_packed_text(in, &text, &length))
        return fail_packed_value(transcoding, name, "a text");
    at = make_room(transcoding, at, length + 4);
    if (length == 0 && refers)
        return put_null(at);
    *at++ = '"';
    if (!aq_put_clean(at, text, length, false))
        return escaped_text(transcoding, name, at, text, length);
    at[length] = '"';
    return at + length + 1;
}

static inline char *packed_document(struct transcoding *transcoding, struct aq_packed *in, const char *name, char *at)
{
    const char *text;
    size_t length;
    if (!aq_packed_text(in, &text, &length))
        return fail_packed_value(transcoding, name, "a text");
    if (length == 0) {
        text = "{}";
        length = 2;
    }
    at = make_room(transcoding, at, length);
    return aq_put_clean(at, text, length, true) ? at + length : escaped_document(transcoding, name, at, text, length);
}

static inline char *packed_integer(struct transcoding *transcoding, struct aq_packed *in, const struct aq_field *field,
                                   char *at)
{
    uint64_t value;
    return aq_packed_number(in, &value) ? put_integer(at, field, value) : fail_packed_number(transcoding, field);
}

static inline char *packed_time(struct transcoding *transcoding, struct aq_packed *in, const struct aq_field *field,
                                char *at)
{
    uint64_t value;
    return aq_packed_number(in, &value) ? put_time(at, value) : fail_packed_number(transcoding, field);
}

static char *packed_number(struct transcoding *transcoding, const struct aq_field *field, char *at)
{
    uint64_t value;
    if (!aq_packed_number(&transcoding->in, &value))
        return fail_packed_number(transcoding, field);
    return put_number(at, field, field->type == AQ_TYPE_BOOL ? value != 0 : value);
}

static inline char *packed_word(struct transcoding *transcoding, struct aq_packed *in, const struct aq_field *field,
                                char *at)
{
    uint64_t value;
    if (!aq_packed_number(in, &value))
        return fail_packed_number(transcoding, field);
    if (value >= field->words->count) {
        (void)aq_packed_refuse_word(&transcoding->whole, field->name, field->words, value);
        return NULL;
    }
    const struct aq_spelled *word = &field->words->quoted[value];
    return aq_put_block(make_room(transcoding, at, word->length + AQ_PUT_STEP), word->text, word->length);
}

static char *packed_other(struct transcoding *transcoding, const struct aq_field *field, char *at);

/* Writes it, and takes that back: nothing else checks all that is in it. */
static char *packed_hidden(struct transcoding *transcoding, const struct aq_field *field, char *at)
{
    const size_t begun = (size_t)(at - transcoding->out->data);
    at = packed_other(transcoding, field, at);
    return at != NULL ? transcoding->out->data + begun : NULL;
}

/* Checks the value, but writes nothing. */
static char *packed_secret(struct transcoding *transcoding, const struct aq_field *field, char *at)
{
    struct aq_packed *in = &transcoding->in;
    const char *text;
    size_t length;
    uint64_t value;
    if (!aq_field_is_text(field) && !aq_field_is_number(field))
        return packed_hidden(transcoding, field, at);
    if (aq_field_is_number(field))
        return aq_packed_number(in, &value) ? at : fail_packed_value(transcoding, field->name, "a whole number");
    if (!aq_packed_text(in, &text, &length))
        return fail_packed_value(transcoding, field->name, "a text");
    return memchr(text, '\0', length) == NULL ? at : fail_packed_nul(transcoding, field->name);
}

static char *packed_bytes(struct transcoding *transcoding, const char *name, char *at)
{
    const char *data;
    size_t length;
    if (!aq_packed_data(&transcoding->in, &data, &length))
        return fail_packed_value(transcoding, name, "bytes");
    set_end(transcoding, at);
    bytes_to_json(data, length, transcoding->out);
    return reserve(transcoding, 0);
}

static char *packed_list(struct transcoding *transcoding, const struct aq_field *field, char *at)
{
    size_t count;
    if (!aq_packed_array(&transcoding->in, &count))
        return fail_packed_value(transcoding, field->name, "a list");
    at = make_room(transcoding, at, 2);
    *at++ = '[';
    for (size_t i = 0; i < count && at != NULL; i++) {
        at = make_room(transcoding, at, 1);
        if (i > 0)
            *at++ = ',';
        at = field->type == AQ_TYPE_TEXTS ? packed_text(transcoding, &transcoding->in, field->name, false, at)
                                          : packed_record(transcoding, field->record, field->name, at);
    }
    if (at == NULL)
        return NULL;
    at = make_room(transcoding, at, 1);
    *at++ = ']';
    return at;
}

/* Writes a value of the types that are rare or contain others. */
static char *packed_other(struct transcoding *transcoding, const struct aq_field *field, char *at)
{
    switch (field->type) {
    case AQ_TYPE_BYTES:
        return packed_bytes(transcoding, field->name, at);
    case AQ_TYPE_TEXTS:
    case AQ_TYPE_LIST:
        return packed_list(transcoding, field, at);
    case AQ_TYPE_RECORD:
        return packed_record(transcoding, field->record, field->name, at);
    default:
        return packed_number(transcoding, field, at);
    }
}

/* Writes the presets of the fields from `first` on, which an older version that packed the record did not know. */
static char *missing_fields(struct transcoding *transcoding, const struct aq_record *record, size_t first, char *at)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    void *object = aq_arena_alloc(&arena, record->size);
    aq_record_init(record, object, &arena);
    set_end(transcoding, at);
    fields_to_json(record, first, object, transcoding->out);
    return reserve(transcoding, 0);
}

/* `in` is a local copy, so that it can stay in registers. */
static char *packed_fields(struct transcoding *transcoding, const struct aq_record *record, size_t count, char *at)
{
    struct aq_packed in = transcoding->in;
    const struct aq_field *end = record->fields + count;
    for (const struct aq_field *field = record->fields; field < end && at != NULL; field++) {
        if (field->rules & AQ_SECRET) {
            transcoding->in = in;
            at = packed_secret(transcoding, field, at);
            in = transcoding->in;
            continue;
        }
        at = make_room(transcoding, at, field->member.length + AQ_PUT_STEP + AQ_PUT_NUMBER_MAX);
        at = aq_put_block(at, field->member.text, field->member.length);
        switch (field->type) {
        case AQ_TYPE_U64:
            at = packed_integer(transcoding, &in, field, at);
            break;
        case AQ_TYPE_TIME:
            at = packed_time(transcoding, &in, field, at);
            break;
        case AQ_TYPE_ENUM:
            at = packed_word(transcoding, &in, field, at);
            break;
        case AQ_TYPE_TEXT:
        case AQ_TYPE_NAME:
            at = packed_text(transcoding, &in, field->name, field->refers != NULL, at);
            break;
        case AQ_TYPE_DOCUMENT:
            at = packed_document(transcoding, &in, field->name, at);
            break;
        default:
            transcoding->in = in;
            at = packed_other(transcoding, field, at);
            in = transcoding->in;
        }
    }
    transcoding->in = in;
    return at;
}

static char *packed_record(struct transcoding *transcoding, const struct aq_record *record, const char *name, char *at)
{
    size_t count;
    if (!aq_packed_array(&transcoding->in, &count))
        return fail_packed_value(transcoding, name, "a list of its fields");
    if (count > record->count) {
        (void)aq_packed_refuse_count(&transcoding->whole, name, count, record->count);
        return NULL;
    }
    size_t begun = (size_t)(at - transcoding->out->data);
    at = packed_fields(transcoding, record, count, at);
    if (at != NULL && count < record->count)
        at = missing_fields(transcoding, record, count, at);
    if (at == NULL)
        return NULL;
    at = make_room(transcoding, at, 2);
    if ((size_t)(at - transcoding->out->data) == begun)
        at++;
    transcoding->out->data[begun] = '{'; /* in place of the first member's comma */
    *at++ = '}';
    return at;
}

int aq_packed_to_json(const struct aq_record *record, const void *data, size_t length, struct aq_buffer *out,
                      struct aq_error *error)
{
    struct transcoding transcoding = {
        {data, (const unsigned char *)data + length}, out, NULL, {record, data, length, error}};
    size_t begun = out->length;
    if (length > AQ_PACK_SIZE_MAX)
        return aq_pack_check(data, length, error);
    char *at = packed_record(&transcoding, record, record->name, reserve(&transcoding, 0));
    if (at != NULL && transcoding.in.at != transcoding.in.end)
        at = fail_packed_value(&transcoding, record->name, "one value");
    set_end(&transcoding, at != NULL ? at : out->data + begun);
    return at != NULL ? 0 : -1;
}
