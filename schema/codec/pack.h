/* Records as msgpack: an array of the fields in the order of their declaration. Records are stored, logged and sent in
 * this form. A shorter array was written by an older version: what is missing keeps its preset. */
#ifndef AQ_SCHEMA_CODEC_PACK_H
#define AQ_SCHEMA_CODEC_PACK_H

#include "schema/codec/packed.h"

/* Appends the record. */
void aq_record_pack(const struct aq_record *record, const void *object, struct aq_buffer *out);
/* Leaves out the fields at the end of each record that have their presets, unless they are required. So a program that
 * does not know the newest fields can read a record that does not use them. */
void aq_record_pack_briefly(const struct aq_record *record, const void *object, struct aq_buffer *out);

/* Fills `object` (record->size bytes, need not be initialised) from exactly `length` bytes. Everything is copied into
 * `arena`; nothing points into `data`. Types are always checked. With `strict`, for what comes from another process,
 * so are bounds, names, UTF-8, depth, and that required fields are there. */
int aq_record_unpack(const struct aq_record *record, void *object, const void *data, size_t length, bool strict,
                     struct aq_arena *arena, struct aq_error *error) AQ_MUST_CHECK;

/* Not strict, and only the fields whose bit is set in `wanted` (1 << 0: the first). The others are as aq_record_init()
 * leaves them; their bytes are skipped. */
#define AQ_ALL_FIELDS                  UINT64_MAX
#define AQ_FIELD_BIT(of_record, field) (UINT64_C(1) << ((field) - (of_record)->fields))
int aq_record_unpack_some(const struct aq_record *record, void *object, const void *data, size_t length,
                          uint64_t wanted, struct aq_arena *arena, struct aq_error *error) AQ_MUST_CHECK;

#endif
