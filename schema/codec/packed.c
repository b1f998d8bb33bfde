#include "schema/codec/packed.h"

#include "schema/codec/check.h"
#include "schema/codec/pack.h"

#include <inttypes.h>

/* ---- what is wrong ------------------------------------------------------------------------------------ */

int aq_packed_refuse(const struct aq_packed_whole *whole, const char *name, const char *right)
{
    if (aq_pack_check(whole->data, whole->length, whole->error) != 0)
        return aq_error_context(whole->error, "%s", whole->record->name);
    return aq_fail(whole->error, AQ_E_INVALID, "%s has the wrong type: must be %s", name, right);
}

int aq_packed_refuse_nul(const struct aq_packed_whole *whole, const char *name)
{
    return aq_fail(whole->error, AQ_E_INVALID, "%s holds a NUL byte", name);
}

int aq_packed_refuse_count(const struct aq_packed_whole *whole, const char *name, size_t count, size_t known)
{
    return aq_fail(whole->error, AQ_E_INVALID, "%s has %zu fields, but only %zu are known: written by a newer version?",
                   name, count, known);
}

int aq_packed_refuse_word(const struct aq_packed_whole *whole, const struct aq_field *field, uint64_t value)
{
    return aq_fail(whole->error, AQ_E_INVALID, "%s is %" PRIu64 ", more than %u", field->name, value,
                   field->words->count - 1);
}

/* ---- into structs ------------------------------------------------------------------------------------- */

struct unpacking {
    struct aq_packed in;
    struct aq_packed_whole whole;
    struct aq_arena *arena;
};

static int record_in(struct unpacking *unpacking, const struct aq_record *record, const char *name, uint64_t wanted,
                     void *object);

static int text_in(struct unpacking *unpacking, const char *name, const char **out)
{
    const char *text;
    size_t length;
    if (!aq_packed_text(&unpacking->in, &text, &length))
        return aq_packed_refuse(&unpacking->whole, name, "a text");
    if (length > 0 && memchr(text, '\0', length) != NULL)
        return aq_packed_refuse_nul(&unpacking->whole, name);
    *out = length > 0 ? aq_arena_text(unpacking->arena, text, length) : "";
    return 0;
}

static int bytes_in(struct unpacking *unpacking, const char *name, struct aq_bytes *out)
{
    const char *data;
    if (!aq_packed_data(&unpacking->in, &data, &out->length))
        return aq_packed_refuse(&unpacking->whole, name, "bytes");
    out->data = (const unsigned char *)aq_arena_text(unpacking->arena, data, out->length);
    return 0;
}

static int list_in(struct unpacking *unpacking, const struct aq_field *field, struct aq_list *list)
{
    size_t count, size = field->type == AQ_TYPE_TEXTS ? sizeof(char *) : field->record->size;
    if (!aq_packed_array(&unpacking->in, &count))
        return aq_packed_refuse(&unpacking->whole, field->name, "a list");
    list->count = (uint32_t)count;
    list->items = count > 0 ? aq_arena_alloc(unpacking->arena, size * count) : NULL;
    for (size_t i = 0; i < count; i++) {
        char *item = (char *)list->items + i * size;
        if (field->type == AQ_TYPE_TEXTS ? text_in(unpacking, field->name, (const char **)(void *)item)
                                         : record_in(unpacking, field->record, field->name, AQ_ALL_FIELDS, item))
            return -1;
    }
    return 0;
}

static int number_in(struct unpacking *unpacking, const struct aq_field *field, void *at)
{
    uint64_t value;
    if (!aq_packed_number(&unpacking->in, &value))
        return aq_packed_refuse(&unpacking->whole, field->name, "a whole number");
    if (field->type == AQ_TYPE_ENUM && value >= field->words->count)
        return aq_packed_refuse_word(&unpacking->whole, field, value);
    if (field->type == AQ_TYPE_ENUM)
        *(uint32_t *)at = (uint32_t)value;
    else if (field->type == AQ_TYPE_BOOL)
        *(bool *)at = value != 0;
    else
        *(uint64_t *)at = value;
    return 0;
}

static int field_in(struct unpacking *unpacking, const struct aq_field *field, void *object)
{
    void *at = AQ_AT(object, field);
    switch (field->type) {
    case AQ_TYPE_TEXT:
    case AQ_TYPE_NAME:
    case AQ_TYPE_DOCUMENT:
        return text_in(unpacking, field->name, at);
    case AQ_TYPE_BYTES:
        return bytes_in(unpacking, field->name, at);
    case AQ_TYPE_TEXTS:
    case AQ_TYPE_LIST:
        return list_in(unpacking, field, at);
    case AQ_TYPE_RECORD:
        return record_in(unpacking, field->record, field->name, AQ_ALL_FIELDS, at);
    default:
        return number_in(unpacking, field, at);
    }
}

static int record_in(struct unpacking *unpacking, const struct aq_record *record, const char *name, uint64_t wanted,
                     void *object)
{
    size_t count;
    aq_record_init(record, object, unpacking->arena);
    if (!aq_packed_array(&unpacking->in, &count))
        return aq_packed_refuse(&unpacking->whole, name, "a list of its fields");
    if (count > record->count)
        return aq_packed_refuse_count(&unpacking->whole, name, count, record->count);
    for (size_t i = 0; i < count; i++, wanted >>= 1) {
        const struct aq_field *field = &record->fields[i];
        if (wanted & 1) {
            if (field_in(unpacking, field, object) != 0)
                return -1;
        } else if (!aq_packed_skip(&unpacking->in)) {
            return aq_packed_refuse(&unpacking->whole, field->name, "a value");
        }
    }
    return 0;
}

int aq_record_unpack_some(const struct aq_record *record, void *object, const void *data, size_t length,
                          uint64_t wanted, struct aq_arena *arena, struct aq_error *error)
{
    struct unpacking unpacking = {{data, (const unsigned char *)data + length}, {record, data, length, error}, arena};
    aq_assert(record->count <= 64); /* as many as `wanted` has bits */
    if (length > AQ_PACK_SIZE_MAX)
        return aq_pack_check(data, length, error);
    if (record_in(&unpacking, record, record->name, wanted, object) != 0)
        return -1;
    return unpacking.in.at == unpacking.in.end ? 0 : aq_packed_refuse(&unpacking.whole, record->name, "one value");
}
