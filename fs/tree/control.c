#include "fs/tree/control.h"

#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/codec/text.h"
#include "schema/codec/yaml.h"
#include "schema/model/label.h"

#include <inttypes.h>
#include <string.h>

static const struct aq_field *key_field(const struct aq_command *command)
{
    return command->kind == AQ_CREATES ? NULL : &command->record->fields[0];
}

/* Can the command be given without saying anything beyond which row it is about? */
static bool needs_no_words(const struct aq_command *command)
{
    if (key_field(command) == NULL)
        return false;
    for (size_t i = 1; i < command->record->count; i++)
        if (command->record->fields[i].rules & AQ_REQUIRED)
            return false;
    return true;
}

/* ---- which form --------------------------------------------------------------------------------------- */

enum form { FORM_WORD, FORM_LINE, FORM_YAML, FORM_JSON };

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* By its beginning: what stands behind the first word tells a line from a document. */
static enum form form_of(const char *text, size_t length)
{
    if (text[0] == '{' || text[0] == '[')
        return FORM_JSON;
    if (text[0] == '#' || (text[0] == '-' && length > 1 && (text[1] == '-' || is_blank(text[1]))))
        return FORM_YAML;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '=' || text[i] == '\'' || text[i] == '"' || text[i] == '\\')
            return FORM_LINE;
        if (text[i] == ':' && (i + 1 == length || is_blank(text[i + 1])))
            return FORM_YAML;
        if (is_blank(text[i]))
            return FORM_LINE;
    }
    return FORM_WORD;
}

/* ---- reading ------------------------------------------------------------------------------------------ */

static json_t *read_word(const struct aq_command *command, const char *text, size_t length, struct aq_error *error)
{
    static const char *const yes[] = {"1", "yes", "true"};
    if (command->value != NULL) {
        json_t *word = json_stringn(text, length);
        if (word == NULL) {
            (void)aq_fail(error, AQ_E_INVALID, "%s is not valid UTF-8", command->value);
            return NULL;
        }
        return json_pack("{s:o}", command->value, word);
    }
    if (needs_no_words(command)) {
        for (size_t i = 0; i < AQ_LENGTH(yes); i++)
            if (length == strlen(yes[i]) && memcmp(text, yes[i], length) == 0)
                return json_object();
        (void)aq_fail(error, AQ_E_INVALID, "%s is \"%.*s\", but must be 1, yes or true: nothing else can be meant",
                      command->verb, (int)(length < 100 ? length : 100), text);
        return NULL;
    }
    (void)aq_fail(error, AQ_E_INVALID, "\"%.*s\" is not field=value, and no document: read this file for what it takes",
                  (int)(length < 100 ? length : 100), text);
    return NULL;
}

static json_t *read_text(const struct aq_command *command, const char *text, size_t length,
                         struct aq_yaml_places **places, struct aq_error *error)
{
    switch (form_of(text, length)) {
    case FORM_WORD:
        return read_word(command, text, length, error);
    case FORM_LINE:
        return aq_line_parse(text, length, error);
    case FORM_YAML:
        return aq_yaml_parse(text, length, places, error);
    default:
        return aq_json_parse(text, length, error);
    }
}

/* Puts the row's key where the command has it. Naming the row once more is fine, naming another is not. */
static int set_key(const struct aq_command *command, const char *key, json_t *json, struct aq_error *error)
{
    const struct aq_field *field = key_field(command);
    if (field == NULL)
        return 0;
    const json_t *given = json_object_get(json, field->name);
    char number[32];
    const char *text = json_string_value(given);
    if (json_is_integer(given)) {
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(given));
        text = number;
    }
    if (given != NULL && (text == NULL || strcmp(text, key) != 0))
        return aq_fail(error, AQ_E_INVALID, "%s is %.100s%s, but this file is about %s: leave it out", field->name,
                       text ? "" : "something else", text ? text : "", key);
    int failed = json_object_set_new(json, field->name, json_string(key));
    aq_assert(failed == 0);
    return 0;
}

static int to_record(const struct aq_command *command, const char *key, json_t *json,
                     const struct aq_yaml_places *places, struct aq_buffer *packed, struct aq_error *error)
{
    if (!json_is_object(json))
        return aq_fail(error, AQ_E_INVALID, "the document must be an object: names with values");
    if (command == &aq_command_label_create && aq_label_from_flat(json, error) != 0)
        return -1;
    if (set_key(command, key, json, error) != 0)
        return -1;
    struct aq_arena arena = {0};
    void *object = aq_arena_alloc(&arena, command->record->size);
    int status = aq_record_from_json(command->record, object, json, places, &arena, error);
    if (status == 0)
        aq_record_pack(command->record, object, packed);
    aq_arena_free(&arena);
    return status;
}

