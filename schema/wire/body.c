#include "schema/wire/body.h"

#include "schema/codec/pack.h"

enum { HEAD = 2 };

void aq_body_pack(enum aq_message_type type, const void *message, struct aq_buffer *out)
{
    aq_buffer_char(out, AQ_WIRE_FORMAT);
    aq_buffer_char(out, (char)type);
    aq_record_pack_briefly(aq_message_record(type), message, out);
}

int aq_body_unpack(const void *data, size_t length, enum aq_message_type *type, void **message, struct aq_arena *arena,
                   struct aq_error *error)
{
    const unsigned char *bytes = data;
    if (length < HEAD || length > AQ_WIRE_MESSAGE_MAX)
        return aq_fail(error, AQ_E_INVALID, "message has %zu bytes, but must have %d to %d", length, HEAD,
                       AQ_WIRE_MESSAGE_MAX);
    if (bytes[0] != AQ_WIRE_FORMAT)
        return aq_fail(error, AQ_E_INVALID, "message has format %u; only format %d is supported", bytes[0],
                       AQ_WIRE_FORMAT);
    if (bytes[1] == AQ_MSG_NONE || bytes[1] >= aq_message_type_count)
        return aq_fail(error, AQ_E_INVALID, "message has unknown type %u", bytes[1]);
    *type = (enum aq_message_type)bytes[1];
    *message = aq_arena_alloc(arena, aq_message_record(*type)->size);
    return aq_record_unpack(aq_message_record(*type), *message, bytes + HEAD, length - HEAD, true, arena, error);
}
