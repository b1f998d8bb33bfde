/* Reads msgpack in place, value by value, and never past its end. This is the only reader of msgpack: records of
 * tables, log and messages are unpacked, and turned into JSON, through it.
 *
 * A function that returns false has read nothing: there is no value of that type. */
#ifndef AQ_SCHEMA_CODEC_PACKED_H
#define AQ_SCHEMA_CODEC_PACKED_H

#include "schema/model/record.h"

#include <endian.h>

enum {
    AQ_PACK_DEPTH_MAX = 16,
    AQ_PACK_VALUES_MAX = 1 << 21,
    AQ_PACK_SIZE_MAX = 16 << 20, /* bytes of one message */
    AQ_PACKED_NO_TYPE = 0x100
};

struct aq_packed {
    const unsigned char *at, *end;
};

/* Fails unless `data` is one well-formed msgpack value of exactly `length` bytes, within the limits of size, depth and
 * number of values. Allocates nothing. */
int aq_pack_check(const void *data, size_t length, struct aq_error *error) AQ_MUST_CHECK;

/* ---- errors ------------------------------------------------------------------------------------------- */

/* What is being read, for its errors. */
struct aq_packed_whole {
    const struct aq_record *record;
    const void *data;
    size_t length;
    struct aq_error *error;
};

/* Each fills the error and returns -1. The first says that the bytes are not msgpack, if they are not, or else that
 * `name` has the wrong type and must be `right`. */
int aq_packed_refuse(const struct aq_packed_whole *whole, const char *name, const char *right);
int aq_packed_refuse_nul(const struct aq_packed_whole *whole, const char *name);
int aq_packed_refuse_count(const struct aq_packed_whole *whole, const char *name, size_t count, size_t known);
int aq_packed_refuse_word(const struct aq_packed_whole *whole, const char *name, const struct aq_words *words,
                          uint64_t value);

/* ---- values ------------------------------------------------------------------------------------------- */

/* A big-endian number of `size` bytes: 1, 2, 4 or 8. The caller has checked that they are there. */
static inline uint64_t aq_packed_bytes(const unsigned char *at, size_t size)
{
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (size) {
    case 1:
        return *at;
    case 2:
        memcpy(&two, at, sizeof two);
        return be16toh(two);
    case 4:
        memcpy(&four, at, sizeof four);
        return be32toh(four);
    default:
        memcpy(&eight, at, sizeof eight);
        return be64toh(eight);
    }
}

/* A whole number, 0 or more, in any of its forms. */
static inline bool aq_packed_number(struct aq_packed *in, uint64_t *number)
{
    size_t left = (size_t)(in->end - in->at);
    if (left == 0)
        return false;
    unsigned type = in->at[0];
    if (type <= 0x7F) {
        *number = type;
        in->at++;
        return true;
    }
    size_t size = (size_t)1 << (type & 3);
    if (type < 0xCC || type > 0xD3 || left <= size) /* uint and int, 8 to 64 */
        return false;
    uint64_t value = aq_packed_bytes(in->at + 1, size);
    if (type >= 0xD0 && value >> (8 * size - 1) != 0)
        return false; /* negative */
    *number = value;
    in->at += 1 + size;
    return true;
}

/* The head of a value whose length, or count, is in its type byte (`fixed` plus 0 to `most`), or in the 1, 2 or 4 bytes
 * that follow one of the three types from `first` on. */
static inline bool aq_packed_head(struct aq_packed *in, unsigned fixed, unsigned most, unsigned first, size_t *length)
{
    size_t left = (size_t)(in->end - in->at);
    if (left == 0)
        return false;
    unsigned type = in->at[0];
    if (type - fixed <= most) {
        *length = type - fixed;
        in->at++;
        return true;
    }
    if (type - first > 2)
        return false;
    size_t size = (size_t)1 << (type - first);
    if (left <= size)
        return false;
    *length = aq_packed_bytes(in->at + 1, size);
    in->at += 1 + size;
    return true;
}

static inline bool aq_packed_body(struct aq_packed *in, unsigned fixed, unsigned most, unsigned first,
                                  const char **data, size_t *length)
{
    struct aq_packed rest = *in;
    if (!aq_packed_head(&rest, fixed, most, first, length) || *length > (size_t)(rest.end - rest.at))
        return false;
    *data = (const char *)rest.at;
    in->at = rest.at + *length;
    return true;
}

static inline bool aq_packed_text(struct aq_packed *in, const char **text, size_t *length)
{
    return aq_packed_body(in, 0xA0, 0x1F, 0xD9, text, length); /* str */
}

static inline bool aq_packed_data(struct aq_packed *in, const char **data, size_t *length)
{
    return aq_packed_body(in, AQ_PACKED_NO_TYPE, 0, 0xC4, data, length); /* bin */
}

/* One value of any type, with all values in it. */
bool aq_packed_skip_any(struct aq_packed *in);

static inline bool aq_packed_skip(struct aq_packed *in)
{
    const unsigned char *at = in->at;
    size_t left = (size_t)(in->end - at), size = 1;
    if (left > 0 && at[0] >= 0xA0 && at[0] <= 0xBF) /* a short text */
        size += at[0] & 0x1F;
    else if (left > 0 && at[0] >= 0xCC && at[0] <= 0xCF) /* a number */
        size += (size_t)1 << (at[0] & 3);
    else if (left == 0 || at[0] > 0x7F)
        return aq_packed_skip_any(in);
    if (size > left)
        return false;
    in->at += size;
    return true;
}

/* The head of an array. Each item takes at least one byte, so a count larger than the bytes left is false. */
static inline bool aq_packed_array(struct aq_packed *in, size_t *count)
{
    struct aq_packed rest = *in;
    if (rest.at < rest.end && *rest.at == 0xDB)
        return false; /* str 32: an array has its count in 2 or 4 bytes, never in one */
    if (!aq_packed_head(&rest, 0x90, 0x0F, 0xDB, count) || *count > (size_t)(rest.end - rest.at))
        return false;
    *in = rest;
    return true;
}

#endif
