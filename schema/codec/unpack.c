/* The reading half of pack.h. */
#include "schema/codec/check.h"
#include "schema/codec/pack.h"
#include "schema/codec/preset.h"

#include <inttypes.h>
#include <stdio.h>

enum { PATH_SIZE = 128 };

struct unpacking {
    struct aq_packed in;
    struct aq_packed_whole whole;
    struct aq_arena *arena;
    bool strict;
};

/* `path` is what errors call the value: strict, the whole path; otherwise the field's name, which costs nothing. */
static int unpack_record(struct unpacking *unpacking, const struct aq_record *record, const char *path, uint64_t wanted,
                         void *object);

static int unpack_text(struct unpacking *unpacking, const char *path, const char **out)
{
    const char *text;
    size_t length;
    if (!aq_packed_text(&unpacking->in, &text, &length))
        return aq_packed_refuse(&unpacking->whole, path, "a text");
    if (length > 0 && memchr(text, '\0', length) != NULL)
        return aq_packed_refuse_nul(&unpacking->whole, path);
    *out = length > 0 ? aq_arena_text(unpacking->arena, text, length) : "";
    return 0;
}

static int unpack_bytes(struct unpacking *unpacking, const char *path, struct aq_bytes *out)
{
    const char *data;
    if (!aq_packed_data(&unpacking->in, &data, &out->length))
        return aq_packed_refuse(&unpacking->whole, path, "bytes");
    out->data = (const unsigned char *)aq_arena_text(unpacking->arena, data, out->length);
    return 0;
}

static int unpack_list(struct unpacking *unpacking, const struct aq_field *field, const char *path,
                       struct aq_list *list)
{
    size_t count, size = field->type == AQ_TYPE_TEXTS ? sizeof(char *) : field->record->size;
    if (!aq_packed_array(&unpacking->in, &count))
        return aq_packed_refuse(&unpacking->whole, path, "a list");
    if (unpacking->strict && count > field->most) /* before memory is taken for them */
        return aq_fail(unpacking->whole.error, AQ_E_INVALID, "%s has %zu items, more than %" PRIu64, path, count,
                       field->most);
    list->count = (uint32_t)count;
    list->items = count > 0 ? aq_arena_alloc(unpacking->arena, size * count) : NULL;
    for (size_t i = 0; i < count; i++) {
        char *item = (char *)list->items + i * size;
        int status = field->type == AQ_TYPE_TEXTS ? unpack_text(unpacking, path, (const char **)(void *)item)
                                                  : unpack_record(unpacking, field->record, path, AQ_ALL_FIELDS, item);
        if (status != 0)
            return -1;
    }
    return 0;
}

/* This and unpack_field() are inlined into both loops over fields: the one for tables and log is a hot path. */
static inline __attribute__((always_inline)) int unpack_number(struct unpacking *unpacking,
                                                               const struct aq_field *field, const char *path, void *at)
{
    uint64_t value;
    if (!aq_packed_number(&unpacking->in, &value))
        return aq_packed_refuse(&unpacking->whole, path, "a whole number");
    if (field->type == AQ_TYPE_ENUM && value >= field->words->count)
        return aq_packed_refuse_word(&unpacking->whole, path, field->words, value);
    if (field->type == AQ_TYPE_ENUM)
        *(uint32_t *)at = (uint32_t)value;
    else if (field->type == AQ_TYPE_BOOL)
        *(bool *)at = value != 0;
    else
        *(uint64_t *)at = value;
    return 0;
}

/* Inlined into both loops over fields: most of what is read, tables and log, comes through the one that is not strict.
 */
static inline __attribute__((always_inline)) int unpack_field(struct unpacking *unpacking, const struct aq_field *field,
                                                              const char *path, void *object)
{
    void *at = AQ_AT(object, field);
    switch (field->type) {
    case AQ_TYPE_TEXT:
    case AQ_TYPE_NAME:
    case AQ_TYPE_DOCUMENT:
        return unpack_text(unpacking, path, at);
    case AQ_TYPE_BYTES:
        return unpack_bytes(unpacking, path, at);
    case AQ_TYPE_TEXTS:
    case AQ_TYPE_LIST:
        return unpack_list(unpacking, field, path, at);
    case AQ_TYPE_RECORD:
        return unpack_record(unpacking, field->record, path, AQ_ALL_FIELDS, at);
    default:
        return unpack_number(unpacking, field, path, at);
    }
}

