#include "tools/aq/body.h"

#include "schema/codec/json.h"
#include "schema/codec/text.h"
#include "schema/codec/yaml.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool cli_word_is_assignment(const char *word)
{
    size_t length = strcspn(word, "=");
    if (word[length] == '\0' || length == 0)
        return false;
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)word[i]) && strchr("._-", word[i]) == NULL)
            return false;
    return true;
}

/* The shell has split the line into words already: quotes keep each in one piece. */
static void add_quoted(const char *text, size_t length, struct aq_buffer *line)
{
    aq_buffer_char(line, '\'');
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\'')
            aq_buffer_text(line, "'\\''");
        else
            aq_buffer_char(line, text[i]);
    }
    aq_buffer_char(line, '\'');
}

json_t *cli_body_words(const char *const *words, unsigned count, struct aq_error *error)
{
    struct aq_buffer line = {0};
    for (unsigned i = 0; i < count; i++) {
        size_t length = strcspn(words[i], "=");
        add_quoted(words[i], length, &line);
        if (words[i][length] == '=') {
            aq_buffer_char(&line, '=');
            add_quoted(words[i] + length + 1, strlen(words[i] + length + 1), &line);
        }
        aq_buffer_char(&line, ' ');
    }
    json_t *object = aq_line_parse(aq_buffer_string(&line), line.length, error);
    aq_buffer_free(&line);
    return object;
}

/* ---- files -------------------------------------------------------------------------------------------- */

static const char *name_of(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

static int read_all(const char *path, struct aq_buffer *text, struct aq_error *error)
{
    char chunk[16384];
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return aq_fail_errno(error, errno, "%.300s", path);
    ssize_t got = 0;
    while (text->length <= AQ_YAML_SIZE_MAX) {
        got = read(fd, chunk, sizeof chunk);
        if (got == 0 || (got < 0 && errno != EINTR))
            break;
        aq_buffer_add(text, chunk, got > 0 ? (size_t)got : 0);
    }
    int number = errno;
    if (!standard)
        close(fd);
    if (got < 0)
        return aq_fail_errno(error, number, "%.300s", path);
    if (text->length > AQ_YAML_SIZE_MAX)
        return aq_fail(error, AQ_E_TOO_LARGE, "%.300s is larger than %d bytes", name_of(path), AQ_YAML_SIZE_MAX);
    return 0;
}

/* The same value with the places of its parts, if it is YAML as well; else the value itself. */
static json_t *with_places(json_t *value, const struct aq_buffer *text, struct aq_yaml_places **places)
{
    struct aq_error ignored;
    json_t *documents = aq_yaml_parse_all(aq_buffer_string(text), text->length, places, &ignored);
    if (documents != NULL && json_array_size(documents) == 1 && json_equal(json_array_get(documents, 0), value)) {
        json_decref(value);
        return documents;
    }
    aq_yaml_places_free(*places);
    *places = NULL;
    json_decref(documents);
    documents = json_array();
    json_array_append_new(documents, value);
    return documents;
}

/* A list of the documents. JSON where it parses as JSON, else YAML: most JSON is YAML too, but not all of it, and YAML
 * is rarely JSON. */
static json_t *parse(const char *path, const struct aq_buffer *text, struct aq_yaml_places **places,
                     struct aq_error *error)
{
    const char *start = aq_buffer_string(text);
    struct aq_error json_error = {0};
    json_t *value = NULL;
    size_t length = strlen(path);
    bool named_json = length > 5 && strcmp(path + length - 5, ".json") == 0;
    char first = start[strspn(start, " \t\r\n")];
    if (named_json || first == '{' || first == '[')
        value = aq_json_parse(start, text->length, &json_error);
    if (value != NULL)
        value = with_places(value, text, places);
    else if (named_json)
        *error = json_error;
    else
        value = aq_yaml_parse_all(start, text->length, places, error);
    unsigned line, column;
    if (value == NULL) { /* As compilers do: FILE:3:7: ... */
        bool placed = sscanf(error->message, "%u:%u:", &line, &column) == 2;
        struct aq_error old = *error;
        aq_fail(error, old.code, "%.200s:%s%.300s", name_of(path), placed ? "" : " ", old.message);
    }
    return value;
}

/* Adds the objects of one document. */
static int add_document(struct cli_body *body, const char *path, json_t *value, struct aq_error *error)
{
    size_t index;
    json_t *item;
    if (json_is_object(value))
        json_array_append(body->items, value);
    else if (!json_is_array(value))
        return aq_fail(error, AQ_E_INVALID, "%.300s holds neither an object nor a list of objects", name_of(path));
    json_array_foreach (value, index, item) {
        if (!json_is_object(item))
            return aq_fail(error, AQ_E_INVALID, "%.300s: item %zu of the list is not an object", name_of(path),
                           index + 1);
        json_array_append(body->items, item);
    }
    return 0;
}

/* Adds the objects of one file. */
static int add_file(struct cli_body *body, const char *path, struct aq_error *error)
{
    struct cli_body_file *file = &body->files[body->file_count++];
    struct aq_buffer text = {0};
    *file = (struct cli_body_file){.path = path};
    json_t *documents = read_all(path, &text, error) == 0 ? parse(path, &text, &file->places, error) : NULL;
    aq_buffer_free(&text);
    int status = documents != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < json_array_size(documents); i++)
        status = add_document(body, path, json_array_get(documents, i), error);
    file->end = json_array_size(body->items);
    json_decref(documents);
    return status;
}

