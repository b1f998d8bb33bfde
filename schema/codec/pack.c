#include "schema/codec/pack.h"

#include "schema/codec/check.h"
#include "schema/codec/packed.h"

#include <inttypes.h>
#include <msgpack.h>
#include <string.h>

/* ---- out ---------------------------------------------------------------------------------------------- */

static int write_bytes(void *data, const char *bytes, size_t length)
{
    aq_buffer_add(data, bytes, length);
    return 0;
}

static void record_out(msgpack_packer *packer, const struct aq_record *record, const void *object);

static void text_out(msgpack_packer *packer, const char *text)
{
    size_t length = strlen(text);
    msgpack_pack_str(packer, length);
    msgpack_pack_str_body(packer, text, length);
}

static void list_out(msgpack_packer *packer, const struct aq_field *field, const struct aq_list *list)
{
    msgpack_pack_array(packer, list->count);
    for (uint32_t i = 0; i < list->count; i++) {
        if (field->type == AQ_TYPE_TEXTS)
            text_out(packer, AQ_TEXT_ITEM(*list, i));
        else
            record_out(packer, field->record, (const char *)list->items + i * field->record->size);
    }
}

static void field_out(msgpack_packer *packer, const struct aq_field *field, const void *object)
{
    const void *at = AQ_AT_CONST(object, field);
    switch (field->type) {
    case AQ_TYPE_TEXT:
    case AQ_TYPE_NAME:
    case AQ_TYPE_DOCUMENT:
        text_out(packer, aq_field_text(field, object));
        break;
    case AQ_TYPE_BYTES:
        msgpack_pack_bin(packer, ((const struct aq_bytes *)at)->length);
        msgpack_pack_bin_body(packer, ((const struct aq_bytes *)at)->data, ((const struct aq_bytes *)at)->length);
        break;
    case AQ_TYPE_TEXTS:
    case AQ_TYPE_LIST:
        list_out(packer, field, at);
        break;
    case AQ_TYPE_RECORD:
        record_out(packer, field->record, at);
        break;
    default:
        msgpack_pack_uint64(packer, aq_field_number(field, object));
    }
}

static void record_out(msgpack_packer *packer, const struct aq_record *record, const void *object)
{
    msgpack_pack_array(packer, record->count);
    for (size_t i = 0; i < record->count; i++)
        field_out(packer, &record->fields[i], object);
}

void aq_record_pack(const struct aq_record *record, const void *object, struct aq_buffer *out)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, out, write_bytes);
    record_out(&packer, record, object);
}

/* ---- check -------------------------------------------------------------------------------------------- */

struct walk {
    const unsigned char *at;
    size_t left;
};

/* Reads a big-endian number of `size` bytes behind the type byte. */
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

/* One type byte: how many bytes of body follow, and how many values. False: truncated, or an extension type. */
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
    uint64_t open[AQ_PACK_DEPTH_MAX + 1] = {1}; /* values still to come at each level */
    size_t depth = 0;
    if (length > AQ_PACK_SIZE_MAX)
        return aq_fail(error, AQ_E_TOO_LARGE, "message is %zu bytes long, more than %d", length, AQ_PACK_SIZE_MAX);
    do {
        uint64_t body, values;
        size_t position = length - walk.left;
        /* Each value takes at least one byte: so a count above what is left is a lie. */
        if (!walk_head(&walk, &body, &values) || body > walk.left || values > walk.left)
            return aq_fail(error, AQ_E_INVALID, "not valid msgpack at byte %zu of %zu", position, length);
        if (++total > AQ_PACK_VALUES_MAX) /* each costs the library some 24 bytes */
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
        return aq_fail(error, AQ_E_INVALID, "%zu bytes too many behind a msgpack value", walk.left);
    return 0;
}

/* ---- in, from other processes ---------------------------------------------------------------------------- */

struct unpacking {
    struct aq_arena *arena;
    struct aq_error *error;
};

static int record_in(struct unpacking *in, const struct aq_record *record, void *object, const msgpack_object *value,
                     const char *path);

static int wrong_type(const struct unpacking *in, const char *path, const char *right)
{
    return aq_fail(in->error, AQ_E_INVALID, "%s has the wrong type: must be %s", path, right);
}

static int text_in(struct unpacking *in, const char **text, const msgpack_object *value, const char *path)
{
    if (value->type != MSGPACK_OBJECT_STR)
        return wrong_type(in, path, "a text");
    if (value->via.str.size > 0 && memchr(value->via.str.ptr, '\0', value->via.str.size) != NULL)
        return aq_fail(in->error, AQ_E_INVALID, "%s holds a NUL byte", path);
    *text = aq_arena_text(in->arena, value->via.str.ptr, value->via.str.size);
    return 0;
}

