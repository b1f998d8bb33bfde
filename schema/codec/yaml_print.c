/* The writing half of yaml.h. A text is written plain if every reader of YAML 1.1 and 1.2 reads it back as that text,
 * as a literal block if it has several lines and the block is exact, and in double quotes otherwise. */
#include "schema/base/memory.h"
#include "schema/base/utf8.h"
#include "schema/codec/yaml.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* libyaml reads longer keys only in the form "? key"; its own limit is 1024 characters. */
enum { SHORT_KEY_MAX = 1000, INDENT = 2 };

/* ---- characters --------------------------------------------------------------------------------------- */

/* Decodes the character at `text`; sets its size in bytes. Invalid UTF-8 counts as single bytes. */
static uint32_t character_at(const char *text, size_t left, size_t *size)
{
    const unsigned char *s = (const unsigned char *)text;
    *size = 1;
    size_t wanted = s[0] < 0xC2 ? 1 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    if (wanted == 1 || wanted > left)
        return s[0];
    *size = wanted;
    uint32_t c = s[0] & (0xFFu >> (wanted + 1));
    for (size_t i = 1; i < wanted; i++)
        c = c << 6 | (s[i] & 0x3F);
    return c;
}

/* May the character be written as it is? Control characters, what is harmful to readers, and what libyaml refuses may
 * not. The line breaks of YAML 1.1 (U+0085, U+2028, U+2029) are among them. */
static bool is_printable(uint32_t c)
{
    return c >= 0x20 && c != 0x7F && !aq_code_is_harmful(c) && c != 0xFFFE && c != 0xFFFF;
}

static bool all_printable(const char *text, size_t length, const char *besides)
{
    size_t size;
    for (size_t i = 0; i < length; i += size) {
        uint32_t c = character_at(text + i, length - i, &size);
        if (!is_printable(c) && (c == 0 || c > 0x7F || strchr(besides, (int)c) == NULL))
            return false;
    }
    return true;
}

/* ---- which style a text takes ------------------------------------------------------------------------- */

static bool is_word_or_number(const char *text)
{
    static const char *const words[] = {"~", "null", "true", "false", "yes", "no", "on", "off", "<<", "="};
    for (size_t i = 0; i < AQ_LENGTH(words); i++)
        if (strcasecmp(text, words[i]) == 0)
            return true;
    if (strchr("+-.0123456789", text[0]) == NULL)
        return false;
    char *end;
    (void)strtod(text, &end);
    if (text[strspn(text, "0123456789:_")] == '\0') /* YAML 1.1 has base 60: 1:30 is 90 */
        return true;
    return *end == '\0' || strcasecmp(text, ".inf") == 0 || strcasecmp(text, "-.inf") == 0 ||
           strcasecmp(text, ".nan") == 0;
}

static bool plain_is_exact(const char *text, size_t length)
{
    if (length == 0 || !all_printable(text, length, "") || is_word_or_number(text))
        return false;
    if (strchr(" ?:,[]{}#&*!|>'\"%@`", text[0]) != NULL || text[length - 1] == ' ' || text[length - 1] == ':')
        return false;
    if (strcmp(text, "-") == 0 || strncmp(text, "- ", 2) == 0 || strncmp(text, "---", 3) == 0 ||
        strncmp(text, "...", 3) == 0)
        return false;
    return strstr(text, ": ") == NULL && strstr(text, " #") == NULL;
}

/* A literal block takes its indentation from the first line, and its end from the last. */
static bool literal_is_exact(const char *text, size_t length)
{
    return memchr(text, '\n', length) != NULL && all_printable(text, length, "\n\t") &&
           strchr(" \t\n", text[0]) == NULL && (length < 2 || strcmp(text + length - 2, "\n\n") != 0);
}

/* ---- scalars ------------------------------------------------------------------------------------------ */

static void add_spaces(unsigned count, struct aq_buffer *out)
{
    while (count-- > 0)
        aq_buffer_char(out, ' ');
}

static void print_quoted(const char *text, size_t length, struct aq_buffer *out)
{
    size_t size;
    aq_buffer_char(out, '"');
    for (size_t i = 0; i < length; i += size) {
        uint32_t c = character_at(text + i, length - i, &size);
        if (c == '"' || c == '\\')
            aq_buffer_format(out, "\\%c", (char)c);
        else if (c == '\n')
            aq_buffer_text(out, "\\n");
        else if (c == '\t')
            aq_buffer_text(out, "\\t");
        else if (is_printable(c))
            aq_buffer_add(out, text + i, size);
        else
            aq_buffer_format(out, c < 0x100 ? "\\x%02X" : "\\u%04X", c);
    }
    aq_buffer_char(out, '"');
}

