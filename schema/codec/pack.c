#include "schema/codec/pack.h"

#include <msgpack.h>
#include <string.h>

static int write_bytes(void *data, const char *bytes, size_t length)
{
    aq_buffer_add(data, bytes, length);
    return 0;
}

/* Where to, and in which form. */
struct packing {
    msgpack_packer packer;
    bool briefly; /* without the fields at the end of a record that have their presets */
};

static void pack_record(struct packing *packing, const struct aq_record *record, const void *object);
static size_t count_fields(const struct aq_record *record, const void *object);

static void pack_text(msgpack_packer *packer, const char *text)
{
    size_t length = strlen(text);
    msgpack_pack_str(packer, length);
    msgpack_pack_str_body(packer, text, length);
}

static void pack_list(struct packing *packing, const struct aq_field *field, const struct aq_list *list)
{
    msgpack_pack_array(&packing->packer, list->count);
    for (uint32_t i = 0; i < list->count; i++) {
        if (field->type == AQ_TYPE_TEXTS)
            pack_text(&packing->packer, AQ_TEXT_ITEM(*list, i));
        else
            pack_record(packing, field->record, (const char *)list->items + i * field->record->size);
    }
}

static void pack_field(struct packing *packing, const struct aq_field *field, const void *object)
{
    msgpack_packer *packer = &packing->packer;
    const void *at = AQ_AT_CONST(object, field);
    switch (field->type) {
    case AQ_TYPE_TEXT:
    case AQ_TYPE_NAME:
    case AQ_TYPE_DOCUMENT:
        pack_text(packer, aq_field_text(field, object));
        break;
    case AQ_TYPE_BYTES:
        msgpack_pack_bin(packer, ((const struct aq_bytes *)at)->length);
        msgpack_pack_bin_body(packer, ((const struct aq_bytes *)at)->data, ((const struct aq_bytes *)at)->length);
        break;
    case AQ_TYPE_TEXTS:
    case AQ_TYPE_LIST:
        pack_list(packing, field, at);
        break;
    case AQ_TYPE_RECORD:
        pack_record(packing, field->record, at);
        break;
    default:
        msgpack_pack_uint64(packer, aq_field_number(field, object));
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

static void pack_record(struct packing *packing, const struct aq_record *record, const void *object)
{
    size_t count = packing->briefly ? count_fields(record, object) : record->count;
    msgpack_pack_array(&packing->packer, count);
    for (size_t i = 0; i < count; i++)
        pack_field(packing, &record->fields[i], object);
}

static void pack(const struct aq_record *record, const void *object, bool briefly, struct aq_buffer *out)
{
    struct packing packing = {.briefly = briefly};
    msgpack_packer_init(&packing.packer, out, write_bytes);
    pack_record(&packing, record, object);
}

void aq_record_pack(const struct aq_record *record, const void *object, struct aq_buffer *out)
{
    pack(record, object, false, out);
}

void aq_record_pack_briefly(const struct aq_record *record, const void *object, struct aq_buffer *out)
{
    pack(record, object, true, out);
}