int cli_body_read(struct cli_body *body, const struct cli_options *options, const json_t *over, struct aq_error *error)
{
    size_t index;
    json_t *item;
    *body = (struct cli_body){.items = json_array()};
    for (unsigned i = 0; i < options->file_count; i++)
        if (add_file(body, options->files[i], error) != 0)
            return -1;
    json_array_foreach (body->items, index, item) {
        int failed = over != NULL ? json_object_update_recursive(item, (json_t *)over) : 0;
        aq_assert(failed == 0);
    }
    return 0;
}

void cli_body_close(struct cli_body *body)
{
    json_decref(body->items);
    for (unsigned i = 0; i < body->file_count; i++)
        aq_yaml_places_free(body->files[i].places);
    *body = (struct cli_body){0};
}

/* ---- where the server's error is ------------------------------------------------------------------------ */

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return end_length > 0 && length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static const struct cli_body_file *file_of(const struct cli_body *body, size_t item)
{
    for (unsigned i = 0; i < body->file_count; i++)
        if (item < body->files[i].end)
            return body->files[i].places != NULL ? &body->files[i] : NULL;
    return NULL;
}

/* The server reports the error, and knows no files. When our declaration gives the same error, it also gives the place.
 */
static bool place_by_declaration(const struct cli_body *body, const struct aq_record *record, const char *message,
                                 struct aq_buffer *out)
{
    struct aq_arena arena = {0};
    void *object = aq_arena_alloc(&arena, record->size);
    bool found = false;
    size_t index;
    json_t *item;
    json_array_foreach (body->items, index, item) {
        struct aq_error error = {0};
        unsigned line, column;
        int used = 0;
        const struct cli_body_file *file = file_of(body, index);
        if (file == NULL || aq_record_from_json(record, object, item, file->places, &arena, &error) == 0)
            continue;
        found = sscanf(error.message, "%u:%u: %n", &line, &column, &used) == 2 && used > 0 &&
                ends_with(message, error.message + used);
        if (found)
            aq_buffer_format(out, "%s:%s", name_of(file->path), error.message);
        break;
    }
    aq_arena_free(&arena);
    return found;
}

/* A value that an error is about, and where it was written. */
struct trail {
    const struct aq_yaml_places *places;
    const json_t *at;
    unsigned line, column;
    bool placed;
};

/* Steps to a member, or to an item if `key` is NULL. False: there is none. */
static bool step(struct trail *trail, const char *key, size_t index)
{
    const json_t *next = key != NULL ? json_object_get(trail->at, key) : json_array_get(trail->at, index);
    if (next == NULL)
        return false;
    trail->placed = aq_yaml_place(trail->places, trail->at, key, index, &trail->line, &trail->column);
    trail->at = next;
    return true;
}

/* Follows the path at the beginning of a message: "definitions[0].options". Returns what comes after it. */
static const char *follow(struct trail *trail, const char *message)
{
    char key[65];
    for (const char *c = message;;) {
        size_t length = strspn(c, "abcdefghijklmnopqrstuvwxyz0123456789_");
        char *end;
        if (*c == '[') {
            size_t index = strtoul(c + 1, &end, 10);
            if (*end != ']' || !step(trail, NULL, index))
                return c;
            c = end + 1;
        } else if (length > 0 && length < sizeof key) {
            snprintf(key, sizeof key, "%.*s", (int)length, c);
            if (!step(trail, key, 0))
                return c;
            c += length;
        } else {
            return c;
        }
        c += *c == '.';
    }
}

/* By the path that the message begins with, and by the option that it names. */
static bool place_by_path(const struct cli_body *body, const char *message, size_t first, struct aq_buffer *out)
{
    static const char option[] = "option \"";
    unsigned number = 0;
    int used = 0;
    char name[65] = "";
    const char *text = message;
    if (sscanf(text, "item %u: %n", &number, &used) == 1 && used > 0)
        text += used;
    size_t item = first + (number > 0 ? number - 1 : 0);
    const struct cli_body_file *file = file_of(body, item);
    if (file == NULL)
        return false;
    struct trail trail = {.places = file->places, .at = json_array_get(body->items, item)};
    const char *rest = follow(&trail, text), *named = strstr(rest, option);
    if (trail.placed && named != NULL && sscanf(named + strlen(option), "%64[^\"]", name) == 1)
        (void)step(&trail, name, 0);
    if (trail.placed)
        aq_buffer_format(out, "%s:%u:%u: %s", name_of(file->path), trail.line, trail.column, text);
    return trail.placed;
}

bool cli_body_place(const struct cli_body *body, const struct aq_record *record, const char *message, size_t first,
                    struct aq_buffer *out)
{
    return place_by_declaration(body, record, message, out) || place_by_path(body, message, first, out);
}
