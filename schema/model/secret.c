#include "schema/model/secret.h"

#include <stdio.h>
#include <string.h>

AQ_DEFINE(aq_boxed, "sealed", 1, "a secret, encrypted")
AQ_DEFINE(aq_wrap, "wrap", 1, "a data key, encrypted")
AQ_DEFINE(aq_secret, "secret", 1, "a secret in the clear")

enum { KEY_MAX = 64 };

const struct aq_boxed *aq_boxed_named(const struct aq_list *sealed, const char *name)
{
    for (uint32_t i = 0; i < sealed->count; i++) {
        const struct aq_boxed *one = AQ_ITEM(*sealed, struct aq_boxed, i);
        if (strcmp(one->name, name) == 0)
            return one;
    }
    return NULL;
}

const char *aq_secret_value(const struct aq_list *secrets, const char *name)
{
    for (uint32_t i = 0; i < secrets->count; i++)
        if (strcmp(AQ_ITEM(*secrets, struct aq_secret, i)->name, name) == 0)
            return AQ_ITEM(*secrets, struct aq_secret, i)->value;
    return NULL;
}

/* ---- fields that are secrets ------------------------------------------------------------------------------ */

struct visit {
    aq_sealed_text_fn *each;
    void *context;
};

static bool has_sealed(const struct aq_record *record)
{
    bool has = false;
    for (size_t i = 0; i < record->count && !has; i++)
        has = (record->fields[i].rules & AQ_SEALED) ||
              (record->fields[i].record != NULL && has_sealed(record->fields[i].record));
    return has;
}

static int visit_record(const struct visit *visit, const struct aq_record *record, void *object, const char *path,
                        struct aq_error *error)
{
    char inner[320];
    int status = 0;
    for (size_t i = 0; i < record->count && status == 0; i++) {
        const struct aq_field *field = &record->fields[i];
        snprintf(inner, sizeof inner, "%s%s%s", path, path[0] != '\0' ? "." : "", field->name);
        if (field->rules & AQ_SEALED)
            status = visit->each(visit->context, inner, AQ_AT(object, field), error);
        if (field->record == NULL || !has_sealed(field->record))
            continue;
        if (field->type == AQ_TYPE_RECORD)
            status = visit_record(visit, field->record, AQ_AT(object, field), inner, error);
        const struct aq_list *list = AQ_AT(object, field);
        for (uint32_t k = 0; field->type == AQ_TYPE_LIST && k < list->count && status == 0; k++) {
            snprintf(inner, sizeof inner, "%s%s%s[%u]", path, path[0] != '\0' ? "." : "", field->name, k);
            status = visit_record(visit, field->record, (char *)list->items + k * field->record->size, inner, error);
        }
    }
    return status;
}

int aq_sealed_texts(const struct aq_record *record, void *object, aq_sealed_text_fn *each, void *context,
                    struct aq_error *error)
{
    const struct visit visit = {each, context};
    return visit_record(&visit, record, object, "", error);
}

/* ---- metadata --------------------------------------------------------------------------------------------- */

bool aq_secrets_have(const struct aq_list *secrets, const char *key)
{
    return aq_texts_have(secrets, key) || aq_texts_have(secrets, "*");
}

bool aq_secret_key_is_good(const char *key)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    const size_t length = strlen(key);
    return length >= 1 && length <= KEY_MAX && key[0] != '.' && key[0] != '-' && strspn(key, letters) == length;
}
