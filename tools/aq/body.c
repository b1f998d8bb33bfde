#include "tools/aq/body.h"

#include "schema/json.h"
#include "schema/text.h"
#include "schema/yaml.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
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

/* The shell has cut the line into words already: quotes keep each in one piece. */
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
        return aq_fail(error, AQ_E_TOO_LARGE, "%.300s is larger than %d bytes", path, AQ_YAML_SIZE_MAX);
    return 0;
}

/* JSON where it is JSON, else YAML: most JSON is YAML too, but not all of it, and the other way round never. */
static json_t *parse(const char *path, const struct aq_buffer *text, struct aq_error *error)
{
    const char *start = aq_buffer_string(text);
    struct aq_error json_error = {0};
    json_t *value = NULL;
    size_t length = strlen(path);
    bool named_json = length > 5 && strcmp(path + length - 5, ".json") == 0;
    if (named_json || strchr("{[", start[strspn(start, " \t\r\n")]) != NULL)
        value = aq_json_parse(start, text->length, &json_error);
    if (value == NULL && named_json)
        *error = json_error;
    else if (value == NULL)
        value = aq_yaml_parse(start, text->length, NULL, error);
    if (value == NULL)
        (void)aq_error_context(error, "%.200s", strcmp(path, "-") == 0 ? "standard input" : path);
    return value;
}

/* Adds the objects of one file to `items`. */
static int add_file(const char *path, json_t *items, struct aq_error *error)
{
    struct aq_buffer text = {0};
    json_t *value = read_all(path, &text, error) == 0 ? parse(path, &text, error) : NULL;
    aq_buffer_free(&text);
    if (value == NULL)
        return -1;
    int status = 0;
    size_t index;
    json_t *item;
    if (json_is_object(value)) {
        json_array_append(items, value);
    } else if (json_is_array(value)) {
        json_array_foreach (value, index, item) {
            if (!json_is_object(item))
                status = aq_fail(error, AQ_E_INVALID, "%.300s: item %zu of the list is no object", path, index);
            json_array_append(items, item);
        }
    } else {
        status = aq_fail(error, AQ_E_INVALID, "%.300s holds neither an object nor a list of objects", path);
    }
    json_decref(value);
    return status;
}

json_t *cli_body_items(const struct cli_options *options, const json_t *over, struct aq_error *error)
{
    json_t *items = json_array();
    size_t index;
    json_t *item;
    for (unsigned i = 0; i < options->file_count; i++) {
        if (add_file(options->files[i], items, error) != 0) {
            json_decref(items);
            return NULL;
        }
    }
    json_array_foreach (items, index, item) {
        int failed = json_object_update_recursive(item, (json_t *)over);
        aq_assert(failed == 0);
    }
    return items;
}
