#include "fs/tree/control.h"

#include "schema/codec/command.h"
#include "schema/codec/help.h"
#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/codec/text.h"
#include "schema/codec/yaml.h"

#include <string.h>

enum { REFUSED_SHOWN = 60 /* bytes of what was written, in an error */ };

/* ---- which form --------------------------------------------------------------------------------------- */

enum form { FORM_WORD, FORM_LINE, FORM_YAML, FORM_JSON };

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The beginning of the text decides: what follows the first word distinguishes a line from a document. */
static enum form form_of(const char *text, size_t length)
{
    if (text[0] == '{' || text[0] == '[')
        return FORM_JSON;
    if (text[0] == '#' || text[0] == '%' || (text[0] == '-' && length > 1 && (text[1] == '-' || is_blank(text[1]))))
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

/* ---- half a document ---------------------------------------------------------------------------------- */

bool control_is_piece(const char *text, size_t length)
{
    enum { UNIT = 512, LONG = 4096 };
    return length > 0 && (length % UNIT == 0 || (length > LONG && text[length - 1] != '\n'));
}

static bool has_open_quote(const char *text, size_t length)
{
    char quote = '\0';
    for (size_t i = 0; i < length; i++)
        if (text[i] == '\\' && quote != '\'')
            i++;
        else if (quote == '\0' && (text[i] == '\'' || text[i] == '"'))
            quote = text[i];
        else if (text[i] == quote)
            quote = '\0';
    return quote != '\0';
}

bool control_is_part(const char *text, size_t length)
{
    if (length == 0)
        return false;
    enum form form = form_of(text, length);
    return control_is_piece(text, length) || is_blank(text[0]) || form == FORM_YAML || form == FORM_JSON ||
           has_open_quote(text, length);
}

static bool has_field(const struct aq_record *record, const char *name, size_t length)
{
    for (size_t i = 0; i < record->count; i++)
        if (strlen(record->fields[i].name) == length && memcmp(record->fields[i].name, name, length) == 0)
            return true;
    return false;
}

static bool has_any(const char *text, size_t length, const char *bytes)
{
    for (size_t i = 0; i < length; i++)
        if (strchr(bytes, text[i]) != NULL)
            return true;
    return false;
}

/* "label: mac, version: 1" as a line of words: label=mac version=1. False: it is not so simple. */
static bool words_of_pairs(const struct aq_record *record, const char *line, size_t length, struct aq_buffer *words)
{
    bool has_key = false;
    for (size_t i = 0, size; i < length; i += size) {
        const char *word = line + i;
        for (size = 0; i + size < length && !is_blank(word[size]);)
            size++;
        if (!has_key && word[size - 1] == ':' && has_field(record, word, size - 1))
            aq_buffer_format(words, "%s%.*s=", words->length > 0 ? " " : "", (int)(size - 1), word);
        else if (has_key && word[size - 1] != ':' && !has_any(word, size, "'\"\\[{|>&*!"))
            aq_buffer_add(words, word, word[size - 1] == ',' ? size - 1 : size);
        else
            return false;
        has_key = !has_key;
        while (i + size < length && is_blank(word[size]))
            size++;
    }
    return !has_key && words->length <= REFUSED_SHOWN;
}

/* Is the value one, and no more keys after it? */
static bool is_one_value(const char *value, size_t length)
{
    for (size_t i = 1; i < length; i++)
        if (value[i - 1] == ':' && is_blank(value[i]))
            return false;
    return length > 0 && strchr("[{|>&*!", value[0]) == NULL && length <= REFUSED_SHOWN;
}

/* bash's own printf writes a document line by line, so one line of a document must never be a command. */
static int refuse_line(const struct aq_record *record, const char *line, size_t length, struct aq_error *error)
{
    const char *right = "write a document as a whole, as with cat <<X";
    const int shown = (int)(length < REFUSED_SHOWN ? length : REFUSED_SHOWN);
    AQ_CLEANUP_BUFFER struct aq_buffer words = {0};
    size_t key = 0, value;
    if (words_of_pairs(record, line, length, &words))
        return aq_fail(error, AQ_E_INVALID, "\"%.*s\" is one line of a document: write %s, or %s", shown, line,
                       aq_buffer_string(&words), right);
    while (key < length && line[key] != ':' && !is_blank(line[key]))
        key++;
    for (value = key + 1; value < length && is_blank(line[value]);)
        value++;
    if (value < length && line[key] == ':' && has_field(record, line, key) &&
        is_one_value(line + value, length - value))
        return aq_fail(error, AQ_E_INVALID, "\"%.*s\" is one line of a document: write %.*s='%.*s', or %s", shown, line,
                       (int)key, line, (int)(length - value), line + value, right);
    return aq_fail(error, AQ_E_INVALID, "\"%.*s\" is one line of a document: %s", shown, line, right);
}

/* ---- reading ------------------------------------------------------------------------------------------ */

/* A document. One that says nothing is the beginning of another. */
static json_t *read_yaml(const char *text, size_t length, struct aq_yaml_places **places, struct aq_error *error)
{
    json_t *json = aq_yaml_parse(text, length, places, error);
    if (json == NULL || !json_is_object(json) || json_object_size(json) > 0)
        return json;
    json_decref(json);
    (void)aq_fail(error, AQ_E_INVALID, "the document is empty: read this file to see what it takes");
    return NULL;
}

/* `indented`: blanks were before the text. */
static json_t *read_text(const struct aq_command *command, const char *text, size_t length, bool indented,
                         struct aq_yaml_places **places, struct aq_error *error)
{
    enum form form = form_of(text, length);
    bool one_line = memchr(text, '\n', length) == NULL;
    if (one_line && form != FORM_JSON && (indented || form == FORM_YAML)) {
        (void)refuse_line(command->record, text, length, error);
        return NULL;
    }
    switch (form) {
    case FORM_WORD:
        return aq_command_from_word(command, text, length, error);
    case FORM_LINE:
        return aq_line_parse(text, length, error);
    case FORM_YAML:
        return read_yaml(text, length, places, error);
    default:
        return aq_json_parse(text, length, error);
    }
}

/* Fails if the text names another project. */
static int set_project(const struct aq_command *command, const char *project, json_t *json, struct aq_error *error)
{
    const char *name = command->entity->project;
    const struct aq_field *field = name != NULL ? aq_record_field(command->record, name) : NULL;
    if (project == NULL || command->kind != AQ_CREATES || field == NULL || (field->rules & AQ_KEY) ||
        !json_is_object(json))
        return 0;
    const char *given = json_string_value(json_object_get(json, name));
    if (given != NULL && given[0] != '\0' && strcmp(given, project) != 0)
        return aq_fail(error, AQ_E_INVALID, "%s is \"%.100s\", but this mount is for project %s", name, given, project);
    json_object_set_new(json, name, json_string(project));
    return 0;
}

static int pack_record(const struct aq_command *command, const char *key, json_t *json,
                       const struct aq_yaml_places *places, struct aq_buffer *packed, struct aq_error *error)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    void *record = aq_arena_alloc(&arena, command->record->size);
    if (aq_command_from_json(command, key, json, places, record, &arena, error) != 0)
        return -1;
    aq_record_pack(command->record, record, packed);
    return 0;
}

