#include "schema/codec/preset.h"

#include "schema/codec/text.h"

#include <string.h>

void aq_record_init(const struct aq_record *record, void *object, struct aq_arena *arena)
{
    memset(object, 0, record->size);
    for (size_t i = 0; i < record->count; i++) {
        const struct aq_field *field = &record->fields[i];
        switch (field->type) {
        case AQ_TYPE_TEXT:
        case AQ_TYPE_NAME:
            *(const char **)AQ_AT(object, field) = "";
            break;
        case AQ_TYPE_DOCUMENT:
            *(const char **)AQ_AT(object, field) = "{}";
            break;
        case AQ_TYPE_RECORD:
            aq_record_init(field->record, AQ_AT(object, field), arena);
            break;
        default:
            break;
        }
        if (field->preset != NULL) {
            struct aq_error error = {0};
            int failed = aq_field_from_text(field, object, field->preset, field->name, arena, &error);
            aq_assert(failed == 0);
        }
    }
}
