#include "schema/codec/pack.h"

#include <msgpack.h>
#include <string.h>

static int write_bytes(void *data, const char *bytes, size_t length)
{
    aq_buffer_add(data, bytes, length);
    return 0;
}

static void pack_record(msgpack_packer *packer, const struct aq_record *record, const void *object);

static void pack_text(msgpack_packer *packer, const char *text)
{
    size_t length = strlen(text);
    msgpack_pack_str(packer, length);
    msgpack_pack_str_body(packer, text, length);
}

static void pack_list(msgpack_packer *packer, const struct aq_field *field, const struct aq_list *list)
{
    msgpack_pack_array(packer, list->count);
    for (uint32_t i = 0; i < list->count; i++) {
        if (field->type == AQ_TYPE_TEXTS)
            pack_text(packer, AQ_TEXT_ITEM(*list, i));
        else
            pack_record(packer, field->record, (const char *)list->items + i * field->record->size);
    }
}

static void pack_field(msgpack_packer *packer, const struct aq_field *field, const void *object)
{
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
        pack_list(packer, field, at);
        break;
    case AQ_TYPE_RECORD:
        pack_record(packer, field->record, at);
        break;
    default:
        msgpack_pack_uint64(packer, aq_field_number(field, object));
    }
}

static void pack_record(msgpack_packer *packer, const struct aq_record *record, const void *object)
{
    msgpack_pack_array(packer, record->count);
    for (size_t i = 0; i < record->count; i++)
        pack_field(packer, &record->fields[i], object);
}

void aq_record_pack(const struct aq_record *record, const void *object, struct aq_buffer *out)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, out, write_bytes);
    pack_record(&packer, record, object);
}