int control_read(const struct aq_command *command, const char *key, const char *project, const char *text,
                 size_t length, struct aq_buffer *packed, struct aq_error *error)
{
    if (length > CONTROL_SIZE_MAX)
        return aq_fail(error, AQ_E_TOO_LARGE, "%zu bytes were written, more than %d", length, CONTROL_SIZE_MAX);
    const bool is_piece = control_is_piece(text, length);
    const size_t written = length;
    const bool indented = length > 0 && (text[0] == ' ' || text[0] == '\t');
    while (length > 0 && is_blank(text[length - 1]))
        length--;
    while (length > 0 && is_blank(*text)) {
        text++;
        length--;
    }
    if (length == 0)
        return aq_fail(error, AQ_E_INVALID, "nothing was written: read this file to see what it takes");
    if (is_piece && form_of(text, length) != FORM_JSON)
        return aq_fail(
            error, AQ_E_INVALID,
            "%zu bytes were written, as programs write the parts of a text: write it as a whole, as with cat "
            "(if it is whole, end it with an empty line)",
            written);
    if (memchr(text, '\0', length) != NULL)
        return aq_fail(error, AQ_E_INVALID, "the text holds a NUL byte");
    AQ_CLEANUP_YAML_PLACES struct aq_yaml_places *places = NULL;
    json_t *json = read_text(command, text, length, indented, &places, error);
    if (json == NULL)
        return -1;
    int status = set_project(command, project, json, error);
    if (status == 0)
        status = pack_record(command, key, json, places, packed, error);
    json_decref(json);
    return status;
}

/* ---- help --------------------------------------------------------------------------------------------- */

static void help_field(const struct aq_field *field, const char *indent, struct aq_buffer *out)
{
    aq_buffer_format(out, "%s%-16s %s (", indent, field->name, field->help);
    aq_help_field_type(field, out);
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
    aq_buffer_format(out, "Write to this file to %s. One write is one whole command.\n", command->help);
    if (command->value != NULL)
        aq_buffer_format(out, "    echo <%s> > %s\n", command->value, path);
    if (aq_command_needs_only_key(command))
        aq_buffer_format(out, "    echo 1 > %s\n", path);
    bool takes_fields = false;
    for (size_t i = 0; i < command->record->count; i++)
        takes_fields |= aq_command_takes_field(command, &command->record->fields[i]);
    if (takes_fields) {
        aq_buffer_format(out,
                         "    echo '<field>=<value> ...' > %s\n"
                         "    cat <YAML or JSON file> > %s\n"
                         "Fields:\n",
                         path, path);
        for (size_t i = 0; i < command->record->count; i++)
            if (aq_command_takes_field(command, &command->record->fields[i]))
                help_field(&command->record->fields[i], "    ", out);
    }
    aq_buffer_text(out,
                   "The result can be read from the descriptor that wrote; the text of an error is in errors/last.\n");
}
