#include "schema/codec/packed.h"

#include <inttypes.h>

/* ---- well-formed or not ------------------------------------------------------------------------------- */

struct walk {
    const unsigned char *at;
    size_t left;
};

/* Reads a big-endian number of `size` bytes. */
static bool walk_number(struct walk *walk, size_t size, uint64_t *number)
{
    if (walk->left < size)
        return false;
    *number = 0;
    for (size_t i = 0; i < size; i++)
        *number = *number << 8 | walk->at[i];
    walk->at += size;
    walk->left -= size;
    return true;
}

/* Reads the head of a value: how many bytes of body and how many values follow. Returns false if it is truncated or an
 * extension type. */
static bool walk_head(struct walk *walk, uint64_t *body, uint64_t *values)
{
    uint64_t type, n = 0;
    *body = *values = 0;
    if (!walk_number(walk, 1, &type))
        return false;
    if (type <= 0x7F || type >= 0xE0 || type == 0xC0 || type == 0xC2 || type == 0xC3)
        return true;
    if (type <= 0x8F)
        *values = (type & 0x0F) * 2;
    else if (type <= 0x9F)
        *values = type & 0x0F;
    else if (type <= 0xBF)
        *body = type & 0x1F;
    else if (type >= 0xC4 && type <= 0xC6) /* bin 8, 16, 32 */
        return walk_number(walk, (size_t)1 << (type - 0xC4), body);
    else if (type >= 0xD9 && type <= 0xDB) /* str 8, 16, 32 */
        return walk_number(walk, (size_t)1 << (type - 0xD9), body);
    else if (type == 0xCA || type == 0xCB) /* float 32, 64 */
        *body = type == 0xCA ? 4 : 8;
    else if (type >= 0xCC && type <= 0xD3) /* uint and int, 8 to 64 */
        *body = (uint64_t)1 << ((type - 0xCC) % 4);
    else if (type == 0xDC || type == 0xDD) /* array 16, 32 */
        return walk_number(walk, type == 0xDC ? 2 : 4, values);
    else if (type == 0xDE || type == 0xDF) { /* map 16, 32 */
        if (!walk_number(walk, type == 0xDE ? 2 : 4, &n))
            return false;
        *values = n * 2;
    } else
        return false;
    return true;
}

bool aq_packed_skip_any(struct aq_packed *in)
{
    struct walk walk = {in->at, (size_t)(in->end - in->at)};
    for (uint64_t open = 1, body, values; open > 0; open += values - 1) {
        if (!walk_head(&walk, &body, &values) || body > walk.left || values > walk.left)
            return false;
        walk.at += body;
        walk.left -= body;
    }
    in->at = walk.at;
    return true;
}

int aq_pack_check(const void *data, size_t length, struct aq_error *error)
{
    struct walk walk = {data, length};
    uint64_t total = 0;
    uint64_t open[AQ_PACK_DEPTH_MAX + 1] = {1}; /* values to come at each level */
    size_t depth = 0;
    if (length > AQ_PACK_SIZE_MAX)
        return aq_fail(error, AQ_E_TOO_LARGE, "message is %zu bytes long, more than %d", length, AQ_PACK_SIZE_MAX);
    do {
        uint64_t body, values;
        size_t position = length - walk.left;
        /* Each value takes at least one byte, so a count larger than the bytes left is false. */
        if (!walk_head(&walk, &body, &values) || body > walk.left || values > walk.left)
            return aq_fail(error, AQ_E_INVALID, "not valid msgpack at byte %zu of %zu", position, length);
        if (++total > AQ_PACK_VALUES_MAX)
            return aq_fail(error, AQ_E_TOO_LARGE, "msgpack of more than %d values", AQ_PACK_VALUES_MAX);
        walk.at += body;
        walk.left -= body;
        open[depth]--;
        if (values > 0) {
            if (depth == AQ_PACK_DEPTH_MAX)
                return aq_fail(error, AQ_E_INVALID, "msgpack is nested more than %d levels deep", AQ_PACK_DEPTH_MAX);
            open[++depth] = values;
        }
        while (depth > 0 && open[depth] == 0)
            depth--;
    } while (depth > 0 || open[0] > 0);
    if (walk.left > 0)
        return aq_fail(error, AQ_E_INVALID, "%zu extra bytes after a msgpack value", walk.left);
    return 0;
}

/* ---- errors ------------------------------------------------------------------------------------------- */

int aq_packed_refuse(const struct aq_packed_whole *whole, const char *name, const char *right)
{
    if (aq_pack_check(whole->data, whole->length, whole->error) != 0)
        return aq_error_context(whole->error, "%s", whole->record->name);
    return aq_fail(whole->error, AQ_E_INVALID, "%s has the wrong type: must be %s", name, right);
}

int aq_packed_refuse_nul(const struct aq_packed_whole *whole, const char *name)
{
    return aq_fail(whole->error, AQ_E_INVALID, "%s contains a NUL byte", name);
}

int aq_packed_refuse_count(const struct aq_packed_whole *whole, const char *name, size_t count, size_t known)
{
    return aq_fail(whole->error, AQ_E_INVALID, "%s has %zu fields, but only %zu are known: written by a newer version?",
                   name, count, known);
}

int aq_packed_refuse_word(const struct aq_packed_whole *whole, const char *name, const struct aq_words *words,
                          uint64_t value)
{
    return aq_fail(whole->error, AQ_E_INVALID, "%s is %" PRIu64 ", more than %u", name, value, words->count - 1);
}
