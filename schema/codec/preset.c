#include "schema/codec/preset.h"

#include "schema/codec/text.h"

#include <string.h>

void aq_record_init(const struct aq_record *record, void *object, struct aq_arena *arena)
{
    memset(object, 0, record->size);
    for (size_t i = 0; i < record->count; i++) {
        const struct aq_field *field = &record->fields[i];
        if (field->type == AQ_TYPE_DOCUMENT)
            *(const char **)AQ_AT(object, field) = "{}";
        else if (aq_field_is_text(field))
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
