#include "schema/model/record.h"

#include <stdio.h>
#include <string.h>

static bool stores_text(enum aq_type type)
{
    return type == AQ_TYPE_TEXT || type == AQ_TYPE_NAME || type == AQ_TYPE_DOCUMENT;
}

static bool stores_number(enum aq_type type)
{
    return type == AQ_TYPE_U64 || type == AQ_TYPE_TIME || type == AQ_TYPE_DURATION || type == AQ_TYPE_CPU ||
           type == AQ_TYPE_SIZE || aq_type_may_be_none(type);
}

bool aq_field_is_number(const struct aq_field *field)
{
    return stores_number(field->type);
}

bool aq_field_is_text(const struct aq_field *field)
{
    return stores_text(field->type);
}

bool aq_field_is_reference(const struct aq_field *field)
{
    return field->type == AQ_TYPE_TEXT && field->refers != NULL;
}

const struct aq_field *aq_record_field(const struct aq_record *record, const char *name)
{
    for (size_t i = 0; i < record->count; i++)
        if (strcmp(record->fields[i].name, name) == 0)
            return &record->fields[i];
    return NULL;
}

static void copy_list(const struct aq_field *field, struct aq_list *list, struct aq_arena *arena)
{
    const struct aq_list old = *list;
    size_t size = field->type == AQ_TYPE_TEXTS ? sizeof(char *) : field->record->size;
    list->items = old.count ? aq_arena_alloc(arena, size * old.count) : NULL;
    for (uint32_t i = 0; i < old.count; i++) {
        if (field->type == AQ_TYPE_TEXTS)
            AQ_TEXT_ITEM(*list, i) = aq_arena_text(arena, AQ_TEXT_ITEM(old, i), strlen(AQ_TEXT_ITEM(old, i)));
        else
            aq_record_copy(field->record, (char *)list->items + i * size, (const char *)old.items + i * size, arena);
    }
}

void aq_record_copy(const struct aq_record *record, void *copy, const void *object, struct aq_arena *arena)
{
    memcpy(copy, object, record->size);
    for (size_t i = 0; i < record->count; i++) {
        const struct aq_field *field = &record->fields[i];
        void *at = AQ_AT(copy, field);
        if (stores_text(field->type)) {
            const char *text = aq_field_text(field, object);
            *(const char **)at = text[0] ? aq_arena_text(arena, text, strlen(text)) : "";
        } else if (field->type == AQ_TYPE_BYTES) {
            struct aq_bytes *bytes = at;
            bytes->data = (const unsigned char *)aq_arena_text(arena, (const char *)bytes->data, bytes->length);
        } else if (field->type == AQ_TYPE_TEXTS || field->type == AQ_TYPE_LIST) {
            copy_list(field, at, arena);
        } else if (field->type == AQ_TYPE_RECORD) {
            aq_record_copy(field->record, at, AQ_AT_CONST(object, field), arena);
        }
    }
}

uint64_t aq_field_number(const struct aq_field *field, const void *object)
{
    const void *at = AQ_AT_CONST(object, field);
    if (field->type == AQ_TYPE_ENUM)
        return *(const uint32_t *)at;
    if (field->type == AQ_TYPE_BOOL)
        return *(const bool *)at;
    aq_assert(stores_number(field->type));
    return *(const uint64_t *)at;
}

const char *aq_field_text(const struct aq_field *field, const void *object)
{
    aq_assert(stores_text(field->type));
    const char *text = *(const char *const *)AQ_AT_CONST(object, field);
    return text ? text : "";
}

bool aq_texts_equal(const struct aq_list *one, const struct aq_list *other)
{
    if (one->count != other->count)
        return false;
    for (uint32_t i = 0; i < one->count; i++)
        if (strcmp(AQ_TEXT_ITEM(*one, i), AQ_TEXT_ITEM(*other, i)) != 0)
            return false;
    return true;
}

bool aq_texts_have(const struct aq_list *texts, const char *text)
{
    for (uint32_t i = 0; i < texts->count; i++)
        if (strcmp(AQ_TEXT_ITEM(*texts, i), text) == 0)
            return true;
    return false;
}

int aq_words_find(const struct aq_words *words, const char *word)
{
    for (uint32_t i = 0; i < words->count; i++)
        if (strcmp(words->words[i], word) == 0)
            return (int)i;
    return -1;
}

void aq_words_list(const struct aq_words *words, struct aq_buffer *out)
{
    for (uint32_t i = 0; i < words->count; i++) {
        aq_buffer_text(out, i ? ", " : "");
        aq_buffer_text(out, words->words[i]);
    }
}

/* FNV-1a, 64 bits. */
static uint64_t mix(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
    return (hash ^ 0xFF) * 0x100000001b3;
}

static uint64_t mix_record(uint64_t hash, const struct aq_record *record)
{
    for (size_t i = 0; i < record->count; i++) {
        const struct aq_field *field = &record->fields[i];
        char type[8];
        snprintf(type, sizeof type, "%d", (int)field->type);
        hash = mix(mix(hash, field->name), type);
        if (field->record != NULL)
            hash = mix_record(hash, field->record);
        for (uint32_t w = 0; field->words != NULL && w < field->words->count; w++)
            hash = mix(hash, field->words->words[w]);
    }
    return hash;
}

uint64_t aq_record_fingerprint(const struct aq_record *record)
{
    return mix_record(0xcbf29ce484222325, record);
}
