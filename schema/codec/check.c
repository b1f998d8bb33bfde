#include "schema/codec/check.h"

#include "schema/base/utf8.h"
#include "schema/codec/json_value.h"
#include "schema/codec/number.h"
#include "schema/model/key.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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
    AQ_CLEANUP_BUFFER struct aq_buffer given = {0};
    AQ_CLEANUP_BUFFER struct aq_buffer bound = {0};
    bool low = value < field->least;
    aq_number_to_text(field, value, &given);
    aq_number_to_text(field, low ? field->least : field->most, &bound);
    /* Values of other types show their unit themselves. */
    const char *unit = field->unit && field->type == AQ_TYPE_U64 ? field->unit : "";
    return aq_fail(error, AQ_E_INVALID, "%s is %s%s%s, %s than %s%s%s", path, given.data, *unit ? " " : "", unit,
                   low ? "less" : "more", bound.data, *unit ? " " : "", unit);
}

static int check_number_or_none(const struct aq_field *field, uint64_t value, const char *path, struct aq_error *error)
{
    struct aq_field plain = *field;
    plain.type = aq_type_of_some(field->type);
    return value == 0 ? 0 : check_number(&plain, value - 1, path, error);
}

static int check_reference(const struct aq_field *field, const char *text, const char *path, struct aq_error *error)
{
    struct aq_reference ignored;
    if (text[0] == '\0' || aq_reference_from_text(field->refers, text, &ignored, error) == 0)
        return 0;
    return aq_error_context(error, "%s", path);
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
        return aq_fail(error, AQ_E_INVALID, "%s has characters other than letters, digits, '.', '_' and '-'", path);
    if (field->type == AQ_TYPE_NAME && !aq_name_is_good(text, length))
        return aq_fail(error, AQ_E_INVALID,
                       "%s is \"%s\", but a name has only letters, digits, '.', '_' and '-', and begins with a letter "
                       "or digit",
                       path, text);
    if (has_control(text, field->rules & AQ_LINES))
        return aq_fail(error, AQ_E_INVALID, "%s contains a control character", path);
    if (aq_field_is_reference(field))
        return check_reference(field, text, path, error);
    return 0;
}

static int check_texts(const struct aq_field *field, const struct aq_list *list, const char *path,
                       struct aq_error *error)
{
    static const struct aq_field plain = {.type = AQ_TYPE_TEXT, .most = AQ_TEXTS_ITEM_MAX};
    static const struct aq_field argument = {.type = AQ_TYPE_TEXT, .most = AQ_ARGUMENTS_ITEM_MAX, .rules = AQ_LINES};
    const bool arguments = field->rules & AQ_ARGUMENTS;
    size_t bytes = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        char item_path[256];
        snprintf(item_path, sizeof item_path, "%s[%u]", path, i);
        if (check_text(arguments ? &argument : &plain, AQ_TEXT_ITEM(*list, i), item_path, error) != 0)
            return -1;
        bytes += strlen(AQ_TEXT_ITEM(*list, i)) + 1;
    }
    if (arguments && bytes > AQ_ARGUMENTS_BYTES_MAX)
        return aq_fail(error, AQ_E_INVALID, "%s has %zu bytes, more than %d", path, bytes, AQ_ARGUMENTS_BYTES_MAX);
    if (arguments && list->count > 0 && AQ_TEXT_ITEM(*list, 0)[0] == '\0')
        return aq_fail(error, AQ_E_INVALID, "%s[0] is empty, but must be a program or an argument", path);
    return 0;
}

/* What was typed. Messages and stored rows of earlier builds may have such characters: those are escaped when shown. */
static int check_typed(const struct aq_field *field, const void *object, const char *path, struct aq_error *error)
{
    bool harmful = false;
    if (field->type == AQ_TYPE_TEXT) {
        const char *text = aq_field_text(field, object);
        harmful = aq_utf8_has_harmful(text, strlen(text));
    } else if (field->type == AQ_TYPE_TEXTS) {
        const struct aq_list *list = AQ_AT_CONST(object, field);
        for (uint32_t i = 0; i < list->count; i++)
            harmful |= aq_utf8_has_harmful(AQ_TEXT_ITEM(*list, i), strlen(AQ_TEXT_ITEM(*list, i)));
    }
    if (harmful)
        return aq_fail(error, AQ_E_INVALID,
                       "%s contains a control character, or one that changes the direction of text", path);
    return 0;
}

int aq_field_check_typed(const struct aq_field *field, const void *object, const char *path, struct aq_error *error)
{
    return aq_field_check(field, object, path, error) == 0 ? check_typed(field, object, path, error) : -1;
}

int aq_field_check(const struct aq_field *field, const void *object, const char *path, struct aq_error *error)
{
    if (aq_field_is_text(field))
        return check_text(field, aq_field_text(field, object), path, error);
    if (aq_type_may_be_none(field->type))
        return check_number_or_none(field, aq_field_number(field, object), path, error);
    if (aq_field_is_number(field))
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
        return field->type == AQ_TYPE_TEXTS ? check_texts(field, list, path, error) : 0;
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
