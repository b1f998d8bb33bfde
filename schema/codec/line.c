/* Reads a command from one line: aq_line_parse() of text.h.
 *
 * The line is split into words as a shell would split it, each word at its first '=' outside quotes, and the key at its
 * dots. All values stay texts; the record that they are read into knows their types. */
#include "schema/base/memory.h"
#include "schema/base/utf8.h"
#include "schema/codec/text.h"
#include "schema/codec/word.h"

#include <string.h>

enum { LINE_SIZE_MAX = 128 * 1024, LINE_WORDS_MAX = 128, LINE_DEPTH_MAX = 8 };

/* Returns the object that is member `key` of `parent`, creating it if it is missing; NULL if the member is a text. */
static json_t *open_group(json_t *parent, const char *key)
{
    json_t *group = json_object_get(parent, key);
    if (group == NULL) {
        group = json_object();
        int failed = json_object_set_new(parent, key, group);
        aq_assert(failed == 0);
    }
    return json_is_object(group) ? group : NULL;
}

/* Stores `value` at `path`. Replaces the dots in `path` by NULs. */
static int add_member(json_t *root, char *path, const char *value, struct aq_error *error)
{
    json_t *parent = root;
    char *key = path;
    const char *whole = path;
    unsigned depth = 1;
    for (char *dot; (dot = strchr(key, '.')) != NULL; key = dot + 1) {
        if (++depth > LINE_DEPTH_MAX)
            return aq_fail(error, AQ_E_INVALID, "\"%.100s\" has more than %d parts", whole, LINE_DEPTH_MAX);
        *dot = '\0';
        if (key[0] == '\0')
            break;
        parent = open_group(parent, key);
        *dot = '.';
        if (parent == NULL)
            return aq_fail(error, AQ_E_INVALID, "\"%.100s\" is given below a key that has a value", whole);
    }
    if (key[0] == '\0')
        return aq_fail(error, AQ_E_INVALID, "a key is empty");
    json_t *old = json_object_get(parent, key);
    if (old != NULL)
        return aq_fail(error, AQ_E_INVALID, "\"%.100s\" %s", whole,
                       json_is_object(old) ? "has a value, and so do keys below it" : "is given twice");
    int failed = json_object_set_new(parent, key, json_string(value));
    aq_assert(failed == 0);
    return 0;
}

static int read_words(const char *line, size_t length, struct aq_word *word, json_t *root, struct aq_error *error)
{
    const char *c = line;
    unsigned words = 0;
    int got;
    while ((got = aq_word_read(&c, line + length, word, error)) > 0) {
        if (++words > LINE_WORDS_MAX)
            return aq_fail(error, AQ_E_TOO_LARGE, "the line has more than %d words", LINE_WORDS_MAX);
        char *text = word->text.data;
        if (!word->has_equals)
            return aq_fail(error, AQ_E_INVALID, "\"%.100s\" is not field=value", text);
        text[word->equals] = '\0';
        if (add_member(root, text, text + word->equals + 1, error) != 0)
            return -1;
    }
    return got;
}

json_t *aq_line_parse(const char *line, size_t length, struct aq_error *error)
{
    if (length > LINE_SIZE_MAX) {
        aq_fail(error, AQ_E_TOO_LARGE, "the line is %zu bytes long, more than %d", length, LINE_SIZE_MAX);
        return NULL;
    }
    if (length > 0 && memchr(line, '\0', length) != NULL) {
        aq_fail(error, AQ_E_INVALID, "the line contains a NUL byte");
        return NULL;
    }
    if (!aq_utf8_is_good(line, length)) {
        aq_fail(error, AQ_E_INVALID, "the line is not valid UTF-8");
        return NULL;
    }
    json_t *root = json_object();
    struct aq_word word = {0};
    if (read_words(line, length, &word, root, error) != 0) {
        json_decref(root);
        root = NULL;
    }
    aq_buffer_free(&word.text);
    return root;
}
