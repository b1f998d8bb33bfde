#include "tools/aq/say.h"

#include "schema/base/utf8.h"
#include "schema/model/record.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { NOT_UTF8 = 0xFFFFFFFF };

static bool out_is_terminal, err_is_terminal, may_colour;

void cli_say_open(void)
{
    /* The C library knows the width of characters only in a UTF-8 locale; messages stay in English. */
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        setlocale(LC_CTYPE, "");
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    out_is_terminal = isatty(STDOUT_FILENO);
    err_is_terminal = isatty(STDERR_FILENO);
    may_colour = (no_colour == NULL || no_colour[0] == '\0') && term != NULL && strcmp(term, "dumb") != 0;
}

bool cli_on_terminal(void)
{
    return out_is_terminal;
}

bool cli_in_colour(void)
{
    return out_is_terminal && may_colour;
}

static struct winsize terminal_size(void)
{
    struct winsize size;
    if (!out_is_terminal || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return (struct winsize){0};
    return size;
}

unsigned cli_terminal_columns(void)
{
    return terminal_size().ws_col;
}

unsigned cli_terminal_lines(void)
{
    return terminal_size().ws_row;
}

static const char *const codes[] = {
    [CLI_PLAIN] = "",         [CLI_BOLD] = "\033[1m",    [CLI_RED] = "\033[31m",
    [CLI_GREEN] = "\033[32m", [CLI_YELLOW] = "\033[33m", [CLI_FAINT] = "\033[2m",
};

const char *cli_colour_code(enum cli_colour colour)
{
    return cli_in_colour() ? codes[colour] : "";
}

const char *cli_colour_end(void)
{
    return cli_in_colour() ? "\033[0m" : "";
}

/* ---- harmless text ------------------------------------------------------------------------------------ */

unsigned cli_character(const char *text, size_t left, size_t *size)
{
    const unsigned char *s = (const unsigned char *)text;
    for (size_t n = 1; n <= 4 && n <= left; n++) {
        if (!aq_utf8_is_good(text, n))
            continue;
        *size = n;
        unsigned c = n == 1 ? s[0] : s[0] & (0xFFu >> (n + 1));
        for (size_t i = 1; i < n; i++)
            c = c << 6 | (s[i] & 0x3Fu);
        return c;
    }
    *size = 1;
    return NOT_UTF8;
}

static bool is_harmful(const char *text, size_t size, unsigned c)
{
    unsigned code;
    return c < 0x20 || c == 0x7F || (size > 1 && aq_utf8_harmful(text, size, &code) > 0);
}

void cli_clean(const char *text, size_t length, bool lines, struct aq_buffer *out)
{
    for (size_t i = 0, size; i < length; i += size) {
        unsigned c = cli_character(text + i, length - i, &size);
        if (c == NOT_UTF8)
            aq_buffer_format(out, "\\x%02x", (unsigned char)text[i]);
        else if (!is_harmful(text + i, size, c) || (lines && (c == '\n' || c == '\t')))
            aq_buffer_add(out, text + i, size);
        else if (c == '\n' || c == '\t')
            aq_buffer_text(out, c == '\n' ? "\\n" : "\\t");
        else
            aq_buffer_format(out, c < 0x80 ? "\\x%02x" : "\\u%04x", c);
    }
}

/* ---- standard error ----------------------------------------------------------------------------------- */

static void say(const char *prefix, enum cli_colour colour, const char *format, va_list args)
{
    char text[2048];
    struct aq_buffer clean = {0};
    vsnprintf(text, sizeof text, format, args);
    cli_clean(text, strlen(text), true, &clean);
    fflush(stdout);
    bool coloured = err_is_terminal && may_colour && colour != CLI_PLAIN;
    fprintf(stderr, "%s%s%s%s\n", coloured ? codes[colour] : "", prefix, coloured ? "\033[0m" : "",
            aq_buffer_string(&clean));
    aq_buffer_free(&clean);
}

enum cli_exit cli_fail(enum cli_exit code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say("aq: ", CLI_RED, format, args);
    va_end(args);
    return code;
}

enum cli_exit cli_exit_of(enum aq_error_code code)
{
    int status = aq_error_http(code);
    return status < 400 ? CLI_DONE : status < 500 ? CLI_REFUSED : CLI_SERVER;
}

enum cli_exit cli_fail_error(const struct aq_error *error)
{
    return cli_fail(cli_exit_of(error->code), "%s", error->message);
}

void cli_note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say("", CLI_PLAIN, format, args);
    va_end(args);
}

/* ---- standard output ---------------------------------------------------------------------------------- */

void cli_print(const char *text, size_t length)
{
    if (!out_is_terminal) {
        fwrite(text, 1, length, stdout);
        return;
    }
    struct aq_buffer clean = {0};
    cli_clean(text, length, true, &clean);
    cli_print_raw(&clean);
    aq_buffer_free(&clean);
}

void cli_print_raw(const struct aq_buffer *text)
{
    fwrite(aq_buffer_string(text), 1, text->length, stdout);
}

enum cli_exit cli_say_close(void)
{
    bool failed = fflush(stdout) != 0 || ferror(stdout);
    if (!failed)
        return CLI_DONE;
    return cli_fail(CLI_FAILED, "cannot write to standard output: %s", strerror(errno));
}
