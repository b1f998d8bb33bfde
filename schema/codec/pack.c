#include "schema/codec/pack.h"

#include <msgpack.h>
#include <string.h>

/* msgpack's own packing functions, made from its template for our buffer: they append in place, while those of the
 * library call a function through a pointer for each piece of a value. */
static inline int append(struct aq_buffer *out, const void *bytes, size_t length)
{
    aq_buffer_add(out, bytes, length);
    return 0;
}
#define msgpack_pack_inline_func(name)                 static inline int put##name
#define msgpack_pack_user                              struct aq_buffer *
#define msgpack_pack_append_buffer(out, bytes, length) return append(out, bytes, length)
#define msgpack_pack_ext                               put_ext /* the template calls it by the library's name */
#include <msgpack/pack_template.h>
#undef msgpack_pack_ext

static void pack_record(struct aq_buffer *out, const struct aq_record *record, const void *object, bool briefly);
static size_t count_fields(const struct aq_record *record, const void *object);

static void pack_text(struct aq_buffer *out, const char *text)
{
    size_t length = strlen(text);
    put_str(out, length);
    put_str_body(out, text, length);
}

static void pack_list(struct aq_buffer *out, const struct aq_field *field, const struct aq_list *list, bool briefly)
{
    put_array(out, list->count);
    for (uint32_t i = 0; i < list->count; i++) {
        if (field->type == AQ_TYPE_TEXTS)
            pack_text(out, AQ_TEXT_ITEM(*list, i));
        else
            pack_record(out, field->record, (const char *)list->items + i * field->record->size, briefly);
    }
}

static void pack_field(struct aq_buffer *out, const struct aq_field *field, const void *object, bool briefly)
{
    const void *at = AQ_AT_CONST(object, field);
    switch (field->type) {
    case AQ_TYPE_TEXT:
    case AQ_TYPE_NAME:
    case AQ_TYPE_DOCUMENT:
        pack_text(out, aq_field_text(field, object));
        break;
    case AQ_TYPE_BYTES:
        put_bin(out, ((const struct aq_bytes *)at)->length);
        put_bin_body(out, ((const struct aq_bytes *)at)->data, ((const struct aq_bytes *)at)->length);
        break;
    case AQ_TYPE_TEXTS:
    case AQ_TYPE_LIST:
        pack_list(out, field, at, briefly);
        break;
    case AQ_TYPE_RECORD:
        pack_record(out, field->record, at, briefly);
        break;
    default:
        put_uint64(out, aq_field_number(field, object));
    }
}

/* A reader fills a field that is missing with this. */
static bool has_preset(const struct aq_field *field, const void *object)
{
    const void *at = AQ_AT_CONST(object, field);
    if (field->preset != NULL)
        return false;
    switch (field->type) {
    case AQ_TYPE_TEXT:
    case AQ_TYPE_NAME:
        return aq_field_text(field, object)[0] == '\0';
    case AQ_TYPE_DOCUMENT:
        return strcmp(aq_field_text(field, object), "{}") == 0;
    case AQ_TYPE_BYTES:
        return ((const struct aq_bytes *)at)->length == 0;
    case AQ_TYPE_TEXTS:
    case AQ_TYPE_LIST:
        return ((const struct aq_list *)at)->count == 0;
    case AQ_TYPE_RECORD:
        return count_fields(field->record, at) == 0;
    default:
        return aq_field_number(field, object) == 0;
    }
}

static size_t count_fields(const struct aq_record *record, const void *object)
{
    size_t count = record->count;
    while (count > 0 && !(record->fields[count - 1].rules & AQ_REQUIRED) &&
           has_preset(&record->fields[count - 1], object))
        count--;
    return count;
}

/* `briefly`: without the fields at the end of a record that have their presets. */
static void pack_record(struct aq_buffer *out, const struct aq_record *record, const void *object, bool briefly)
{
    size_t count = briefly ? count_fields(record, object) : record->count;
    put_array(out, count);
    for (size_t i = 0; i < count; i++)
        pack_field(out, &record->fields[i], object, briefly);
}

void aq_record_pack(const struct aq_record *record, const void *object, struct aq_buffer *out)
{
    pack_record(out, record, object, false);
}

void aq_record_pack_briefly(const struct aq_record *record, const void *object, struct aq_buffer *out)
{
    pack_record(out, record, object, true);
}
