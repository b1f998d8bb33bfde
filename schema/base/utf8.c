#include "schema/base/utf8.h"

bool aq_name_is_good(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alnum && (i == 0 || (c != '.' && c != '_' && c != '-')))
            return false;
    }
    return true;
}

/* The length of the UTF-8 sequence at `s`; 0 if it is not valid. RFC 3629: no overlong forms, no surrogates,
 * nothing above U+10FFFF. */
static size_t utf8_sequence(const unsigned char *s, size_t left)
{
    if (s[0] < 0x80)
        return 1;
    size_t n = s[0] >= 0xC2 && s[0] <= 0xDF   ? 2
               : s[0] >= 0xE0 && s[0] <= 0xEF ? 3
               : s[0] >= 0xF0 && s[0] <= 0xF4 ? 4
                                              : 0;
    if (n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF0 && s[1] < 0x90) ||
        (s[0] == 0xF4 && s[1] > 0x8F))
        return 0;
    return n;
}

bool aq_utf8_is_good(const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t n = utf8_sequence((const unsigned char *)text + i, length - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

bool aq_code_is_harmful(unsigned c)
{
    bool control = c >= 0x80 && c < 0xA0, separator = c == 0x2028 || c == 0x2029 || c == 0xFEFF;
    bool direction =
        c == 0x61C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
    return control || separator || direction;
}

/* The first byte tells those that are harmful from most that are not. */
size_t aq_utf8_harmful(const char *text, size_t left, unsigned *code)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t size = s[0] == 0xC2 || s[0] == 0xD8 ? 2 : s[0] == 0xE2 || s[0] == 0xEF ? 3 : 0;
    if (size == 0 || size > left)
        return 0;
    unsigned c = s[0] & (0xFFU >> (size + 1));
    for (size_t i = 1; i < size; i++)
        c = c << 6 | (s[i] & 0x3F);
    *code = c;
    return aq_code_is_harmful(c) ? size : 0;
}

bool aq_utf8_has_harmful(const char *text, size_t length)
{
    unsigned code;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] >= 0x80 && aq_utf8_harmful(text + i, length - i, &code) > 0)
            return true;
    return false;
}