static void print_literal(const char *text, size_t length, unsigned indent, struct aq_buffer *out)
{
    bool ends = text[length - 1] == '\n';
    aq_buffer_text(out, ends ? "|" : "|-");
    for (const char *line = text; *line != '\0';) {
        size_t size = strcspn(line, "\n");
        aq_buffer_char(out, '\n');
        if (size > 0)
            add_spaces(indent, out);
        aq_buffer_add(out, line, size);
        line += size + (line[size] == '\n');
    }
}

static void print_text(const char *text, size_t length, unsigned indent, struct aq_buffer *out)
{
    if (strlen(text) == length && plain_is_exact(text, length))
        aq_buffer_add(out, text, length);
    else if (strlen(text) == length && literal_is_exact(text, length))
        print_literal(text, length, indent, out);
    else
        print_quoted(text, length, out);
}

/* Writes the fewest digits that read back as the same number. */
static void print_real(double value, struct aq_buffer *out)
{
    char digits[40];
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        double back = strtod(digits, NULL);
        if (!islessgreater(back, value))
            break;
    }
    aq_buffer_text(out, digits);
    if (strpbrk(digits, ".e") == NULL)
        aq_buffer_text(out, ".0"); /* otherwise it would be an integer */
}

static void print_scalar(const json_t *value, unsigned indent, struct aq_buffer *out)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        aq_buffer_text(out, "{}");
        break;
    case JSON_ARRAY:
        aq_buffer_text(out, "[]");
        break;
    case JSON_STRING:
        print_text(json_string_value(value), json_string_length(value), indent, out);
        break;
    case JSON_INTEGER:
        aq_buffer_format(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        print_real(json_real_value(value), out);
        break;
    case JSON_NULL:
        aq_buffer_text(out, "null");
        break;
    default:
        aq_buffer_text(out, json_is_true(value) ? "true" : "false");
    }
}

/* ---- blocks ------------------------------------------------------------------------------------------- */

static bool is_block(const json_t *value)
{
    return json_object_size(value) > 0 || json_array_size(value) > 0;
}

static void print_block(const json_t *value, unsigned indent, struct aq_buffer *out);

static void print_key(const char *key, unsigned indent, struct aq_buffer *out)
{
    AQ_CLEANUP_BUFFER struct aq_buffer shown = {0};
    size_t length = strlen(key);
    if (plain_is_exact(key, length))
        aq_buffer_add(&shown, key, length);
    else
        print_quoted(key, length, &shown);
    if (shown.length > SHORT_KEY_MAX) {
        aq_buffer_format(out, "? %s\n", shown.data);
        add_spaces(indent, out);
    } else {
        aq_buffer_add(out, shown.data, shown.length);
    }
    aq_buffer_char(out, ':');
}

static void print_member(const char *key, const json_t *value, unsigned indent, struct aq_buffer *out)
{
    print_key(key, indent, out);
    if (is_block(value)) {
        aq_buffer_char(out, '\n');
        add_spaces(indent + INDENT, out);
        print_block(value, indent + INDENT, out);
        return;
    }
    aq_buffer_char(out, ' ');
    print_scalar(value, indent + INDENT, out);
    aq_buffer_char(out, '\n');
}

static void print_item(const json_t *value, unsigned indent, struct aq_buffer *out)
{
    aq_buffer_text(out, "- ");
    if (is_block(value)) {
        print_block(value, indent + INDENT, out);
        return;
    }
    print_scalar(value, indent + INDENT, out);
    aq_buffer_char(out, '\n');
}

/* The indentation of the first line has been written. */
static void print_block(const json_t *value, unsigned indent, struct aq_buffer *out)
{
    const char *key;
    size_t index;
    json_t *child;
    bool first = true;
    json_object_foreach ((json_t *)value, key, child) {
        if (!first)
            add_spaces(indent, out);
        first = false;
        print_member(key, child, indent, out);
    }
    json_array_foreach (value, index, child) {
        if (index > 0)
            add_spaces(indent, out);
        print_item(child, indent, out);
    }
}

void aq_yaml_print(const json_t *value, struct aq_buffer *out)
{
    if (is_block(value)) {
        print_block(value, 0, out);
        return;
    }
    print_scalar(value, INDENT, out);
    aq_buffer_char(out, '\n');
}
