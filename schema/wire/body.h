/* The body of a message: a format byte, a type byte, and the packed record. Between agents and hub it is sealed; on the
 * local socket it travels as it is, for the kernel says who is at the other end. */
#ifndef AQ_SCHEMA_WIRE_BODY_H
#define AQ_SCHEMA_WIRE_BODY_H

#include "schema/wire/messages.h"

/* Appends the body to `out`. */
void aq_body_pack(enum aq_message_type type, const void *message, struct aq_buffer *out);

/* *message is the struct that belongs to *type, in `arena`; nothing points into `data`. */
int aq_body_unpack(const void *data, size_t length, enum aq_message_type *type, void **message, struct aq_arena *arena,
                   struct aq_error *error) AQ_MUST_CHECK;

#endif
