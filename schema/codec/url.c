#include "schema/codec/url.h"

#include "schema/base/utf8.h"

#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int aq_url_decode(char *text, bool plus, const char *what, struct aq_error *error)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        if (*from == '%') {
            int high = hex_digit(from[1]), low = high < 0 ? -1 : hex_digit(from[2]);
            if (low < 0)
                return aq_fail(error, AQ_E_INVALID, "%s holds a %% that is not followed by two hexadecimal digits",
                               what);
            if (high == 0 && low == 0)
                return aq_fail(error, AQ_E_INVALID, "%s holds a NUL byte", what);
            *to++ = (char)(high * 16 + low);
            from += 2;
        } else {
            *to++ = plus && *from == '+' ? ' ' : *from;
        }
    }
    *to = '\0';
    if (!aq_utf8_is_good(text, (size_t)(to - text)))
        return aq_fail(error, AQ_E_INVALID, "%s is not UTF-8", what);
    return 0;
}

int aq_url_split_path(char *path, const char **segments, unsigned most, unsigned *count, struct aq_error *error)
{
    *count = 0;
    if (*path != '/')
        return aq_fail(error, AQ_E_INVALID, "the path must begin with /");
    path++;
    while (path != NULL) {
        char *segment = strsep(&path, "/");
        if (*segment == '\0' && path == NULL)
            break;
        if (*segment == '\0')
            return aq_fail(error, AQ_E_NOT_FOUND, "the path has an empty part: two slashes in a row");
        if (*count == most)
            return aq_fail(error, AQ_E_NOT_FOUND, "the path has more than %u parts", most);
        if (aq_url_decode(segment, false, "the path", error) != 0)
            return -1;
        segments[(*count)++] = segment;
    }
    return 0;
}
