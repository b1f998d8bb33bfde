#include "schema/record.h"

#include "schema/json.h"
#include "schema/text.h"

#include <inttypes.h>
#include <string.h>

static bool stores_text(enum aq_type type)
{
    return type == AQ_TYPE_TEXT || type == AQ_TYPE_NAME || type == AQ_TYPE_DOCUMENT;
}

static bool stores_number(enum aq_type type)
{
    return type == AQ_TYPE_U64 || type == AQ_TYPE_TIME || type == AQ_TYPE_DURATION || type == AQ_TYPE_CPU ||
           type == AQ_TYPE_SIZE;
}

bool aq_field_is_number(const struct aq_field *field)
{
    return stores_number(field->type);
}

bool aq_field_is_text(const struct aq_field *field)
{
    return stores_text(field->type);
}

void aq_record_init(const struct aq_record *record, void *object, struct aq_arena *arena)
{
    memset(object, 0, record->size);
    for (size_t i = 0; i < record->count; i++) {
        const struct aq_field *field = &record->fields[i];
        if (field->type == AQ_TYPE_DOCUMENT)
            *(const char **)AQ_AT(object, field) = "{}";
        else if (stores_text(field->type))
            *(const char **)AQ_AT(object, field) = "";
        else if (field->type == AQ_TYPE_RECORD)
            aq_record_init(field->record, AQ_AT(object, field), arena);
        if (field->preset != NULL) {
            struct aq_error error = {0};
            int failed = aq_field_from_text(field, object, field->preset, field->name, arena, &error);
            aq_assert(failed == 0);
        }
    }
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

bool aq_name_is_good(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alnum && (i == 0 || (c != '.' && c != '_' && c != '-')))
            return false;
    }
    return true;
}

/* Bytes of the UTF-8 sequence at `s`, 0 if there is no good one. RFC 3629: no overlong forms, no surrogates,
 * nothing above U+10FFFF. */
static size_t utf8_sequence(const unsigned char *s, size_t left)
{
    if (s[0] < 0x80)
        return 1;
    size_t n = s[0] >= 0xC2 && s[0] <= 0xDF   ? 2
               : s[0] >= 0xE0 && s[0] <= 0xEF ? 3
               : s[0] >= 0xF0 && s[0] <= 0xF4 ? 4
                                              : 0;
    if (n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF0 && s[1] < 0x90) ||
        (s[0] == 0xF4 && s[1] > 0x8F))
        return 0;
    return n;
}

bool aq_utf8_is_good(const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t n = utf8_sequence((const unsigned char *)text + i, length - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

static bool has_control(const char *text, bool lines)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
        if (*c == 0x7F || (*c < 0x20 && !(lines && (*c == '\n' || *c == '\t'))))
            return true;
    return false;
}

static int check_number(const struct aq_field *field, uint64_t value, const char *path, struct aq_error *error)
{
    if (value >= field->least && value <= field->most)
        return 0;
    struct aq_buffer given = {0}, bound = {0};
    bool low = value < field->least;
    aq_number_to_text(field, value, &given);
    aq_number_to_text(field, low ? field->least : field->most, &bound);
    const char *unit = field->unit && field->type == AQ_TYPE_U64 ? field->unit : ""; /* "1h s" says too much */
    aq_fail(error, AQ_E_INVALID, "%s is %s%s%s, %s than %s%s%s", path, given.data, *unit ? " " : "", unit,
            low ? "less" : "more", bound.data, *unit ? " " : "", unit);
    aq_buffer_free(&given);
    aq_buffer_free(&bound);
    return -1;
}

static int check_text(const struct aq_field *field, const char *text, const char *path, struct aq_error *error)
{
    size_t length = strlen(text);
    if (length > field->most)
        return aq_fail(error, AQ_E_INVALID, "%s is %zu bytes long, more than %" PRIu64, path, length, field->most);
    if (length < field->least && (length > 0 || (field->rules & AQ_REQUIRED)))
        return aq_fail(error, AQ_E_INVALID, "%s is %zu bytes long, less than %" PRIu64, path, length, field->least);
    if (!aq_utf8_is_good(text, length))
        return aq_fail(error, AQ_E_INVALID, "%s is not valid UTF-8", path);
    if (field->type == AQ_TYPE_DOCUMENT)
        return aq_json_check_document(text, path, error);
    if (field->type == AQ_TYPE_NAME && !aq_name_is_good(text, length) && (field->rules & AQ_SECRET))
        return aq_fail(error, AQ_E_INVALID, "%s has other characters than letters, digits, '.', '_' and '-'", path);
    if (field->type == AQ_TYPE_NAME && !aq_name_is_good(text, length))
        return aq_fail(error, AQ_E_INVALID,
                       "%s is \"%s\", but a name has only letters, digits, '.', '_' and '-', and begins with a letter "
                       "or digit",
                       path, text);
    if (has_control(text, field->rules & AQ_LINES))
        return aq_fail(error, AQ_E_INVALID, "%s holds a control character", path);
    return 0;
}

static int check_texts(const struct aq_list *list, const char *path, struct aq_error *error)
{
    static const struct aq_field item = {.type = AQ_TYPE_TEXT, .most = 255};
    for (uint32_t i = 0; i < list->count; i++) {
        char item_path[256];
        snprintf(item_path, sizeof item_path, "%s[%u]", path, i);
        if (check_text(&item, AQ_TEXT_ITEM(*list, i), item_path, error) != 0)
            return -1;
    }
    return 0;
}

int aq_field_check(const struct aq_field *field, const void *object, const char *path, struct aq_error *error)
{
    if (stores_text(field->type))
        return check_text(field, aq_field_text(field, object), path, error);
    if (stores_number(field->type))
        return check_number(field, aq_field_number(field, object), path, error);
    if (field->type == AQ_TYPE_ENUM) {
        uint32_t value = *(const uint32_t *)AQ_AT_CONST(object, field);
        if (value < field->words->count)
            return 0;
        return aq_fail(error, AQ_E_INVALID, "%s is %u, more than %u", path, value, field->words->count - 1);
    }
    if (field->type == AQ_TYPE_LIST || field->type == AQ_TYPE_TEXTS) {
        const struct aq_list *list = AQ_AT_CONST(object, field);
        if (list->count > field->most || list->count < field->least)
            return aq_fail(error, AQ_E_INVALID, "%s has %u items, %s than %" PRIu64, path, list->count,
                           list->count > field->most ? "more" : "less",
                           list->count > field->most ? field->most : field->least);
        return field->type == AQ_TYPE_TEXTS ? check_texts(list, path, error) : 0;
    }
    if (field->type == AQ_TYPE_BYTES) {
        const struct aq_bytes *bytes = AQ_AT_CONST(object, field);
        if (bytes->length > field->most)
            return aq_fail(error, AQ_E_INVALID, "%s is %zu bytes long, more than %" PRIu64, path, bytes->length,
                           field->most);
        if (bytes->length < field->least && (bytes->length > 0 || (field->rules & AQ_REQUIRED)))
            return aq_fail(error, AQ_E_INVALID, "%s is %zu bytes long, less than %" PRIu64, path, bytes->length,
                           field->least);
    }
    return 0;
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
