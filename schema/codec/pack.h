/* Records as msgpack: an array of the fields in the order of their declaration. That is how they are stored, logged
 * and sent. A shorter array comes from an older version: what is missing keeps its preset. */
#ifndef AQ_SCHEMA_CODEC_PACK_H
#define AQ_SCHEMA_CODEC_PACK_H

#include "schema/model/record.h"

enum {
    AQ_PACK_DEPTH_MAX = 16,
    AQ_PACK_VALUES_MAX = 1 << 21,
    AQ_PACK_SIZE_MAX = 16 << 20, /* bytes of one message */
};

void aq_record_pack(const struct aq_record *record, const void *object, struct aq_buffer *out);

/* Reads exactly `length` bytes. Everything is copied into `arena`; nothing points into `data`. Types are always
 * checked; bounds, names, UTF-8, and that what must be given is there, when `strict`: for what comes from another
 * process. */
int aq_record_unpack(const struct aq_record *record, void *object, const void *data, size_t length, bool strict,
                     struct aq_arena *arena, struct aq_error *error) AQ_MUST_CHECK;

/* Not strict, and only those fields whose bit stands in `wanted` (1 << 0: the first): the others are as
 * aq_record_init() leaves them, and of their bytes nothing is looked at but that they are msgpack. */
#define AQ_ALL_FIELDS                  UINT64_MAX
#define AQ_FIELD_BIT(of_record, field) (UINT64_C(1) << ((field) - (of_record)->fields))
int aq_record_unpack_some(const struct aq_record *record, void *object, const void *data, size_t length,
                          uint64_t wanted, struct aq_arena *arena, struct aq_error *error) AQ_MUST_CHECK;

/* Is this one well-formed msgpack value of exactly `length` bytes within depth and size? To be asked before any
 * library allocates what the bytes claim. */
int aq_pack_check(const void *data, size_t length, struct aq_error *error) AQ_MUST_CHECK;

#endif
