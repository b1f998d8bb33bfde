#include "schema/base/error.h"

#include "schema/base/stderr.h"
#include "schema/base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    int http;
    int number;
    const char *text;
} rows[AQ_E_COUNT] = {[AQ_OK] = {"ok", 200, 0, "done"},
#define ROW(code, name, http, number, text) [code] = {name, http, number, text},
                      AQ_ERRORS(ROW)
#undef ROW
};

_Noreturn void aq_broken(const char *file, int line, const char *what)
{
    char text[AQ_ERROR_MESSAGE_SIZE + 256];
    int length = snprintf(text, sizeof text, "broken invariant at %.200s:%d: %.500s\n", file, line, what);
    (void)aq_stderr_put(text, (size_t)length);
    abort();
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 ? c != '\n' && c != '\t' : c == 0x7F;
}

/* Replaces bytes that are not UTF-8: a "%.100s" or the end of the message may have cut a character in two, and users
 * may send anything. Replaces control characters, and what aq_utf8_harmful() knows, too: messages are shown on
 * terminals, and are sent as text fields, which may not contain any. */
static void replace_unprintable(char *text)
{
    unsigned code;
    while (*text != '\0') {
        size_t left = strnlen(text, 4), size = 1;
        while (size <= left && !aq_utf8_is_good(text, size))
            size++;
        if (size > left || is_control(*text)) {
            *text = '?';
            size = 1;
        } else if (size > 1 && aq_utf8_harmful(text, size, &code) > 0) {
            *text = '?';
            memmove(text + 1, text + size, strlen(text + size) + 1);
            size = 1;
        }
        text += size;
    }
}

static void fill(struct aq_error *error, enum aq_error_code code, const char *format, va_list args)
{
    error->code = code;
    error->retry_s = 0;
    vsnprintf(error->message, sizeof error->message, format, args);
    replace_unprintable(error->message);
}

int aq_fail(struct aq_error *error, enum aq_error_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(error, code, format, args);
    va_end(args);
    return -1;
}

static enum aq_error_code code_of(int number)
{
    switch (number) {
    case ENOENT:
        return AQ_E_NOT_FOUND;
    case EEXIST:
        return AQ_E_EXISTS;
    case EPERM:
    case EACCES:
        return AQ_E_FORBIDDEN;
    case ENOSPC:
    case EDQUOT:
        return AQ_E_NO_SPACE;
    default:
        return AQ_E_IO;
    }
}

int aq_fail_errno(struct aq_error *error, int number, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(error, code_of(number), format, args);
    va_end(args);
    size_t used = strlen(error->message);
    snprintf(error->message + used, sizeof error->message - used, ": %s", strerror(number));
    return -1;
}

int aq_error_context(struct aq_error *error, const char *format, ...)
{
    char old[AQ_ERROR_MESSAGE_SIZE];
    memcpy(old, error->message, sizeof old);
    va_list args;
    va_start(args, format);
    vsnprintf(error->message, sizeof error->message, format, args);
    va_end(args);
    size_t used = strlen(error->message);
    snprintf(error->message + used, sizeof error->message - used, ": %s", old);
    replace_unprintable(error->message);
    return -1;
}

const char *aq_error_name(enum aq_error_code code)
{
    return rows[code].name;
}

const char *aq_error_text(enum aq_error_code code)
{
    return rows[code].text;
}

int aq_error_http(enum aq_error_code code)
{
    return rows[code].http;
}

int aq_error_errno(enum aq_error_code code)
{
    return rows[code].number;
}

enum aq_error_code aq_error_from_name(const char *name)
{
    for (int code = AQ_OK; code < AQ_E_COUNT; code++)
        if (strcmp(rows[code].name, name) == 0)
            return (enum aq_error_code)code;
    return AQ_E_INTERNAL;
}
