/* aq_field_to_text() of text.h. */
#include "schema/codec/json.h"
#include "schema/codec/json_string.h"
#include "schema/codec/text.h"
#include "schema/codec/word.h"

#include <stdio.h>
#include <string.h>

static void leaves_to_text(const struct aq_record *record, const void *object, const char *prefix,
                           struct aq_buffer *out)
{
    for (size_t i = 0; i < record->count; i++) {
        const struct aq_field *field = &record->fields[i];
        if (field->rules & AQ_SECRET)
            continue;
        if (field->type == AQ_TYPE_RECORD) {
            char path[128];
            snprintf(path, sizeof path, "%s%s.", prefix, field->name);
            leaves_to_text(field->record, AQ_AT_CONST(object, field), path, out);
            continue;
        }
        if (out->length > 0)
            aq_buffer_char(out, '\n');
        aq_buffer_format(out, "%s%s=", prefix, field->name);
        if (field->type == AQ_TYPE_LIST || field->type == AQ_TYPE_TEXTS)
            aq_field_to_json(field, object, out);
        else
            aq_field_to_text(field, object, out);
    }
}

static void list_to_text(const struct aq_field *field, const struct aq_list *list, struct aq_buffer *out)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (i > 0)
            aq_buffer_char(out, '\n');
        if (field->type == AQ_TYPE_TEXTS) {
            aq_json_copy(AQ_TEXT_ITEM(*list, i), strlen(AQ_TEXT_ITEM(*list, i)), out);
        } else {
            const char *item = (const char *)list->items + i * field->record->size;
            aq_record_to_json(field->record, item, out);
        }
    }
}

void aq_field_to_text(const struct aq_field *field, const void *object, struct aq_buffer *out)
{
    const void *at = AQ_AT_CONST(object, field);
    const char *text;
    switch (field->type) {
    case AQ_TYPE_TEXT:
    case AQ_TYPE_NAME:
    case AQ_TYPE_DOCUMENT:
        text = aq_field_text(field, object);
        aq_json_copy(text, strlen(text), out);
        break;
    case AQ_TYPE_TEXTS:
    case AQ_TYPE_LIST:
        if (field->rules & AQ_ARGUMENTS)
            aq_arguments_to_text(at, out);
        else
            list_to_text(field, at, out);
        break;
    case AQ_TYPE_RECORD: {
        AQ_CLEANUP_BUFFER struct aq_buffer lines = {0};
        leaves_to_text(field->record, at, "", &lines);
        aq_buffer_add(out, aq_buffer_string(&lines), lines.length);
        break;
    }
    case AQ_TYPE_BYTES:
        aq_buffer_add(out, ((const struct aq_bytes *)at)->data, ((const struct aq_bytes *)at)->length);
        break;
    default:
        aq_number_to_text(field, aq_field_number(field, object), out);
    }
}