int control_read(const struct aq_command *command, const char *key, const char *text, size_t length,
                 struct aq_buffer *packed, struct aq_error *error)
{
    if (length > CONTROL_SIZE_MAX)
        return aq_fail(error, AQ_E_TOO_LARGE, "%zu bytes were written, more than %d", length, CONTROL_SIZE_MAX);
    while (length > 0 && is_blank(text[length - 1]))
        length--;
    while (length > 0 && is_blank(*text)) {
        text++;
        length--;
    }
    if (length == 0)
        return aq_fail(error, AQ_E_INVALID, "nothing was written: read this file for what it takes");
    if (memchr(text, '\0', length) != NULL)
        return aq_fail(error, AQ_E_INVALID, "what was written holds a NUL byte");
    struct aq_yaml_places *places = NULL;
    json_t *json = read_text(command, text, length, &places, error);
    if (json == NULL)
        return -1;
    int status = to_record(command, key, json, places, packed, error);
    aq_yaml_places_free(places);
    json_decref(json);
    return status;
}

/* ---- help --------------------------------------------------------------------------------------------- */

static const char *kind_of(const struct aq_field *field)
{
    switch (field->type) {
    case AQ_TYPE_U64:
        return "number";
    case AQ_TYPE_BOOL:
        return "true or false";
    case AQ_TYPE_TIME:
        return "time";
    case AQ_TYPE_DURATION:
        return "duration such as 1h30m";
    case AQ_TYPE_CPU:
        return "cores such as 0.5";
    case AQ_TYPE_SIZE:
        return "size such as 512MiB";
    case AQ_TYPE_NAME:
        return "name";
    case AQ_TYPE_DOCUMENT:
        return "JSON object";
    case AQ_TYPE_BYTES:
        return "base64";
    case AQ_TYPE_TEXTS:
        return "list of texts";
    case AQ_TYPE_RECORD:
        return "group of fields";
    case AQ_TYPE_LIST:
        return "list of groups of fields";
    default:
        return "text";
    }
}

static void help_field(const struct aq_field *field, const char *indent, struct aq_buffer *out)
{
    aq_buffer_format(out, "%s%-16s %s (", indent, field->name, field->help);
    if (field->type == AQ_TYPE_ENUM)
        aq_words_list(field->words, out);
    else
        aq_buffer_text(out, kind_of(field));
    aq_buffer_text(out, field->rules & AQ_REQUIRED ? "; must be given)\n" : ")\n");
    if (field->record != NULL) {
        char deeper[64];
        snprintf(deeper, sizeof deeper, "%s    ", indent);
        control_help_fields(field->record, deeper, out);
    }
}

void control_help_fields(const struct aq_record *record, const char *indent, struct aq_buffer *out)
{
    for (size_t i = 0; i < record->count; i++)
        if (!(record->fields[i].rules & (AQ_INTERNAL | AQ_SECRET)))
            help_field(&record->fields[i], indent, out);
}

void control_help(const struct aq_command *command, const char *path, struct aq_buffer *out)
{
    aq_buffer_format(out, "Write here to %s. One write is one whole command.\n", command->help);
    if (command->value != NULL)
        aq_buffer_format(out, "    echo <%s> > %s\n", command->value, path);
    if (needs_no_words(command))
        aq_buffer_format(out, "    echo 1 > %s\n", path);
    size_t first = command->kind == AQ_CREATES ? 0 : 1; /* which row it is about is known */
    bool takes_fields = false;
    for (size_t i = first; i < command->record->count; i++)
        takes_fields |= !(command->record->fields[i].rules & (AQ_INTERNAL | AQ_SECRET));
    if (takes_fields) {
        aq_buffer_format(out,
                         "    echo '<field>=<value> ...' > %s\n"
                         "    cat <YAML or JSON file> > %s\n"
                         "Fields:\n",
                         path, path);
        for (size_t i = first; i < command->record->count; i++)
            if (!(command->record->fields[i].rules & (AQ_INTERNAL | AQ_SECRET)))
                help_field(&command->record->fields[i], "    ", out);
    }
    aq_buffer_text(out,
                   "What came of it can be read on the descriptor that wrote; an error's words are in errors/last.\n");
}
