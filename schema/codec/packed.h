/* Reads msgpack where it lies, one value after the other, and never behind its end: for what we packed ourselves and
 * find again in tables and in the log. A function that returns false has read nothing: there is no such value. */
#ifndef AQ_SCHEMA_CODEC_PACKED_H
#define AQ_SCHEMA_CODEC_PACKED_H

#include "schema/model/record.h"

#include <endian.h>

enum { AQ_PACKED_NO_TYPE = 0x100 };

struct aq_packed {
    const unsigned char *at, *end;
};

/* What is being read, for its errors. */
struct aq_packed_whole {
    const struct aq_record *record;
    const void *data;
    size_t length;
    struct aq_error *error;
};

/* Say what is wrong, and return -1: all of it is not msgpack, or else `name` is of another type than is right. */
int aq_packed_refuse(const struct aq_packed_whole *whole, const char *name, const char *right);
int aq_packed_refuse_nul(const struct aq_packed_whole *whole, const char *name);
int aq_packed_refuse_count(const struct aq_packed_whole *whole, const char *name, size_t count, size_t known);
int aq_packed_refuse_word(const struct aq_packed_whole *whole, const struct aq_field *field, uint64_t value);

/* A big-endian number of `size` bytes, 1, 2, 4 or 8, which are there. */
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

/* A whole number from 0, in any of its forms. */
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
        return false; /* below 0 */
    *number = value;
    in->at += 1 + size;
    return true;
}

/* The head of a value whose length, or count, is in its type byte (`fixed` with 0 to `most`), or in 1, 2 or 4 bytes
 * behind one of the three types from `first` on. */
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
    struct aq_packed behind = *in;
    if (!aq_packed_head(&behind, fixed, most, first, length) || *length > (size_t)(behind.end - behind.at))
        return false;
    *data = (const char *)behind.at;
    in->at = behind.at + *length;
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

/* One value of whatever type, with all that is in it. */
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

/* Each item takes at least one byte: so a count above what is left is a lie. */
static inline bool aq_packed_array(struct aq_packed *in, size_t *count)
{
    struct aq_packed behind = *in;
    if (behind.at < behind.end && *behind.at == 0xDB)
        return false; /* str 32: an array has its count in 2 or 4 bytes, never in one */
    if (!aq_packed_head(&behind, 0x90, 0x0F, 0xDB, count) || *count > (size_t)(behind.end - behind.at))
        return false;
    *in = behind;
    return true;
}

#endif
