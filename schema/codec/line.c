/* Reads a command from one line: aq_line_parse() of text.h.
 *
 * The line is split into words as a shell would split it, each word at its first '=' outside quotes, and the key at its
 * dots. All values stay texts; the record that they are read into knows their types. */
#include "schema/base/memory.h"
#include "schema/base/utf8.h"
#include "schema/codec/text.h"

#include <string.h>

enum { LINE_SIZE_MAX = 128 * 1024, LINE_WORDS_MAX = 128, LINE_DEPTH_MAX = 8 };

struct word {
    struct aq_buffer text; /* quotes and backslashes resolved */
    size_t equals;         /* position of the first '=' that was not quoted */
    bool has_equals;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Reads quoted text, which begins after the opening quote. Returns the end of it, after the closing quote; NULL if
 * there is none. */
static const char *read_quoted(const char *c, const char *end, char quote, struct word *word)
{
    for (; c < end && *c != quote; c++) {
        if (quote == '"' && *c == '\\' && end - c > 1 && (c[1] == '"' || c[1] == '\\'))
            c++;
        aq_buffer_char(&word->text, *c);
    }
    return c < end ? c + 1 : NULL;
}

/* Reads the word at `*cursor`, which is not blank, and moves the cursor past it. */
static int read_word(const char **cursor, const char *end, struct word *word, struct aq_error *error)
{
    const char *c = *cursor;
    aq_buffer_reset(&word->text);
    aq_buffer_text(&word->text, "");
    word->has_equals = false;
    while (c < end && !is_blank(*c)) {
        if (*c == '\'' || *c == '"') {
            char quote = *c;
            c = read_quoted(c + 1, end, quote, word);
            if (c == NULL)
                return aq_fail(error, AQ_E_INVALID, "a quote (%c) is not closed", quote);
            continue;
        }
        if (*c == '\\') {
            if (++c == end)
                return aq_fail(error, AQ_E_INVALID, "the line ends in a backslash");
        } else if (*c == '=' && !word->has_equals) {
            word->has_equals = true;
            word->equals = word->text.length;
        }
        aq_buffer_char(&word->text, *c++);
    }
    *cursor = c;
    return 0;
}

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

static int read_words(const char *line, size_t length, struct word *word, json_t *root, struct aq_error *error)
{
    const char *end = line + length;
    unsigned words = 0;
    for (const char *c = line; c < end;) {
        if (is_blank(*c)) {
            c++;
            continue;
        }
        if (++words > LINE_WORDS_MAX)
            return aq_fail(error, AQ_E_TOO_LARGE, "the line has more than %d words", LINE_WORDS_MAX);
        if (read_word(&c, end, word, error) != 0)
            return -1;
        char *text = word->text.data;
        if (!word->has_equals)
            return aq_fail(error, AQ_E_INVALID, "\"%.100s\" is not field=value", text);
        text[word->equals] = '\0';
        if (add_member(root, text, text + word->equals + 1, error) != 0)
            return -1;
    }
    return 0;
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
    struct word word = {0};
    if (read_words(line, length, &word, root, error) != 0) {
        json_decref(root);
        root = NULL;
    }
    aq_buffer_free(&word.text);
    return root;
}
