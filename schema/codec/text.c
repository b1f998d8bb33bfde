#include "schema/codec/text.h"

#include "schema/codec/check.h"
#include "schema/codec/json_value.h"

#include <string.h>

static void texts_from_text(struct aq_list *list, const char *text, struct aq_arena *arena)
{
    uint32_t count = text[0] != '\0';
    for (const char *c = text; *c != '\0'; c++)
        count += *c == ',';
    list->items = aq_arena_alloc(arena, count * sizeof(char *));
    list->count = 0;
    while (list->count < count) {
        size_t length = strcspn(text, ",");
        AQ_TEXT_ITEM(*list, list->count++) = aq_arena_text(arena, text, length);
        text += length + (text[length] == ',');
    }
}

static int document_from_text(const char **document, const char *text, const char *path, struct aq_arena *arena,
                              struct aq_error *error)
{
    AQ_CLEANUP_JSON json_t *json = aq_json_parse(text, strlen(text), error);
    if (json == NULL)
        return aq_error_context(error, "%s", path);
    if (!json_is_object(json))
        return aq_fail(error, AQ_E_INVALID, "%s must be a JSON object", path);
    *document = aq_json_compact(json, arena);
    return 0;
}

int aq_field_from_text(const struct aq_field *field, void *object, const char *text, const char *path,
                       struct aq_arena *arena, struct aq_error *error)
{
    void *at = AQ_AT(object, field);
    uint64_t number = 0;
    switch (field->type) {
    case AQ_TYPE_TEXT:
    case AQ_TYPE_NAME:
        *(const char **)at = aq_arena_text(arena, text, strlen(text));
        break;
    case AQ_TYPE_DOCUMENT:
        if (document_from_text(at, text, path, arena, error) != 0)
            return -1;
        break;
    case AQ_TYPE_TEXTS:
        texts_from_text(at, text, arena);
        break;
    case AQ_TYPE_BYTES:
    case AQ_TYPE_RECORD:
    case AQ_TYPE_LIST:
        return aq_fail(error, AQ_E_INVALID, "%s is \"%.100s\", but must be %s", path, text,
                       field->type == AQ_TYPE_LIST ? "a list" : "an object");
    default:
        if (aq_number_from_text(field, text, path, &number, error) != 0)
            return -1;
        if (field->type == AQ_TYPE_ENUM)
            *(uint32_t *)at = (uint32_t)number;
        else if (field->type == AQ_TYPE_BOOL)
            *(bool *)at = number != 0;
        else
            *(uint64_t *)at = number;
    }
    return aq_field_check(field, object, path, error);
}

/* Levenshtein; names are short. */
unsigned aq_text_distance(const char *a, const char *b)
{
    unsigned row[65];
    size_t n = strlen(b);
    if (n > 64 || strlen(a) > 64)
        return 99;
    for (unsigned j = 0; j <= n; j++)
        row[j] = j;
    for (unsigned i = 1; a[i - 1] != '\0'; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= n; j++) {
            unsigned replace = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            unsigned least = row[j] + 1 < row[j - 1] + 1 ? row[j] + 1 : row[j - 1] + 1;
            row[j] = replace < least ? replace : least;
        }
    }
    return row[n];
}