static int unpack_fields(struct unpacking *unpacking, const struct aq_record *record, size_t count, uint64_t wanted,
                         void *object)
{
    for (size_t i = 0; i < count; i++, wanted >>= 1) {
        const struct aq_field *field = &record->fields[i];
        if (wanted & 1) {
            if (unpack_field(unpacking, field, field->name, object) != 0)
                return -1;
        } else if (!aq_packed_skip(&unpacking->in)) {
            return aq_packed_refuse(&unpacking->whole, field->name, "a value");
        }
    }
    return 0;
}

static int unpack_fields_strictly(struct unpacking *unpacking, const struct aq_record *record, size_t count,
                                  const char *path, void *object)
{
    struct aq_error *error = unpacking->whole.error;
    const char *dot = *path ? "." : "";
    for (size_t i = 0; i < count; i++) {
        const struct aq_field *field = &record->fields[i];
        char field_path[PATH_SIZE];
        snprintf(field_path, sizeof field_path, "%s%s%s", path, dot, field->name);
        if (unpack_field(unpacking, field, field_path, object) != 0 ||
            aq_field_check(field, object, field_path, error) != 0)
            return -1;
    }
    for (size_t i = count; i < record->count; i++)
        if (record->fields[i].rules & AQ_REQUIRED)
            return aq_fail(error, AQ_E_INVALID, "%s%s%s is missing", path, dot, record->fields[i].name);
    return 0;
}

static int unpack_record(struct unpacking *unpacking, const struct aq_record *record, const char *path, uint64_t wanted,
                         void *object)
{
    size_t count;
    aq_record_init(record, object, unpacking->arena);
    if (!aq_packed_array(&unpacking->in, &count))
        return aq_packed_refuse(&unpacking->whole, *path ? path : record->name, "a list of its fields");
    if (count > record->count)
        return aq_packed_refuse_count(&unpacking->whole, *path ? path : record->name, count, record->count);
    if (unpacking->strict)
        return unpack_fields_strictly(unpacking, record, count, path, object);
    return unpack_fields(unpacking, record, count, wanted, object);
}

static int unpack_whole(struct unpacking *unpacking, uint64_t wanted, void *object)
{
    const struct aq_packed_whole *whole = &unpacking->whole;
    unpacking->in = (struct aq_packed){whole->data, (const unsigned char *)whole->data + whole->length};
    if (unpack_record(unpacking, whole->record, "", wanted, object) != 0)
        return -1;
    return unpacking->in.at == unpacking->in.end ? 0 : aq_packed_refuse(whole, whole->record->name, "one value");
}

int aq_record_unpack(const struct aq_record *record, void *object, const void *data, size_t length, bool strict,
                     struct aq_arena *arena, struct aq_error *error)
{
    if (!strict)
        return aq_record_unpack_some(record, object, data, length, AQ_ALL_FIELDS, arena, error);
    struct unpacking unpacking = {.whole = {record, data, length, error}, .arena = arena, .strict = true};
    if (aq_pack_check(data, length, error) != 0)
        return aq_error_context(error, "%s", record->name);
    return unpack_whole(&unpacking, AQ_ALL_FIELDS, object);
}

int aq_record_unpack_some(const struct aq_record *record, void *object, const void *data, size_t length,
                          uint64_t wanted, struct aq_arena *arena, struct aq_error *error)
{
    struct unpacking unpacking = {.whole = {record, data, length, error}, .arena = arena};
    aq_assert(record->count <= 64); /* as many as `wanted` has bits */
    if (length > AQ_PACK_SIZE_MAX)
        return aq_pack_check(data, length, error);
    return unpack_whole(&unpacking, wanted, object);
}