static int list_in(struct unpacking *in, const struct aq_field *field, struct aq_list *list,
                   const msgpack_object *value, const char *path)
{
    if (value->type != MSGPACK_OBJECT_ARRAY)
        return wrong_type(in, path, "a list");
    uint32_t count = value->via.array.size;
    if (count > field->most)
        return aq_fail(in->error, AQ_E_INVALID, "%s has %u items, more than %" PRIu64, path, count, field->most);
    size_t size = field->type == AQ_TYPE_TEXTS ? sizeof(char *) : field->record->size;
    list->count = count;
    list->items = count ? aq_arena_alloc(in->arena, size * count) : NULL;
    for (uint32_t i = 0; i < count; i++) {
        const msgpack_object *item = &value->via.array.ptr[i];
        if (field->type == AQ_TYPE_TEXTS ? text_in(in, &AQ_TEXT_ITEM(*list, i), item, path)
                                         : record_in(in, field->record, (char *)list->items + i * size, item, path))
            return -1;
    }
    return 0;
}

static int field_in(struct unpacking *in, const struct aq_field *field, void *object, const msgpack_object *value,
                    const char *path)
{
    void *at = AQ_AT(object, field);
    struct aq_bytes *bytes = at;
    switch (field->type) {
    case AQ_TYPE_TEXT:
    case AQ_TYPE_NAME:
    case AQ_TYPE_DOCUMENT:
        return text_in(in, at, value, path);
    case AQ_TYPE_TEXTS:
    case AQ_TYPE_LIST:
        return list_in(in, field, at, value, path);
    case AQ_TYPE_RECORD:
        return record_in(in, field->record, at, value, path);
    case AQ_TYPE_BYTES:
        if (value->type != MSGPACK_OBJECT_BIN)
            return wrong_type(in, path, "bytes");
        bytes->length = value->via.bin.size;
        bytes->data = (const unsigned char *)aq_arena_text(in->arena, value->via.bin.ptr, value->via.bin.size);
        return 0;
    default:
        break;
    }
    if (value->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
        return wrong_type(in, path, "a whole number");
    if (field->type == AQ_TYPE_ENUM)
        *(uint32_t *)at = value->via.u64 > UINT32_MAX ? UINT32_MAX : (uint32_t)value->via.u64;
    else if (field->type == AQ_TYPE_BOOL)
        *(bool *)at = value->via.u64 != 0;
    else
        *(uint64_t *)at = value->via.u64;
    return 0;
}

static int record_in(struct unpacking *in, const struct aq_record *record, void *object, const msgpack_object *value,
                     const char *path)
{
    aq_record_init(record, object, in->arena);
    if (value->type != MSGPACK_OBJECT_ARRAY)
        return wrong_type(in, *path ? path : record->name, "a list of its fields");
    if (value->via.array.size > record->count)
        return aq_fail(in->error, AQ_E_INVALID, "%s has %u fields, but only %zu are known: written by a newer version?",
                       *path ? path : record->name, value->via.array.size, record->count);
    for (uint32_t i = 0; i < value->via.array.size; i++) {
        const struct aq_field *field = &record->fields[i];
        char field_path[128];
        snprintf(field_path, sizeof field_path, "%s%s%s", path, *path ? "." : "", field->name);
        if (field_in(in, field, object, &value->via.array.ptr[i], field_path) != 0 ||
            aq_field_check(field, object, field_path, in->error) != 0)
            return -1;
    }
    for (size_t i = value->via.array.size; i < record->count; i++)
        if (record->fields[i].rules & AQ_REQUIRED)
            return aq_fail(in->error, AQ_E_INVALID, "%s%s%s is missing", path, *path ? "." : "",
                           record->fields[i].name);
    return 0;
}

int aq_record_unpack(const struct aq_record *record, void *object, const void *data, size_t length, bool strict,
                     struct aq_arena *arena, struct aq_error *error)
{
    if (!strict)
        return aq_record_unpack_some(record, object, data, length, AQ_ALL_FIELDS, arena, error);
    if (aq_pack_check(data, length, error) != 0)
        return aq_error_context(error, "%s", record->name);
    msgpack_zone zone;
    msgpack_object value;
    size_t used = 0;
    if (!msgpack_zone_init(&zone, 2048))
        aq_broken(__FILE__, __LINE__, "out of memory");
    struct unpacking in = {arena, error};
    int status = -1;
    if (msgpack_unpack(data, length, &used, &zone, &value) == MSGPACK_UNPACK_SUCCESS)
        status = record_in(&in, record, object, &value, "");
    else
        aq_fail(error, AQ_E_INVALID, "%s is not valid msgpack", record->name);
    msgpack_zone_destroy(&zone);
    return status;
}
