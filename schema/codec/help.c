#include "schema/codec/help.h"

#include "schema/codec/text.h"

#include "schema/model/entity.h"

#include <inttypes.h>
#include <string.h>

static void add_bounds(const struct aq_field *field, struct aq_buffer *out)
{
    struct aq_field plain = *field;
    plain.type = aq_type_of_some(field->type); /* bounds are numbers */
    aq_buffer_text(out, ", ");
    aq_number_to_text(&plain, field->least, out);
    if (field->most == UINT64_MAX) {
        aq_buffer_text(out, " or more");
    } else {
        aq_buffer_text(out, " to ");
        aq_number_to_text(&plain, field->most, out);
    }
    if (field->unit != NULL && field->type != AQ_TYPE_DURATION) /* whose texts have one */
        aq_buffer_format(out, " %s", field->unit);
}

void aq_help_field_type(const struct aq_field *field, struct aq_buffer *out)
{
    static const char *const names[] = {
        [AQ_TYPE_U64] = "a whole number",
        [AQ_TYPE_BOOL] = "true or false",
        [AQ_TYPE_TIME] = "a time such as 2026-11-20T22:57:13Z",
        [AQ_TYPE_DURATION] = "a duration such as 90s or 1h30m",
        [AQ_TYPE_CPU] = "cores such as 2 or 0.5",
        [AQ_TYPE_SIZE] = "a size such as 512MiB, or a number of GiB",
        [AQ_TYPE_ENUM] = "one of ",
        [AQ_TYPE_TEXT] = "a text",
        [AQ_TYPE_NAME] = "a name",
        [AQ_TYPE_DOCUMENT] = "a JSON object",
        [AQ_TYPE_BYTES] = "base64",
        [AQ_TYPE_TEXTS] = "texts, separated by commas",
        [AQ_TYPE_RECORD] = "an object",
        [AQ_TYPE_LIST] = "a list of objects",
        [AQ_TYPE_U64_OR_NONE] = "a whole number, or none",
        [AQ_TYPE_CPU_OR_NONE] = "cores such as 2 or 0.5, or none",
        [AQ_TYPE_SIZE_OR_NONE] = "a size such as 512MiB, a number of GiB, or none",
    };
    if (aq_field_is_reference(field)) {
        aq_buffer_format(out, "number, %s, or %s:%s", field->refers->group, field->refers->group,
                         field->refers->member);
        return;
    }
    const bool size = field->type == AQ_TYPE_U64 && field->unit != NULL && strcmp(field->unit, "bytes") == 0;
    const bool time = field->type == AQ_TYPE_U64 && field->unit != NULL && strcmp(field->unit, "ms") == 0;
    const bool arguments = field->rules & AQ_ARGUMENTS;
    aq_buffer_text(out, size        ? "a size such as 64KiB"
                        : time      ? "a duration such as 500ms or 5s"
                        : arguments ? "words as in a shell"
                                    : names[field->type]);
    if (field->type == AQ_TYPE_ENUM)
        aq_words_list(field->words, out);
    else if (field->type == AQ_TYPE_LIST || field->type == AQ_TYPE_TEXTS)
        aq_buffer_format(out, ", %" PRIu64 " to %" PRIu64, field->least, field->most);
    else if (aq_field_is_text(field))
        aq_buffer_format(out, ", %s%" PRIu64 " bytes", field->least > 0 ? "1 to " : "up to ", field->most);
    else if (aq_field_is_number(field) && field->type != AQ_TYPE_BOOL && field->type != AQ_TYPE_TIME)
        add_bounds(field, out);
}
