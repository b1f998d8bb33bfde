#include "schema/codec/config.h"

#include "schema/base/files.h"
#include "schema/base/utf8.h"
#include "schema/codec/json.h"
#include "schema/codec/preset.h"
#include "schema/codec/text.h"
#include "schema/codec/yaml.h"

#include <stdio.h>
#include <string.h>

AQ_DEFINE_WORDS(aq_level, AQ_LOG_LEVELS)

/* ---- a file ------------------------------------------------------------------------------------------- */

/* Prepends the file's name, as compilers do: "file:3:7: ..." if the place is known, "file: ..." otherwise. Returns -1.
 */
static int add_path(const char *path, struct aq_error *error)
{
    struct aq_error old = *error;
    unsigned line, column;
    int used = 0;
    bool placed = sscanf(old.message, "%u:%u:%n", &line, &column, &used) == 2 && used > 0;
    return aq_fail(error, old.code, "%.200s:%s%.300s", path, placed ? "" : " ", old.message);
}

int aq_config_load(const struct aq_record *record, void *object, const char *path, struct aq_arena *arena,
                   struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    AQ_CLEANUP_YAML_PLACES struct aq_yaml_places *places = NULL;
    if (aq_file_read(AT_FDCWD, path, AQ_YAML_SIZE_MAX, &text, error) != 0)
        return -1;
    AQ_CLEANUP_JSON json_t *json = aq_yaml_parse(aq_buffer_string(&text), text.length, &places, error);
    if (json == NULL || aq_record_from_json(record, object, json, places, arena, error) != 0)
        return add_path(path, error);
    return 0;
}

/* ---- one setting -------------------------------------------------------------------------------------- */

/* Fails with the error that a file with this key would give: {"api": {"prot": true}} can fail only at its one leaf. */
static int fail_unknown(const struct aq_record *record, const char *key, struct aq_error *error)
{
    AQ_CLEANUP_ARENA struct aq_arena scratch = {0};
    void *object = aq_arena_alloc(&scratch, record->size);
    char *path = aq_arena_text(&scratch, key, strlen(key));
    AQ_CLEANUP_JSON json_t *json = json_true();
    for (char *dot; (dot = strrchr(path, '.')) != NULL; *dot = '\0')
        json = json_pack("{s:o}", dot + 1, json);
    json = json_pack("{s:o}", path, json);
    aq_assert(json != NULL);
    if (aq_record_from_json(record, object, json, NULL, &scratch, error) == 0)
        aq_fail(error, AQ_E_INVALID, "%.100s is not known", key);
    return -1;
}

/* Finds the field that `key` names and the object it is in, from `*object` down. */
static int find_setting(const struct aq_record *record, const char *key, void **object, const struct aq_field **found,
                        struct aq_error *error)
{
    const struct aq_record *level = record;
    for (const char *part = key;;) {
        char name[64];
        size_t length = strcspn(part, ".");
        const struct aq_field *field = NULL;
        if (length < sizeof name) {
            memcpy(name, part, length);
            name[length] = '\0';
            field = aq_record_field(level, name);
        }
        if (field == NULL || (field->rules & AQ_INTERNAL))
            return fail_unknown(record, key, error);
        if (part[length] == '\0') {
            *found = field;
            return 0;
        }
        if (field->type != AQ_TYPE_RECORD)
            return aq_fail(error, AQ_E_INVALID, "%.100s is not known: %.*s has no parts", key,
                           (int)(part + length - key), key);
        *object = AQ_AT(*object, field);
        level = field->record;
        part += length + 1;
    }
}

/* Is the text a JSON list? It is then no value of a setting that is one text. "[::1]" is none. */
static bool is_list(const char *text)
{
    struct aq_error ignored;
    AQ_CLEANUP_JSON json_t *json = text[0] == '[' ? aq_json_parse(text, strlen(text), &ignored) : NULL;
    return json_is_array(json);
}

int aq_config_set(const struct aq_record *record, void *object, const char *assignment, struct aq_arena *arena,
                  struct aq_error *error)
{
    const struct aq_field *field = NULL;
    void *holder = object;
    char key[256];
    size_t length = strcspn(assignment, "=");
    if (assignment[length] == '\0')
        return aq_fail(error, AQ_E_INVALID, "\"%.100s\" is not key=value", assignment);
    if (length == 0 || length >= sizeof key || !aq_utf8_is_good(assignment, length))
        return aq_fail(error, AQ_E_INVALID, "\"%.100s\" does not begin with the name of a setting", assignment);
    memcpy(key, assignment, length);
    key[length] = '\0';
    if (find_setting(record, key, &holder, &field, error) != 0)
        return -1;
    if (field->type != AQ_TYPE_DOCUMENT && aq_field_is_text(field) && is_list(assignment + length + 1))
        return aq_fail(error, AQ_E_INVALID, "%s is %.100s, a list, but must be one text", key, assignment + length + 1);
    /* Set it in a copy first, because a value out of bounds is stored before it is checked. */
    void *copy = aq_arena_alloc(arena, record->size);
    memcpy(copy, object, record->size);
    void *place = (char *)copy + ((char *)holder - (char *)object);
    if (aq_field_from_text(field, place, assignment + length + 1, key, arena, error) != 0)
        return -1;
    memcpy(object, copy, record->size);
    return 0;
}

/* ---- a command line ----------------------------------------------------------------------------------- */

int aq_config_read(const struct aq_record *record, void *object, const struct aq_arguments *arguments,
                   struct aq_arena *arena, struct aq_error *error)
{
    const char *file = aq_arguments_settings_file(arguments);
    aq_record_init(record, object, arena);
    if (file != NULL && aq_config_load(record, object, file, arena, error) != 0)
        return -1;
    for (size_t i = 0; i < arguments->assignment_count; i++)
        if (aq_config_set(record, object, arguments->assignments[i], arena, error) != 0)
            return -1;
    return 0;
}
