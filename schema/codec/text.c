#include "schema/codec/text.h"

#include "schema/codec/check.h"
#include "schema/codec/json_value.h"
#include "schema/codec/word.h"
#include "schema/codec/yaml.h"

#include <string.h>

/* Without the blanks around it. */
static int add_item(struct aq_list *list, const char *text, size_t length, const char *path, struct aq_arena *arena,
                    struct aq_error *error)
{
    while (length > 0 && strchr(" \t", text[length - 1]) != NULL)
        length--;
    for (; length > 0 && strchr(" \t", *text) != NULL; length--)
        text++;
    if (length == 0)
        return aq_fail(error, AQ_E_INVALID, "%s[%u] is empty", path, list->count);
    AQ_TEXT_ITEM(*list, list->count++) = aq_arena_text(arena, text, length);
    return 0;
}

/* "x:y,z:w" */
static int texts_from_words(struct aq_list *list, const char *text, const char *path, struct aq_arena *arena,
                            struct aq_error *error)
{
    uint32_t count = 1;
    for (const char *c = text; *c != '\0'; c++)
        count += *c == ',';
    list->items = aq_arena_alloc(arena, count * sizeof(char *));
    for (uint32_t i = 0; i < count; i++) {
        size_t length = strcspn(text, ",");
        if (add_item(list, text, length, path, arena, error) != 0)
            return -1;
        text += length + (text[length] == ',');
    }
    return 0;
}

/* A list as in a document: ["x:y"], or [x:y, z:w]. */
static int texts_from_list(struct aq_list *list, const char *text, const char *path, struct aq_arena *arena,
                           struct aq_error *error)
{
    struct aq_error ignored;
    AQ_CLEANUP_JSON json_t *json = aq_yaml_parse(text, strlen(text), NULL, &ignored);
    size_t index;
    json_t *item;
    if (!json_is_array(json))
        return aq_fail(error, AQ_E_INVALID, "%s is \"%.100s\", but must be a list such as a,b or [\"a\", \"b\"]", path,
                       text);
    list->items = aq_arena_alloc(arena, json_array_size(json) * sizeof(char *));
    json_array_foreach (json, index, item) {
        if (!json_is_string(item))
            return aq_fail(error, AQ_E_INVALID, "%s[%zu] must be a text", path, index);
        AQ_TEXT_ITEM(*list, list->count++) = aq_arena_text(arena, json_string_value(item), json_string_length(item));
    }
    return 0;
}

static int texts_from_text(const struct aq_field *field, struct aq_list *list, const char *text, const char *path,
                           struct aq_arena *arena, struct aq_error *error)
{
    *list = (struct aq_list){0};
    text += strspn(text, " \t");
    if (text[0] == '\0')
        return 0;
    if ((field->rules & AQ_ARGUMENTS) && text[0] != '[')
        return aq_arguments_from_text(text, list, arena, error) == 0 ? 0 : aq_error_context(error, "%s", path);
    return text[0] == '[' || text[0] == '{' ? texts_from_list(list, text, path, arena, error)
                                            : texts_from_words(list, text, path, arena, error);
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
        if (texts_from_text(field, at, text, path, arena, error) != 0)
            return -1;
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
    return aq_field_check_typed(field, object, path, error);
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
