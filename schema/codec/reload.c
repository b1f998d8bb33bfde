#include "schema/codec/reload.h"

#include "schema/base/journal.h"
#include "schema/codec/text.h"

#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 128 };

struct reload {
    struct aq_buffer *taken, *left;
};

static bool are_equal(const struct aq_field *field, const void *running, const void *fresh)
{
    AQ_CLEANUP_BUFFER struct aq_buffer one = {0}, other = {0};
    aq_field_to_text(field, running, &one);
    aq_field_to_text(field, fresh, &other);
    return strcmp(aq_buffer_string(&one), aq_buffer_string(&other)) == 0;
}

static void take_value(const struct aq_field *field, void *running, const void *fresh)
{
    void *to = AQ_AT(running, field);
    const void *from = AQ_AT_CONST(fresh, field);
    switch (field->type) {
    case AQ_TYPE_BOOL:
        __atomic_store_n((bool *)to, *(const bool *)from, __ATOMIC_RELAXED);
        break;
    case AQ_TYPE_ENUM:
        __atomic_store_n((uint32_t *)to, *(const uint32_t *)from, __ATOMIC_RELAXED);
        break;
    case AQ_TYPE_TEXT:
    case AQ_TYPE_NAME:
    case AQ_TYPE_DOCUMENT:
        *(const char **)to = *(const char *const *)from;
        break;
    case AQ_TYPE_TEXTS:
    case AQ_TYPE_LIST:
        *(struct aq_list *)to = *(const struct aq_list *)from;
        break;
    case AQ_TYPE_BYTES:
        *(struct aq_bytes *)to = *(const struct aq_bytes *)from;
        break;
    default:
        aq_assert(aq_field_is_number(field));
        __atomic_store_n((uint64_t *)to, *(const uint64_t *)from, __ATOMIC_RELAXED);
    }
}

static void name_field(const char *path, const struct aq_field *field, const void *fresh, bool with_value,
                       struct aq_buffer *out)
{
    aq_buffer_format(out, "%s%s", out->length > 0 ? " " : "", path);
    if (!with_value || field->rules & AQ_SECRET)
        return;
    aq_buffer_char(out, '=');
    aq_field_to_text(field, fresh, out);
}

static void take_fields(struct reload *reload, const struct aq_record *record, const char *prefix, void *running,
                        const void *fresh)
{
    for (size_t i = 0; i < record->count; i++) {
        const struct aq_field *field = &record->fields[i];
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "%s%s%s", prefix, prefix[0] ? "." : "", field->name);
        if (field->type == AQ_TYPE_RECORD) {
            take_fields(reload, field->record, path, AQ_AT(running, field), AQ_AT_CONST(fresh, field));
        } else {
            bool live = field->rules & AQ_LIVE;
            if (!are_equal(field, running, fresh))
                name_field(path, field, fresh, live, live ? reload->taken : reload->left);
            if (live) /* equal or not: all live texts are in one memory afterwards */
                take_value(field, running, fresh);
        }
    }
}

void aq_config_take_live(const struct aq_record *record, void *running, const void *fresh, struct aq_buffer *taken,
                         struct aq_buffer *left)
{
    struct reload reload = {taken, left};
    take_fields(&reload, record, "", running, fresh);
}

void aq_config_reload(const struct aq_record *record, void *running, const void *fresh)
{
    AQ_CLEANUP_BUFFER struct aq_buffer taken = {0}, left = {0};
    aq_config_take_live(record, running, fresh, &taken, &left);
    aq_journal(AQ_INFO, "settings read again", "took_effect", taken.length > 0 ? taken.data : "none", "need_restart",
               left.length > 0 ? left.data : "none", NULL);
}
